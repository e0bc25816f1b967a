package record

import (
	"bytes"
	"context"
	"encoding/base64"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	nodeDir = "testdata/node"
	install = "this test asks the reference server (npm fh-sync 2.1.0) for hashes: " +
		"install Node.js 20 or later with npm, and let npm reach its registry once"
)

// Random JSON, full of what is hard, gets the hash and the canonical text that
// the reference server's own code gives it.
func TestHashAgainstReference(t *testing.T) {
	const values = 5000
	for _, seed := range []uint64{1, 2} {
		g := generator{rand.New(rand.NewPCG(seed, 0))}
		var lines [][]byte
		var input bytes.Buffer
		for range values {
			lines = append(lines, g.value(nil, 0))
			input.Write(lines[len(lines)-1])
			input.WriteByte('\n')
		}
		bad := 0
		for i, answer := range askReference(t, &input, values) {
			wantHash, encoded, _ := strings.Cut(answer, " ")
			if wantHash == "-" {
				wantHash = ""
			}
			wantText, err := base64.StdEncoding.DecodeString(encoded)
			if err != nil {
				t.Fatalf("answer %q: %v", answer, err)
			}
			hash, err := Hash(lines[i])
			text, err2 := Canonical(lines[i])
			if err != nil || err2 != nil || hash != wantHash || text != string(wantText) {
				t.Errorf("seed %d, value %d: %s\n got %q %q %v %v\nwant %q %q", seed, i, lines[i], hash, text, err, err2, wantHash, wantText)
				if bad++; bad == 5 {
					t.FailNow()
				}
			}
		}
	}
}

func askReference(t *testing.T, input *bytes.Buffer, values int) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	// npm writes this file last.
	if _, err := os.Stat(filepath.Join(nodeDir, "node_modules/.package-lock.json")); err != nil {
		npm := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
		npm.Dir = nodeDir
		if out, err := npm.CombinedOutput(); err != nil {
			t.Fatalf("npm ci in %s: %v\n%s\n%s", nodeDir, err, out, install)
		}
	}
	node := exec.CommandContext(ctx, "node", "hash.js")
	node.Dir, node.Stdin = nodeDir, input
	var stderr bytes.Buffer
	node.Stderr = &stderr
	out, err := node.Output()
	if err != nil {
		t.Fatalf("node hash.js: %v\n%s\n%s", err, stderr.Bytes(), install)
	}
	answers := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(answers) != values {
		t.Fatalf("%d answers to %d values", len(answers), values)
	}
	return answers
}

// generator makes JSON texts, each on one line.
type generator struct{ *rand.Rand }

func (g generator) value(b []byte, depth int) []byte {
	b = g.space(b)
	switch n := g.IntN(12); {
	case n < 3 && depth < 6 || n < 7 && depth < 2:
		return g.space(g.object(b, depth))
	case n < 5 && depth < 6:
		return g.space(g.array(b, depth))
	case n < 7:
		return g.space(g.number(b))
	case n == 7:
		return g.space(append(b, pick(g, "null", "true", "false")...))
	case n == 8 && depth < 2 && g.IntN(20) == 0:
		deep := 1 + g.IntN(500)
		b = append(b, strings.Repeat(`{"k":[`, deep)...)
		b = g.number(b)
		return append(b, strings.Repeat(`]}`, deep)...)
	}
	return g.space(g.text(b))
}

func (g generator) object(b []byte, depth int) []byte {
	b = append(b, '{')
	for i, n := 0, g.IntN(9); i < n; i++ {
		if i > 0 {
			b = append(b, ',')
		}
		b = g.space(b)
		if g.IntN(3) == 0 {
			b = append(b, pick(g, `"__proto__"`, `"constructor"`, `"toJSON"`, `"length"`, `"key"`, `"value"`, `""`, `"a"`,
				`"\u0061"`, `"01"`, `"1e3"`, `"-1"`, `"$where"`, `"a.b"`, `"\u0000"`, `"hasOwnProperty"`)...)
		} else {
			b = g.text(b)
		}
		b = append(g.space(b), ':')
		b = g.value(b, depth+1)
	}
	return append(g.space(b), '}')
}

func (g generator) array(b []byte, depth int) []byte {
	n := g.IntN(4)
	if g.IntN(4) == 0 {
		n = g.IntN(130)
		depth = 6 // of simple values
	}
	b = append(b, '[')
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = g.value(b, depth+1)
	}
	return append(g.space(b), ']')
}

func (g generator) number(b []byte) []byte {
	if g.IntN(2) == 0 {
		return append(b, pick(g, "0", "-0", "1e21", "1e20", "999999999999999999999", "123456789012345678901234567890", "1e-6", "1e-7",
			"0.000001234", "5e-324", "2.5e-324", "1.7976931348623157e308", "1.7976931348623159e308", "1e400", "-1e400", "1e-400",
			"9007199254740993", "-9007199254740993", "0.1", "100", "1.0", "1E+2", "4.35", "0.30000000000000004", "123456789012345.6",
			"999999999999999", "9999999999999999", "-999999999999999", "1e23", "2e-7", "0e9", "1.5E-10")...)
	}
	if g.IntN(3) == 0 {
		b = append(b, '-')
	}
	digits := func(n int) {
		for range n {
			b = append(b, byte('0'+g.IntN(10)))
		}
	}
	b = append(b, byte('1'+g.IntN(9)))
	digits(g.IntN(25))
	if g.IntN(2) == 0 {
		b = append(b, '.')
		digits(1 + g.IntN(20))
	}
	if g.IntN(3) == 0 {
		b = append(b, pick(g, "e", "E", "e-", "E+")...)
		digits(1 + g.IntN(3))
	}
	return b
}

func (g generator) text(b []byte) []byte {
	b = append(b, '"')
	for range g.IntN(5) {
		switch g.IntN(6) {
		case 0:
			b = append(b, pick(g, `\"`, `\\`, `\/`, `\b`, `\f`, `\n`, `\r`, `\t`, `\u0000`, `\u001F`, "\x7f", `\u007f`, `\u2028`,
				"\u2028", "\u2029", "\u0085", "<", ">", "&", "'", "\ufeff", "\ufffd", "\uffff")...)
		case 1: // surrogates: alone, in pairs, the wrong way round
			b = append(b, pick(g, `\ud800`, `\uDBFF`, `\udc00`, `\uDfFf`, `\ud83d\ude00`, `\ude00\ud83d`, "😀", "𐀀", "\U0010ffff")...)
		case 2: // around the surrogates
			b = append(b, pick(g, "\ud7ff", "\ue000", "ﬁ", `\ud7ff`, `\uE000`, "데", "名", "é")...)
		case 3:
			const digits = "0123456789ABCDEFabcdef"
			b = append(b, `\u`...)
			for range 4 {
				b = append(b, digits[g.IntN(len(digits))])
			}
		default:
			for range 1 + g.IntN(3) {
				b = append(b, "abzAZ019_-. "[g.IntN(12)])
			}
		}
	}
	return append(b, '"')
}

func (g generator) space(b []byte) []byte {
	if g.IntN(4) == 0 {
		return append(b, pick(g, " ", "\t", "  ", "\r")...)
	}
	return b
}

func pick(g generator, from ...string) string { return from[g.IntN(len(from))] }
