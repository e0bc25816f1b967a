package record

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// FuzzCanonical: no input brings the hash down; what is taken as JSON is JSON,
// and neither white space nor the way in which texts are written counts.
func FuzzCanonical(f *testing.F) {
	for _, v := range readVectors(f) {
		f.Add([]byte(v.JSON))
	}
	for _, seed := range []string{
		``, ` `, `{`, `{"a":`, `[1,`, `"\u`, `"\ud83d\ude00\ud800"`, `1e400`, `-0`, `{"a":1,"\u0061":2}`, "\xef\xbb\xbf1", "\"\xff\"",
		`{"\ud83d":1,"😀":2,"\ue000":3}`, strings.Repeat(`{"a":[`, 50), "[" + strings.Repeat("0,", 120) + "0]", "1\x00",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		hash, err := Hash(raw)
		text, err2 := Canonical(raw)
		if (err == nil) != (err2 == nil) || (hash == "") != (text == "") {
			t.Fatalf("Hash = %q, %v; Canonical = %q, %v", hash, err, text, err2)
		}
		if len(raw) == 0 || err != nil {
			return
		}
		if !json.Valid(raw) {
			t.Fatalf("%q is not JSON, and is taken as %s", raw, text)
		}
		var spaced bytes.Buffer
		if err := json.Indent(&spaced, raw, " ", "\t"); err != nil {
			t.Fatal(err)
		}
		if again, err := Hash(spaced.Bytes()); err != nil || again != hash {
			t.Fatalf("%q, with more space: %q, %v; want %q", raw, again, err, hash)
		}
		// The canonical text of a container is JSON itself.
		if first := bytes.TrimLeft(raw, " \t\r\n")[0]; first == '{' || first == '[' {
			if !json.Valid([]byte(text)) {
				t.Fatalf("%q: canonical text %q", raw, text)
			}
		}
	})
}

var benchmarkRecord = json.RawMessage(`{"id":"5926b5d3b3f8a3c2d8f0b1a7","name":"Replace the filter of pump 7","status":"in progress","priority":3,
"created":1495123790928,"updated":1495799747404.5,"assignee":{"id":"u-1023","name":"Aiko Tanaka 田中","phone":"+81-3-1234-5678"},
"site":{"name":"Plant 4, Hall B","lat":35.6894875,"lon":139.6917064,"address":["1-2-3 Nishi","Shinjuku","Tokyo"]},
"notes":"The pump makes a noise at start.\nLast changed in 2016: \"filter B\" fits too.","tags":["pump","filter","hall-b","2017","urgent"],
"parts":[{"sku":"F-100-23","count":2,"price":129.9},{"sku":"S-7","count":12,"price":0.35},{"sku":"G-77","count":1,"price":4}],
"checks":{"power off":true,"valve closed":true,"pressure":null,"photo":"b2f7c9d4-1f6e-4f0e-9f3b-7a5c1d2e3f40.jpg"},
"history":[{"at":1495123790928,"by":"u-1023","what":"created"},{"at":1495799747404,"by":"u-7","what":"changed status"}],
"signed":false,"signature":"","customer":"Example Water Works","contract":"C-2017-000123","hours":1.75,"zone":"Asia/Tokyo"}`)

func BenchmarkHash(b *testing.B) {
	b.ReportAllocs()
	b.SetBytes(int64(len(benchmarkRecord)))
	for b.Loop() {
		if _, err := Hash(benchmarkRecord); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGlobalHash(b *testing.B) {
	b.ReportAllocs()
	var g GlobalHash
	for b.Loop() {
		g.Add("5926b5d3b3f8a3c2d8f0b1a7", "264f451210d93a1cf365e26f2fc1ceea6cc692d6")
	}
}
