package record

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"
)

// GlobalHash digests a set of records, each by its uid and hash, for
// DatasetClient.ContentHash. The order in which records come does not count, and
// a change costs the change alone: Remove what was, Add what is.
//
// The zero value is the empty set. It is the sum, modulo 2^256, of a SHA-256 of
// each record, so that it also counts records: adding one twice is not adding it
// once.
type GlobalHash struct {
	sum [4]uint64 // least significant first
}

// Add puts a record into the set.
func (g *GlobalHash) Add(uid, hash string) {
	var carry uint64
	for i, word := range digestRecord(uid, hash) {
		g.sum[i], carry = bits.Add64(g.sum[i], word, carry)
	}
}

// Remove takes out a record that is in the set, under the hash that it was added with.
func (g *GlobalHash) Remove(uid, hash string) {
	var borrow uint64
	for i, word := range digestRecord(uid, hash) {
		g.sum[i], borrow = bits.Sub64(g.sum[i], word, borrow)
	}
}

// String returns the digest: 64 digits of lower-case hex, never "".
func (g GlobalHash) String() string {
	var b [32]byte
	for i, word := range g.sum {
		binary.BigEndian.PutUint64(b[24-8*i:], word)
	}
	return hex.EncodeToString(b[:])
}

// ParseGlobalHash returns the set of which String gave text, to go on from there.
// It is an error when text was not made by String (such as a global hash
// that a reference server stored).
func ParseGlobalHash(text string) (GlobalHash, error) {
	var g GlobalHash
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != 32 {
		return g, fmt.Errorf("%q is not a content hash: want 64 digits of hex", text)
	}
	for i := range g.sum {
		g.sum[i] = binary.BigEndian.Uint64(b[24-8*i:])
	}
	return g, nil
}

// digestRecord is the number of one record. The length of the uid goes first:
// without it a uid could borrow from the hash.
func digestRecord(uid, hash string) [4]uint64 {
	buf := make([]byte, 0, 128) // on the stack for most
	buf = binary.AppendUvarint(buf, uint64(len(uid)))
	buf = append(buf, uid...)
	buf = append(buf, hash...)
	sum := sha256.Sum256(buf)
	var words [4]uint64
	for i := range words {
		words[i] = binary.BigEndian.Uint64(sum[24-8*i:])
	}
	return words
}
