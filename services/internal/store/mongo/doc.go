// Package mongo is the store engine for clusters: MongoDB, shared by every process.
//
// Collections, field names and document shapes are those of the reference server
// (protocol section 6), so that either can work on a database that the other
// wrote; what Tandem adds stands beside them. It needs no transactions, no change
// streams, no update pipelines and no server-side JavaScript.
//
// Without transactions each method that touches several documents is a sequence of
// single-document writes, and three rules make a crash between any two harmless:
//
//   - One write decides. A change is finished by the one update that sets deleted
//     and the outcome under the condition that the claim still stands; an enqueued
//     change exists with its insert. What comes before prepares and may be done twice;
//     what follows is derived from it.
//   - Whoever comes by completes the rest. A finished change keeps its place at the
//     head of its record's line until all that follows is written. If its worker dies,
//     the claim runs out, and the next claim finds the finished change, completes it
//     (settle), and goes on. A line that lost its head (a crash between two writes of
//     promote) is found by sweep.
//   - Every write is conditional or idempotent. Fencing tokens (ack, run token,
//     lease token) and versions stand in the filter of the update itself.
//
// Uniqueness comes from _id and from sparse unique indexes: head (one change of a
// record at a time), version (one message for each version of a change), waiting (one
// unclaimed job for each dataset client).
//
// Times are the database server's (see serverTime), so that the processes of a
// cluster need not agree on theirs.
package mongo
