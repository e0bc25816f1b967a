// Package app is the only place that picks engines and wires roles.
//
// Everything is made here by plain constructors, in the order in which it depends
// on one another, and ended in the reverse order. A node stops in two stages: it
// takes no new work, lets the work in hand finish, then closes what it opened.
package app
