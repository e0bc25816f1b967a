// Package interceptor is the SDK for interceptors in Go: a service of your own that
// Tandem asks about each request of a device. It may refuse the request, narrow it
// down by replacing its query_params or meta_data, and hold back the answer.
//
//	type owners struct{ interceptor.AllowAll }
//
//	func (owners) Request(ctx context.Context, call interceptor.Call) (interceptor.Replace, error) {
//		user, err := whoIs(ctx, call.Headers["authorization"])
//		if err != nil {
//			return interceptor.Replace{}, interceptor.Refuse("log in first")
//		}
//		return interceptor.Replace{QueryParams: ownedBy(user)}, nil
//	}
//
//	err := interceptor.Serve(ctx, ":9090", owners{})
//
// A device waits for each answer: give it within milliseconds. An error that is not
// made by Refuse or RefuseWith, and a panic, count as no answer: by default the
// device is told to try again later (setting interceptorOnFailure). The contract is
// proto/interceptor/v1.
package interceptor

import (
	"context"
	"encoding/json"
)

// Interceptor decides about requests. Its methods are called concurrently, and may
// be called again for the same request.
type Interceptor interface {
	// Request is asked before anything is done for a request. nil lets it go on, with
	// what Replace holds in the place of what the device sent.
	Request(ctx context.Context, call Call) (Replace, error)
	// Response is asked before an answer of sync or syncRecords is sent. nil lets it go.
	Response(ctx context.Context, call Call, answer Summary) error
}

// Call is a request of a device.
type Call struct {
	Dataset     string
	Fn          string            // sync, syncRecords, listCollisions or removeCollision
	CUID        string            // the device's client id; "" when it sent none
	QueryParams json.RawMessage   // a JSON object
	MetaData    json.RawMessage   // a JSON object
	Headers     map[string]string // those that the contract lists, names in lower case

	Changes          []Change // what a sync brings, in its order
	Acknowledgements int      // how many results the device has seen (sync)
	ClientRecords    int      // how many records the device has (syncRecords)
	CollisionHash    string   // of the collision (removeCollision)
}

// Change is a change made on the device, without its data.
type Change struct {
	Action string // create, update or delete; what the device sent, be it none of them
	UID    string
	Hash   string // the identity of the change
}

// Replace is what takes the place of what the device sent: JSON objects; nil leaves
// what there was.
type Replace struct {
	QueryParams json.RawMessage
	MetaData    json.RawMessage
}

// Summary is what an answer holds.
type Summary struct {
	Hash    string `json:"hash"`    // the global hash; "" where the answer has none
	Updates int    `json:"updates"` // results told (sync)

	// Records told (syncRecords).
	Create int `json:"create"`
	Update int `json:"update"`
	Delete int `json:"delete"`
}

// AllowAll allows everything. Embed it to implement one method alone.
type AllowAll struct{}

// Request allows the request as it is.
func (AllowAll) Request(context.Context, Call) (Replace, error) { return Replace{}, nil }

// Response allows the answer.
func (AllowAll) Response(context.Context, Call, Summary) error { return nil }

// Refuse returns an error that refuses the request or the answer, with HTTP status
// 403. msg is for the device's user.
func Refuse(msg string) error { return RefuseWith(403, msg) }

// RefuseWith is Refuse with an HTTP status from 400 to 499; any other becomes 403.
func RefuseWith(status int, msg string) error { return &refusal{int32(status), msg} }

type refusal struct {
	status int32
	msg    string
}

func (r *refusal) Error() string { return r.msg }
