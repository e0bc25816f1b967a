// Package wire is the HTTP JSON that devices and the gateway exchange: requests
// in, answers out, with the quirks of the clients that exist (protocol section 2).
//
// It promises that a decoded request is safe to hand on: every change and
// acknowledgement has a cuid and a hash, ids are valid Unicode, query_params and
// meta_data are objects, and what a device sent as record data is still the bytes
// that it sent. One bad change never makes a request fail (protocol section 4,
// trap 4): it is marked as invalid, or dropped with a reason where it can't even
// be answered. A request that is bad as a whole gives an *Error with its HTTP
// status and words for whoever wrote the client.
//
// It knows no net/http, no store and no clock: bytes in, values out, and back.
package wire
