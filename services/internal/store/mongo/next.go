//go:build !tandem_next

package mongo

// next is what the version after this one does to the data: nothing is known of it.
var next []migration
