package backend

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tandem-sync/tandem/api/adapter"
	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
	"github.com/tandem-sync/tandem/services/internal/record"
)

// The requests are those of the SDK, so that both sides of the contract speak
// the same words. Dataset may be left empty: a Backend fills in its own.
type (
	// ListRequest asks for the records of one view.
	ListRequest = adapter.ListRequest
	// CreateRequest asks for a new record.
	CreateRequest = adapter.CreateRequest
	// ReadRequest asks for one record.
	ReadRequest = adapter.ReadRequest
	// UpdateRequest asks to replace the data of one record.
	UpdateRequest = adapter.UpdateRequest
	// DeleteRequest asks to remove one record.
	DeleteRequest = adapter.DeleteRequest
	// HandleCollisionRequest tells of a change that collided.
	HandleCollisionRequest = adapter.HandleCollisionRequest
	// ListCollisionsRequest asks for the collisions kept.
	ListCollisionsRequest = adapter.ListCollisionsRequest
	// RemoveCollisionRequest asks to forget the collisions with a hash.
	RemoveCollisionRequest = adapter.RemoveCollisionRequest
)

// Backend is the adapter of one dataset, as it was routed when Router.For gave it: one
// that is kept over a reload still calls the adapter that it began with. It is light
// and need not be kept. Its methods return an *Error, see KindOf and its companions.
type Backend struct {
	dataset     string
	conn        link
	timeout     time.Duration
	listTimeout time.Duration
}

// Create stores a new record and returns its uid; a repeated Key finds the
// record made by the first call.
func (b *Backend) Create(ctx context.Context, req CreateRequest) (uid string, err error) {
	if err := b.check("Create", req.Dataset, size(req.Data), req.Key); err != nil {
		return "", err
	}
	resp, err := unary(ctx, b, "Create", adapterv1.AdapterServiceClient.Create, &adapterv1.CreateRequest{
		Context: b.context(req.MetaData), Data: req.Data, IdempotencyKey: req.Key,
	})
	if err == nil && resp.GetUid() == "" {
		err = b.failed("Create", "the backend created a record without a uid")
	}
	return resp.GetUid(), err
}

// Read returns a record's data. A record that is not there is no error: found is
// false then.
func (b *Backend) Read(ctx context.Context, req ReadRequest) (data json.RawMessage, found bool, err error) {
	if err := b.check("Read", req.Dataset, 0, req.UID); err != nil {
		return nil, false, err
	}
	resp, err := unary(ctx, b, "Read", adapterv1.AdapterServiceClient.Read, &adapterv1.ReadRequest{
		Context: b.context(req.MetaData), Uid: req.UID,
	})
	switch {
	case IsNotFound(err):
		return nil, false, nil
	case err != nil:
		return nil, false, err
	case !record.IsObject(resp.GetData()):
		return nil, false, b.failed("Read", fmt.Sprintf("the backend holds something that is no JSON object under uid %s", req.UID))
	}
	return resp.GetData(), true, nil
}

// Update replaces the data of a record. Kinds to expect: Conflict when the
// adapter compares and the record does not hold Expected, NotFound.
func (b *Backend) Update(ctx context.Context, req UpdateRequest) error {
	if err := b.check("Update", req.Dataset, size(req.Data), req.UID, req.Key); err != nil {
		return err
	}
	_, err := unary(ctx, b, "Update", adapterv1.AdapterServiceClient.Update, &adapterv1.UpdateRequest{
		Context: b.context(req.MetaData), Uid: req.UID, Data: req.Data,
		ExpectedData: req.Expected, IdempotencyKey: req.Key,
	})
	return err
}

// Delete removes a record. Kinds to expect: as for Update.
func (b *Backend) Delete(ctx context.Context, req DeleteRequest) error {
	if err := b.check("Delete", req.Dataset, size(req.Expected), req.UID, req.Key); err != nil {
		return err
	}
	_, err := unary(ctx, b, "Delete", adapterv1.AdapterServiceClient.Delete, &adapterv1.DeleteRequest{
		Context: b.context(req.MetaData), Uid: req.UID,
		ExpectedData: req.Expected, IdempotencyKey: req.Key,
	})
	return err
}

func (b *Backend) context(metaData json.RawMessage) *adapterv1.Context {
	return &adapterv1.Context{Dataset: b.dataset, MetaData: metaData}
}

func (b *Backend) failed(method, msg string) error {
	return &Error{Kind: Failed, Dataset: b.dataset, Method: method, Msg: msg}
}
