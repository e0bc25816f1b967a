package webhook

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/services/adapters/webhook/example"
)

// The secret changes without a restart, and without a request that is refused: both
// sides know both secrets for a while.
func TestSecretsAreReplaced(t *testing.T) {
	path := secretFile(t, testSecret)
	service := example.New(testSecret)
	a := open1(t, serve(t, func(w http.ResponseWriter, r *http.Request) { service.ServeHTTP(w, r) }), Options{Target: Target{SecretFile: path}, Retries: -1})
	works := func(when string) {
		t.Helper()
		if err := a.Ping(t.Context()); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	works("old")
	writeFile(t, path, otherSecret+"\n\n  "+testSecret+"\r\n")
	works("both, the service knows the old one")
	service = example.New(otherSecret)
	works("both, the service knows the new one")
	writeFile(t, path, otherSecret)
	works("new")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	works("the file is away for a moment")
	writeFile(t, path, testSecret)
	if err := a.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "compare the secrets") {
		t.Error("the wrong secret:", err)
	}
}

func TestBadSecrets(t *testing.T) {
	for text, want := range map[string]string{
		"": "holds 0 secrets", "short": "16 characters", testSecret + "\n" + otherSecret + "\n" + testSecret: "holds 3 secrets",
	} {
		path := secretFile(t, text)
		if _, err := readSecrets(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// What the page tells people to copy is what runs here.
func TestSamplesOfThePage(t *testing.T) {
	page, err := os.ReadFile("../../../docs/11-adapter-webhook.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"verify.go", "verify.mjs", "verify.py", "adapter.yaml"} {
		sample, err := os.ReadFile("example/" + name)
		if err != nil {
			t.Fatal(err)
		}
		_, sample, _ = bytes.Cut(append([]byte("\n"), sample...), []byte("\npackage example\n"))
		if len(sample) == 0 {
			if sample, err = os.ReadFile("example/" + name); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Contains(page, bytes.TrimSpace(sample)) {
			t.Errorf("the page does not have %s as it is", name)
		}
	}
}

// verifiers are the samples as programs: header and body in, "true" or "false" out.
// Python is tried where it is there.
func TestSamplesAgree(t *testing.T) {
	body := `{"operation":"ping","ü":"<&>"}`
	now := time.Now()
	good := sign([][]byte{[]byte(otherSecret), []byte(testSecret)}, now, []byte(body))
	headers := map[string]bool{
		good: true,
		sign([][]byte{[]byte(testSecret)}, now, []byte(body)):                     true,
		sign([][]byte{[]byte(otherSecret)}, now, []byte(body)):                    false,
		sign([][]byte{[]byte(testSecret)}, now, []byte(body+" ")):                 false,
		sign([][]byte{[]byte(testSecret)}, now.Add(-6*time.Minute), []byte(body)): false,
		sign([][]byte{[]byte(testSecret)}, now.Add(6*time.Minute), []byte(body)):  false,
		sign([][]byte{[]byte(testSecret)}, now.Add(-4*time.Minute), []byte(body)): true,
		strings.Replace(good, "t=", "t=1", 1):                                     false,
		"":                                                                        false, "t=": false, "v1=": false, "t=x,v1=zz": false, "t=,v1=,": false, "nonsense": false,
	}
	programs := map[string][]string{"Node.js": {"node", "--input-type=module", "-e", `
		import { verify } from './example/verify.mjs';
		console.log(verify(process.argv[1], process.argv[2], Buffer.from(process.argv[3])));`}}
	if python, err := exec.LookPath("python3"); err == nil {
		programs["Python"] = []string{python, "-B", "-c", `
import sys
sys.path.insert(0, "example")
from verify import verify
print(str(verify(sys.argv[1].encode(), sys.argv[2], sys.argv[3].encode())).lower())`}
	}
	for header, want := range headers {
		w := &statusOf{ResponseWriter: discard{}, status: http.StatusOK}
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set(signatureHeader, header)
		example.New(testSecret).ServeHTTP(w, r)
		if got := w.status != http.StatusUnauthorized; got != want {
			t.Errorf("Go: %q: %v", header, got)
		}
		for name, program := range programs {
			out, err := exec.CommandContext(t.Context(), program[0], append(program[1:], testSecret, header, body)...).CombinedOutput()
			if got := strings.TrimSpace(string(out)); err != nil || got != map[bool]string{true: "true", false: "false"}[want] {
				t.Errorf("%s: %q: %s, %v", name, header, out, err)
			}
		}
	}
}

type discard struct{ http.ResponseWriter }

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return io.Discard.Write(b) }
func (discard) WriteHeader(int)             {}
