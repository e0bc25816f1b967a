// Package rawjson reads JSON as bytes, without turning it into Go values.
//
// It exists because two things that the protocol needs are lost when JSON goes
// through Go strings and maps: lone surrogates (`"\ud800"` is legal JSON, and is
// another text than `"\ud801"`), and the bytes that a device sent. Data is told
// apart here by spans of the input; a text is decoded only where its content
// matters, into WTF-8: UTF-8 that may also hold lone surrogates, as the three
// bytes that their number would take. A WTF-8 text that is valid UTF-8 is an
// ordinary text.
//
// Promises: everything that JSON.parse of ECMAScript takes is taken, within
// MaxDepth; everything else is refused with the offset of the first bad byte;
// input that is not UTF-8, or begins with a byte order mark, is refused; what is
// printed (numbers, quoted texts) reads as JSON.stringify prints it.
//
// It knows nothing of records, devices or the protocol.
package rawjson
