//go:build !race

package storetest

// many is how much the tests of large batches take.
const many = 10_000
