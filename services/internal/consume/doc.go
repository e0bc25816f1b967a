// Package consume is the loop in which a worker takes messages from a queue.
//
// The poll is the truth and the wake is a hint: a loop asks its queue at the
// documented interval, with a back-off while it finds nothing, and at once when
// somebody says that there is something. A lost wake costs time, never a message.
//
// A message in work is kept from other workers by extending its claim; a worker
// that lost its claim is told through its context. A loop stops in two stages:
// when its context ends it claims no more, and messages in hand are finished.
//
// It knows nothing of what the messages mean.
package consume
