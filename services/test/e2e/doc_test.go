// Package e2e_test runs whole programs against one another: the unmodified
// fh-sync-js client (folder client, in Node) against a running `tandem all`.
// What a client must see is written in the client's own language there; this
// side only builds, starts and stops.
package e2e_test
