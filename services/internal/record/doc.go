// Package record is the vocabulary of Tandem: records, pending changes, their
// results, dataset clients, and the hashes that tie them together.
//
// It does no I/O, knows no store, no HTTP and no clock, so that every rule of
// the protocol that can be said about data alone is said (and tested) here.
// JSON travels as the bytes that a device or a backend sent: decoding it into
// Go maps would lose what JSON allows and Go does not (lone surrogates, the
// order of keys, the spelling of numbers).
package record
