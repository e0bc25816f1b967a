//go:build race

package storetest

// many is less under the race detector, which makes pure Go engines very slow and
// finds in 1,000 what it would in 10,000.
const many = 1_000
