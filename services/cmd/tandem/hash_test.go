package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// runHash runs `tandem hash` with args on input.
func runHash(input string, args ...string) (stdout, stderr string, err error) {
	var out, errOut bytes.Buffer
	cmd := newHashCommand()
	cmd.SetIn(strings.NewReader(input))
	cmd.SetOut(&out)
	cmd.SetErr(&errOut)
	cmd.SetArgs(args)
	err = cmd.Execute()
	return out.String(), errOut.String(), err
}

func TestHashCommandVectors(t *testing.T) {
	file, err := os.ReadFile("../../internal/record/testdata/hash.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		JSON            string
		Hash, Canonical *string
	}
	if err := json.Unmarshal(file, &vectors); err != nil {
		t.Fatal(err)
	}
	var input, hashes, canonicalInput, canonicals strings.Builder
	for _, v := range vectors {
		input.WriteString(v.JSON + "\r\n")
		hash := "-"
		if v.Hash != nil {
			hash = *v.Hash
		}
		hashes.WriteString(hash + "\n")
		if v.Canonical != nil {
			canonicalInput.WriteString(v.JSON + "\n")
			canonicals.WriteString(*v.Canonical + "\n")
		}
	}
	if out, _, err := runHash(input.String()); err != nil || out != hashes.String() {
		t.Errorf("hashes: %v\n%s", err, out)
	}
	if out, _, err := runHash(canonicalInput.String(), "--canonical"); err != nil || out != canonicals.String() {
		t.Errorf("canonical: %v\n%s", err, out)
	}
}

func TestHashCommandLines(t *testing.T) {
	const a = "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d" // of "hello"
	for _, test := range []struct{ in, out, err string }{
		{"", "", ""},
		{`"hello"`, a + "\n", ""},
		{"\"hello\"\r\nnull", a + "\n-\n", ""},
		{"\"hello\"\n{\n\"hello\"\n", a + "\n", "line 2: invalid JSON at byte 1"},
		{"\"hello\"\n\r\n", a + "\n", "line 2: empty"},
		{"\n", "", "line 1: empty"},
		{" \n", "", "line 1: invalid JSON"},
		{"\"hello\"\n\"a\xff\"", a + "\n", "line 2: invalid JSON at byte 2: not UTF-8"},
	} {
		out, stderr, err := runHash(test.in)
		if out != test.out || (err == nil) != (test.err == "") || !strings.Contains(stderr, test.err) {
			t.Errorf("%q: %q, %q, %v", test.in, out, stderr, err)
		}
		if strings.Contains(stderr, "Usage") {
			t.Errorf("%q: usage printed: %s", test.in, stderr)
		}
	}
	if out, _, err := runHash("null\n\"a\\nb\"", "--canonical"); err != nil || out != "-\na\nb\n" {
		t.Errorf("canonical: %q, %v", out, err)
	}
	if _, _, err := runHash("", "file.json"); err == nil {
		t.Error("arguments are taken")
	}
}

func TestHashCommandLongLine(t *testing.T) {
	long := `"` + strings.Repeat("x", 64<<20) + `"`
	out, _, err := runHash(long + "\n" + `{"a":` + long + "}\n1\n")
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(out, "\n"); len(lines) != 4 || len(lines[0]) != 40 || len(lines[1]) != 40 || lines[0] == lines[1] {
		t.Errorf("%q", out)
	}
}
