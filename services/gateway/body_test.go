package gateway_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/tandem-sync/tandem/services/internal/store"
)

// compressors make a compressed body of what is written to them.
var compressors = map[string]func(io.Writer) (io.WriteCloser, error){
	"gzip":   func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil },
	"x-gzip": func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil },
	"br":     func(w io.Writer) (io.WriteCloser, error) { return brotli.NewWriterLevel(w, 4), nil },
	"zstd":   func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) },
}

func (b *bench) compress(encoding string, plain io.Reader) string {
	b.Helper()
	var out bytes.Buffer
	w, err := compressors[encoding](&out)
	b.must(err)
	_, err = io.Copy(w, plain)
	b.must(err)
	b.must(w.Close())
	return out.String()
}

// zeros is n bytes that compress well.
func zeros(n int64) io.Reader { return io.LimitReader(spaces{}, n) }

type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestCompressedBodies(t *testing.T) {
	for encoding := range compressors {
		b := newBench(t, nil)
		body := b.compress(encoding, strings.NewReader(request("sync", "phone", pending(create("c1", milk)))))
		if w := b.post(body, "Content-Encoding", encoding); w.Code != http.StatusOK || b.queue(store.QueuePending) != 1 {
			t.Errorf("%s: %d %s", encoding, w.Code, w.Body)
		}
		for what, broken := range map[string]string{"cut off": body[:len(body)-5], "no such thing": "{}", "empty": ""} {
			if w := b.post(broken, "Content-Encoding", encoding); w.Code != http.StatusBadRequest || b.text(w) == "" {
				t.Errorf("%s body, %s: %d %s", encoding, what, w.Code, w.Body)
			}
		}
	}
}

func TestUnknownContentEncoding(t *testing.T) {
	b := newBench(t, nil)
	for _, encoding := range []string{"deflate", "gzip, br", "rot13"} {
		w := b.post(request("sync", "phone"), "Content-Encoding", encoding)
		if msg := b.text(w); w.Code != http.StatusUnsupportedMediaType || !strings.Contains(msg, encoding) || !strings.Contains(msg, "zstd") {
			t.Errorf("%s: %d %s", encoding, w.Code, msg)
		}
	}
	if w := b.post(request("sync", "phone"), "Content-Encoding", " Identity "); w.Code != http.StatusOK {
		t.Errorf("identity: %d %s", w.Code, w.Body)
	}
}

func (b *bench) tooLarge(what string, w *httptest.ResponseRecorder) {
	b.Helper()
	if msg := b.text(w); w.Code != http.StatusRequestEntityTooLarge || !strings.Contains(msg, "1048576") || !strings.Contains(msg, "bodyLimit") {
		b.Errorf("%s: %d %s, want a 413 that names limit and setting", what, w.Code, msg)
	}
}

func TestBodyLimit(t *testing.T) {
	const limit = 1 << 20
	b := newBench(t, nil)
	pad := func(n int) string {
		body := request("sync", "phone", `"pad":""`)
		return strings.Replace(body, `"pad":"`, `"pad":"`+strings.Repeat("x", n-len(body)), 1)
	}
	if w := b.post(pad(limit)); w.Code != http.StatusOK {
		t.Errorf("a body of the limit: %d %s", w.Code, w.Body)
	}
	b.tooLarge("one byte more", b.post(pad(limit+1)))
	// Without a length in the header.
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/sync/tasks", io.MultiReader(strings.NewReader(pad(limit+1))))
	r.ContentLength = -1
	w := httptest.NewRecorder()
	b.gateway.ServeHTTP(w, r)
	b.tooLarge("chunked", w)
	// Compressed it is larger than the limit already.
	noise := make([]byte, 2*limit)
	random := rand.NewChaCha8([32]byte{})
	_, _ = random.Read(noise)
	for encoding := range compressors {
		body := b.compress(encoding, bytes.NewReader(noise))
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/sync/tasks", io.MultiReader(strings.NewReader(body)))
		r.ContentLength = -1
		r.Header.Set("Content-Encoding", encoding)
		w := httptest.NewRecorder()
		b.gateway.ServeHTTP(w, r)
		b.tooLarge(encoding, w)
	}
}

// A large body that becomes nothing is refused as well: empty gzip members.
func TestBodyOfEmptyMembers(t *testing.T) {
	b := newBench(t, nil)
	member := b.compress("gzip", strings.NewReader(""))
	body := strings.Repeat(member, (2<<20)/len(member)) + b.compress("gzip", strings.NewReader(request("sync", "phone")))
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/sync/tasks", io.MultiReader(strings.NewReader(body)))
	r.ContentLength = -1
	r.Header.Set("Content-Encoding", "gzip")
	w := httptest.NewRecorder()
	b.gateway.ServeHTTP(w, r)
	b.tooLarge("empty members", w)
}

// A small body that would become a large one is refused at the limit.
func TestDecompressionBombs(t *testing.T) {
	const size = 24 << 20
	for _, encoding := range []string{"gzip", "br", "zstd"} {
		b := newBench(t, nil)
		bomb := b.compress(encoding, zeros(size))
		if len(bomb) > 1<<20 {
			t.Fatalf("%s: a bomb of %d bytes is none", encoding, len(bomb))
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		b.tooLarge(encoding+" bomb", b.post(bomb, "Content-Encoding", encoding))
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > size {
			t.Errorf("%s: %d MB allocated for a body with a limit of 1 MB", encoding, took>>20)
		}
		b.leftNothing(encoding + " bomb")
	}
	// A frame that asks for a window of 1 GB.
	b := newBench(t, nil)
	greedy := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa0, 0x01, 0x00, 0x00}
	b.tooLarge("zstd window", b.post(string(greedy), "Content-Encoding", "zstd"))
}

// slowBody is a body whose connection ran into the read time-out of the server.
type slowBody struct{ err error }

func (s slowBody) Read([]byte) (int, error) { return 0, s.err }
func (s slowBody) Close() error             { return nil }

func TestBodyThatDoesNotArrive(t *testing.T) {
	for want, err := range map[int]error{
		http.StatusRequestTimeout: fmt.Errorf("read tcp: %w", os.ErrDeadlineExceeded),
		http.StatusBadRequest:     io.ErrUnexpectedEOF,
	} {
		for _, encoding := range []string{"", "gzip", "br", "zstd"} {
			b := newBench(t, nil)
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/sync/tasks", slowBody{err})
			r.Header.Set("Content-Encoding", encoding)
			w := httptest.NewRecorder()
			b.gateway.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("%v with encoding %q: %d %s, want %d", err, encoding, w.Code, w.Body, want)
			}
			b.leftNothing("a body that did not arrive")
		}
	}
}

// The answer comes before the body is read to its end: a large upload is not
// waited for.
func TestTooLargeIsSaidQuickly(t *testing.T) {
	b := newBench(t, nil)
	server := httptest.NewServer(b.gateway)
	defer server.Close()
	body, feed := io.Pipe()
	defer feed.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/sync/tasks", body)
	b.must(err)
	req.ContentLength = 1 << 30
	done := make(chan error, 1)
	go func() {
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode != http.StatusRequestEntityTooLarge {
				err = errors.New(resp.Status)
			}
		}
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("no answer to the head of a request that can only be refused")
	}
}
