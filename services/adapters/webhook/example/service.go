// Package example is a webhook service to read before writing one's own: it checks
// the signature, does what the body says, and answers as api/webhook/openapi.yaml
// describes. Where a service has its database this one has memadapter, which
// compares and writes in one step and remembers keys.
//
// service.mjs is the same in Node.js, with less: it neither compares nor keeps
// collisions. The tests of the webhook adapter run both.
package example

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"google.golang.org/grpc/status"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/api/adapter/memadapter"
)

// maxBody is how large a request may be: an update carries two records.
const maxBody = adapter.MaxMessageBytes

// Service is the service, an http.Handler. Make it with New.
type Service struct {
	secret string
	data   *memadapter.Adapter
}

// New makes a service without records that takes requests signed with secret.
func New(secret string) *Service { return &Service{secret, memadapter.New()} }

// call is the body of a request.
type call struct {
	Operation      string          `json:"operation"`
	Dataset        string          `json:"dataset"`
	QueryParams    json.RawMessage `json:"queryParams"`
	UID            string          `json:"uid"`
	Data           json.RawMessage `json:"data"`
	Expected       json.RawMessage `json:"expected"`
	Hash           string          `json:"hash"`
	Timestamp      int64           `json:"timestamp"`
	Pre            json.RawMessage `json:"pre"`
	Post           json.RawMessage `json:"post"`
	IdempotencyKey string          `json:"idempotencyKey"`
}

type object map[string]any

// ServeHTTP implements http.Handler.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		answer(w, http.StatusRequestEntityTooLarge, object{"message": "The record is too large."})
		return
	}
	if !verify(s.secret, r.Header.Get("Tandem-Signature"), body, time.Now()) {
		answer(w, http.StatusUnauthorized, object{"message": "bad signature"})
		return
	}
	var c call
	if err := json.Unmarshal(body, &c); err != nil {
		answer(w, http.StatusBadRequest, object{"message": err.Error()})
		return
	}
	if c.Operation == "list" {
		s.list(w, r, c)
		return
	}
	out, err := s.do(r, c)
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, http.StatusOK, out)
}

func (s *Service) do(r *http.Request, c call) (object, error) {
	ctx := r.Context()
	switch c.Operation {
	case "ping":
		return object{}, nil
	case "create":
		uid, err := s.data.Create(ctx, adapter.CreateRequest{Dataset: c.Dataset, Data: c.Data, Key: c.IdempotencyKey})
		return object{"uid": uid}, err
	case "read":
		data, err := s.data.Read(ctx, adapter.ReadRequest{Dataset: c.Dataset, UID: c.UID})
		return object{"data": data}, err
	case "update":
		return object{}, s.data.Update(ctx, adapter.UpdateRequest{
			Dataset: c.Dataset, UID: c.UID, Data: c.Data, Expected: c.Expected, Key: c.IdempotencyKey,
		})
	case "delete":
		return object{}, s.data.Delete(ctx, adapter.DeleteRequest{
			Dataset: c.Dataset, UID: c.UID, Expected: c.Expected, Key: c.IdempotencyKey,
		})
	case "handleCollision":
		return object{}, s.data.HandleCollision(ctx, adapter.HandleCollisionRequest{
			Dataset: c.Dataset, UID: c.UID, Hash: c.Hash, Timestamp: c.Timestamp, Pre: c.Pre, Post: c.Post, Key: c.IdempotencyKey,
		})
	case "listCollisions":
		list, err := s.data.ListCollisions(ctx, adapter.ListCollisionsRequest{Dataset: c.Dataset})
		return object{"collisions": list}, err
	case "removeCollision":
		n, err := s.data.RemoveCollision(ctx, adapter.RemoveCollisionRequest{Dataset: c.Dataset, Hash: c.Hash})
		return object{"removed": n}, err
	}
	return nil, adapter.ErrNotOffered
}

// list sends a line for each record, and one that says that all is told.
func (s *Service) list(w http.ResponseWriter, r *http.Request, c call) {
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	begun := false
	err := s.data.List(r.Context(), adapter.ListRequest{Dataset: c.Dataset, QueryParams: c.QueryParams}, func(record adapter.Record) error {
		if !begun {
			w.Header().Set("Content-Type", "application/x-ndjson")
			begun = true
		}
		return lines.Encode(object{"uid": record.UID, "data": record.Data})
	})
	switch {
	case err == nil:
		w.Header().Set("Content-Type", "application/x-ndjson")
		_ = lines.Encode(object{"end": true}) // who does not get it knows that the list is not whole
	case !begun:
		refuse(w, err)
	}
}

func refuse(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, adapter.ErrNotFound):
		answer(w, http.StatusNotFound, object{"error": "not_found"})
	case errors.Is(err, adapter.ErrConflict):
		answer(w, http.StatusConflict, object{"error": "conflict"})
	case errors.Is(err, adapter.ErrNotOffered):
		answer(w, http.StatusNotImplemented, object{"error": "not_offered"})
	default: // what memadapter refuses
		answer(w, http.StatusUnprocessableEntity, object{"message": status.Convert(err).Message()})
	}
}

func answer(w http.ResponseWriter, status int, body object) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(body) // who has gone asks again
}
