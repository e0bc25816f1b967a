// Package embedded is the adapter of `tandem all`: records in an SQLite file, so
// that nothing but a directory is needed.
//
// It promises what an adapter can promise at best: a write that was answered
// survives a power cut (synchronous=FULL); Update and Delete compare and write in
// one transaction; the keys of all writes are remembered in that transaction
// for KeyTTL, so that a repetition changes nothing, even when others changed the
// record in between. Data are given back byte for byte. A uid is made from
// dataset and key, so that a repeated create finds its record even after the
// key was forgotten.
//
// query_params are read by package filter and matched against every record of
// the dataset: this is an adapter to try things with and for small backends.
//
// It knows nothing of Tandem's own store, which is another file.
package embedded
