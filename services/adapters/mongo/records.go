package mongo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/record/rawjson"
)

// Create implements adapter.Adapter.
func (a *Adapter) Create(ctx context.Context, req adapter.CreateRequest) (string, error) {
	d, err := a.dataset(req.Dataset)
	if err != nil {
		return "", err
	}
	if err := hashable(d.id, req.Data); err != nil {
		return "", err
	}
	id := newID("record", d.id, req.Key)
	return id.Hex(), failure(d.id, a.create(ctx, d, id, req))
}

func (a *Adapter) create(ctx context.Context, d dataset, id bson.ObjectID, req adapter.CreateRequest) error {
	if known, err := a.known(ctx, "create", d.id, req.Key); err != nil || known {
		return err
	}
	doc := bson.D{{Key: "_id", Value: id}}
	next, err := d.difference(nil, req.Data)
	if err != nil {
		return err
	}
	doc = append(append(doc, next.set...), a.stamp(d)...)
	if err := d.fits(doc); err != nil {
		return err
	}
	_, err = d.records.InsertOne(ctx, doc)
	if mongo.IsDuplicateKeyError(err) {
		// Under this _id the record was made by this very create; else the error is of another index.
		if d.records.FindOne(ctx, bson.D{{Key: "_id", Value: id}}).Err() == nil {
			err = nil
		}
	}
	if err != nil {
		return err
	}
	return a.remember(ctx, "create", d.id, req.Key)
}

// stamp sets the change field to the time.
func (a *Adapter) stamp(d dataset) bson.D {
	if d.o.ChangeField == "" {
		return nil
	}
	return bson.D{{Key: d.o.ChangeField, Value: a.now()}}
}

// Read implements adapter.Adapter.
func (a *Adapter) Read(ctx context.Context, req adapter.ReadRequest) (json.RawMessage, error) {
	d, err := a.dataset(req.Dataset)
	if err != nil {
		return nil, err
	}
	doc, err := d.find(ctx, req.UID)
	if err != nil {
		return nil, failure(d.id, err)
	}
	return d.data(doc), nil
}

// find reads the document of a record: ErrNotFound.
func (d dataset) find(ctx context.Context, uid string) (bson.Raw, error) {
	cursor, err := d.records.Find(ctx, byUID(uid))
	if err != nil {
		return nil, err
	}
	var docs []bson.Raw
	if err := cursor.All(ctx, &docs); err != nil {
		return nil, err
	}
	doc, ok := pick(docs, uid)
	if !ok || d.deleted(doc) {
		return nil, adapter.ErrNotFound
	}
	return doc, nil
}

// data gives a document's JSON form, without what is hidden.
func (d dataset) data(doc bson.Raw) json.RawMessage {
	elements, _ := doc.Elements() // what came from a server is well-formed
	kept := escapes(doc)
	has := map[string]bool{}
	out := []byte{'{'}
	comma := func() {
		if len(out) > 1 {
			out = append(out, ',')
		}
	}
	for _, e := range elements {
		key := e.Key()
		if d.hidden(key) || key == escapeField && kept != nil {
			continue
		}
		has[key] = true
		comma()
		out = append(appendText(out, key), ':')
		out = appendValue(out, e.Value())
	}
	if kept != nil {
		for token, value := range rawjson.Members(kept) {
			// Somebody else may have written a field that is kept aside.
			if key, _ := rawjson.Decode(token); has[key] {
				continue
			}
			comma()
			out = append(append(append(out, token...), ':'), value...)
		}
	}
	return append(out, '}')
}

// hashable refuses data that devices could never compare. One such record would break every list of its
// dataset.
func hashable(dataset string, data json.RawMessage) error {
	if _, err := record.Hash(data); err != nil {
		return adapter.Refuse(fmt.Sprintf("dataset %s: the record can't be stored: %v", dataset, err))
	}
	return nil
}

// holds tells whether data are what is expected, nil for anything, as devices compare: by hash.
func holds(dataset string, data, expected json.RawMessage) error {
	if expected == nil {
		return nil
	}
	want, err := record.Hash(expected)
	if err != nil {
		return adapter.Refuse(fmt.Sprintf("dataset %s: expected_data: %v", dataset, err))
	}
	is, err := record.Hash(data)
	if err != nil {
		return errors.Join(errors.New("the record can't be compared"), err)
	}
	if is != want {
		return adapter.ErrConflict
	}
	return nil
}
