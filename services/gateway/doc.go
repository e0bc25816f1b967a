// Package gateway is the role that ends the devices' HTTP (protocol section 2).
//
// It promises that a change is durable before its request is answered, that what
// is bad input gets a 4xx that says what and where and leaves nothing behind, and
// that the work per request follows what changed: a sync with nothing new is one
// store read and no write.
//
// It queues changes and acknowledgements, answers results and differences, and
// calls adapters for collisions only. It applies nothing.
package gateway
