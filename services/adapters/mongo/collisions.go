package mongo

import (
	"context"
	"encoding/json"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/tandem-sync/tandem/api/adapter"
)

// HandleCollision implements adapter.Adapter. The document is the reference server's: uid, hash, pre,
// post, timestamp.
func (a *Adapter) HandleCollision(ctx context.Context, req adapter.HandleCollisionRequest) error {
	d, err := a.dataset(req.Dataset)
	if err != nil {
		return err
	}
	return failure(d.id, a.collide(ctx, d, req))
}

func (a *Adapter) collide(ctx context.Context, d dataset, req adapter.HandleCollisionRequest) error {
	// Remembered, so that a repetition does not bring back a collision that was removed meanwhile.
	if known, err := a.known(ctx, "collision", d.id, req.Key); err != nil || known {
		return err
	}
	var hash any
	if req.Hash != "" {
		hash = req.Hash
	}
	_, err := a.collisions(d).InsertOne(ctx, bson.D{
		{Key: "_id", Value: newID("collision", d.id, req.Key)},
		{Key: "uid", Value: req.UID},
		{Key: "hash", Value: hash},
		{Key: "pre", Value: encodeOptional(req.Pre)},
		{Key: "post", Value: encodeOptional(req.Post)},
		{Key: "timestamp", Value: req.Timestamp},
	})
	if err != nil && !mongo.IsDuplicateKeyError(err) {
		return err
	}
	return a.remember(ctx, "collision", d.id, req.Key)
}

func encodeOptional(raw json.RawMessage) any {
	if raw == nil {
		return nil
	}
	return encode(raw, bson.RawValue{}, 1)
}

func (a *Adapter) collisions(d dataset) *mongo.Collection {
	return a.db.Collection(d.id + collisionSuffix)
}

// ListCollisions implements adapter.Adapter. The oldest change comes first.
func (a *Adapter) ListCollisions(ctx context.Context, req adapter.ListCollisionsRequest) (json.RawMessage, error) {
	d, err := a.dataset(req.Dataset)
	if err != nil {
		return nil, err
	}
	cursor, err := a.collisions(d).Find(ctx, bson.D{},
		options.Find().SetSort(bson.D{{Key: "timestamp", Value: 1}, {Key: "_id", Value: 1}}))
	if err != nil {
		return nil, failure(d.id, err)
	}
	var docs []bson.Raw
	if err := cursor.All(ctx, &docs); err != nil {
		return nil, failure(d.id, err)
	}
	list := make([]adapter.Collision, len(docs))
	for i, doc := range docs {
		list[i] = collision(doc)
	}
	return adapter.CollisionsJSON(list), nil
}

// collision reads one, of whatever server wrote it.
func collision(doc bson.Raw) adapter.Collision {
	c := adapter.Collision{ID: uidOf(doc.Lookup("_id")), UID: uidOf(doc.Lookup("uid"))}
	c.Hash, _ = doc.Lookup("hash").StringValueOK()
	c.Timestamp, _ = doc.Lookup("timestamp").AsInt64OK()
	if pre := doc.Lookup("pre"); !pre.IsZero() {
		c.Pre = form(pre)
	}
	if post := doc.Lookup("post"); !post.IsZero() {
		c.Post = form(post)
	}
	return c
}

// RemoveCollision implements adapter.Adapter.
func (a *Adapter) RemoveCollision(ctx context.Context, req adapter.RemoveCollisionRequest) (int64, error) {
	d, err := a.dataset(req.Dataset)
	if err != nil {
		return 0, err
	}
	hashes := bson.A{req.Hash}
	if req.Hash == "" {
		hashes = append(hashes, nil)
	}
	result, err := a.collisions(d).DeleteMany(ctx, bson.D{{Key: "hash", Value: bson.D{{Key: "$in", Value: hashes}}}})
	if err != nil {
		return 0, failure(d.id, err)
	}
	return result.DeletedCount, nil
}
