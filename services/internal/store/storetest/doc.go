// Package storetest is the definition of the store: a suite that every engine
// passes in full. What package store says in words, Exercise says in tests.
//
// It knows the port alone and no engine. An engine that cannot do a thing says so
// in Harness.Except, with the reason; the list of exceptions is the list of what
// differs between engines.
//
// Tests here use no real time: the harness gets a Clock whose hands the tests turn.
package storetest
