// Package app is the only place that picks engines and wires roles.
//
// A Node is a process with one role, or with all of them. Everything in it is made
// here by plain constructors, in the order in which it depends on one another, and
// only what its roles need; it is ended in the reverse order. What lies elsewhere and
// is away at the start is waited for (patiently). A node stops in two stages: it takes
// no new work, lets the work in hand finish, then closes what it opened.
//
// RunAdapter is the one process that is no Node: it has no store.
package app
