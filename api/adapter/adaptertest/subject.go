package adaptertest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
)

// maxMessage is above what any record of the suite needs.
const maxMessage = 64 << 20

// subject is the adapter under test with a dataset of the test's own.
type subject struct {
	*testing.T
	ctx     context.Context
	client  adapterv1.AdapterServiceClient
	o       Options
	about   *adapterv1.DescribeResponse
	dataset string
}

func (s *subject) context() *adapterv1.Context {
	return &adapterv1.Context{Dataset: s.dataset, MetaData: s.o.MetaData}
}

// newKey makes an idempotency key that nobody has used.
func newKey() string { return rand.Text() }

func (s *subject) tryCreate(data, key string) (string, error) {
	resp, err := s.client.Create(s.ctx, &adapterv1.CreateRequest{
		Context: s.context(), Data: []byte(data), IdempotencyKey: key,
	})
	return resp.GetUid(), err
}

func (s *subject) create(data string) (uid string) {
	s.Helper()
	return s.createWith(data, newKey())
}

func (s *subject) createWith(data, key string) (uid string) {
	s.Helper()
	uid, err := s.tryCreate(data, key)
	if err != nil {
		s.Fatalf("Create: %v", err)
	}
	if uid == "" {
		s.Fatal("Create returned no uid")
	}
	return uid
}

func (s *subject) tryRead(uid string) (json.RawMessage, error) {
	resp, err := s.client.Read(s.ctx, &adapterv1.ReadRequest{Context: s.context(), Uid: uid}, grpc.MaxCallRecvMsgSize(maxMessage))
	return resp.GetData(), err
}

// update asks for an update; expected may be empty.
func (s *subject) update(uid, data, expected, key string) error {
	_, err := s.client.Update(s.ctx, &adapterv1.UpdateRequest{
		Context: s.context(), Uid: uid, Data: []byte(data), ExpectedData: []byte(expected), IdempotencyKey: key,
	})
	return err
}

// delete asks for a delete; expected may be empty.
func (s *subject) delete(uid, expected, key string) error {
	_, err := s.client.Delete(s.ctx, &adapterv1.DeleteRequest{
		Context: s.context(), Uid: uid, ExpectedData: []byte(expected), IdempotencyKey: key,
	})
	return err
}

// tryList lists into a map from uid to data; a uid that comes twice is an error.
func (s *subject) tryList(query string) (map[string]json.RawMessage, error) {
	stream, err := s.client.List(s.ctx, &adapterv1.ListRequest{
		Context: s.context(), QueryParams: []byte(query),
	}, grpc.MaxCallRecvMsgSize(maxMessage))
	if err != nil {
		return nil, err
	}
	records := map[string]json.RawMessage{}
	for {
		batch, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return records, nil
		}
		if err != nil {
			return nil, err
		}
		for _, r := range batch.GetRecords() {
			if _, twice := records[r.GetUid()]; twice {
				s.Errorf("List sent uid %q twice", r.GetUid())
			}
			records[r.GetUid()] = r.GetData()
		}
	}
}

func (s *subject) list(query string) map[string]json.RawMessage {
	s.Helper()
	records, err := s.tryList(query)
	if err != nil {
		s.Fatalf("List %s: %v", query, err)
	}
	return records
}

// wantRecord checks that Read and List give this record.
func (s *subject) wantRecord(uid, data string) {
	s.Helper()
	got, err := s.tryRead(uid)
	if err != nil {
		s.Fatalf("Read: %v", err)
	}
	s.wantSame("Read", got, data)
	got, listed := s.list("")[uid]
	if !listed {
		s.Fatalf("List does not contain record %q", uid)
	}
	s.wantSame("List", got, data)
}

// wantNone checks that neither Read nor List finds the record.
func (s *subject) wantNone(uid string) {
	s.Helper()
	_, err := s.tryRead(uid)
	s.wantCode("Read of a record that is not there", err, codes.NotFound)
	if _, listed := s.list("")[uid]; listed {
		s.Errorf("List contains record %q, which should not be there", uid)
	}
}

func (s *subject) wantSame(what string, got json.RawMessage, want string) {
	s.Helper()
	if !s.o.Equal(got, json.RawMessage(want)) {
		s.Errorf("%s returned other data than were written:\n got %s\nwant %s", what, clip(string(got)), clip(want))
	}
}

// wantCode checks the status of an answer; codes.OK for none.
func (s *subject) wantCode(what string, err error, want ...codes.Code) {
	s.Helper()
	for _, code := range want {
		if status.Code(err) == code {
			return
		}
	}
	s.Errorf("%s: got %v (%v), want %v", what, status.Code(err), err, want)
}

func clip(s string) string {
	if len(s) > 400 {
		return s[:400] + "..."
	}
	return s
}

// refused are the codes that refuse a request for good.
var refused = []codes.Code{
	codes.InvalidArgument, codes.FailedPrecondition, codes.PermissionDenied,
	codes.AlreadyExists, codes.OutOfRange, codes.Unimplemented,
}
