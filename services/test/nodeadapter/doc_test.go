// Package nodeadapter_test holds the host of existing Node.js handlers
// (services/adapters/node, an npm package) to its promises from outside: to the
// adapter contract, by the suite that every adapter passes, and to a server written for
// npm fh-sync, which must go on with one line changed.
//
// It knows the package's examples and its log line "serving on"; the package's own tests,
// which it runs too, know the rest.
package nodeadapter_test
