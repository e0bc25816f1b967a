package record

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tandem-sync/tandem/services/internal/record/rawjson"
)

// Hasher computes the record hash of a record's data: two records with the same
// hash count as the same version of the record. Errors as Hash.
//
// It decides which records a sync run stores and devices fetch, and whether a
// change met a record that somebody else had changed. It does not decide whether
// a change is in effect already, nor name dataset clients: those stay with Hash,
// since a hash that leaves parts of the data out would take a change that touches
// only those for done.
type Hasher func(data json.RawMessage) (string, error)

// The names of the record hashes that NewHasher knows.
const (
	HashSHA1   = "sha1"    // Hash; the default
	HashSHA256 = "sha256"  // as Hash, with SHA-256 in place of SHA-1
	HashField  = "field:"  // followed by a name: the record reduced to that field
	HashFields = "fields:" // followed by names with commas: the record reduced to those fields
)

// HasherRule says in words which names NewHasher takes.
const HasherRule = "sha1, sha256, field:NAME, fields:NAME,NAME or {fields: [NAME, NAME]}"

// NewHasher returns the record hash of a name; "" is HashSHA1. A record that lacks
// one of the named fields (absent or null) is hashed whole: without a version
// nothing but its content tells two of its states apart.
func NewHasher(name string) (Hasher, error) {
	switch {
	case name == "" || name == HashSHA1:
		return Hash, nil
	case name == HashSHA256:
		return hashSHA256, nil
	case strings.HasPrefix(name, HashField):
		return byFields(name, []string{strings.TrimPrefix(name, HashField)})
	case strings.HasPrefix(name, HashFields):
		return byFields(name, strings.Split(strings.TrimPrefix(name, HashFields), ","))
	}
	return nil, fmt.Errorf("%q is no record hash", name)
}

func hashSHA256(data json.RawMessage) (string, error) {
	text, err := Canonical(data)
	if err != nil || text == "" {
		return "", err
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:]), nil
}

func byFields(name string, fields []string) (Hasher, error) {
	for i, field := range fields {
		switch {
		case strings.TrimSpace(field) != field || field == "":
			return nil, fmt.Errorf("%q names the field %q: a name is not empty and has no spaces around it", name, field)
		case slices.Contains(fields[:i], field):
			return nil, fmt.Errorf("%q names the field %s twice", name, field)
		}
	}
	return func(data json.RawMessage) (string, error) {
		whole, err := Hash(data) // also checks that it is JSON, which the reader below takes for granted
		if err != nil || !IsObject(data) {
			return whole, err
		}
		reduced, ok := reduce(data, fields)
		if !ok {
			return whole, nil
		}
		return Hash(reduced)
	}, nil
}

// reduce is the object with these fields alone, false when one of them is absent or null.
func reduce(object []byte, fields []string) ([]byte, bool) {
	values := make([][]byte, len(fields))
	for token, value := range rawjson.Members(object) {
		name, _ := rawjson.Decode(token)
		if i := slices.Index(fields, name); i >= 0 {
			values[i] = value // of a key that comes twice the last counts
		}
	}
	out := []byte{'{'}
	for i, value := range values {
		if len(value) == 0 || rawjson.KindOf(value) == rawjson.KindNull {
			return nil, false
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = rawjson.AppendQuoted(out, []byte(fields[i]))
		out = append(append(out, ':'), value...)
	}
	return append(out, '}'), true
}
