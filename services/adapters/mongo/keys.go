package mongo

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// KeyTTL is how long the key of a create or a collision is remembered; the server forgets it then.
const KeyTTL = 30 * 24 * time.Hour

// keysCollection holds what is remembered: {_id: digest of method, dataset and key, at: Date}.
const keysCollection = "fhsync_adapter_keys"

// known tells whether the call with this key was made before.
func (a *Adapter) known(ctx context.Context, method, dataset, key string) (bool, error) {
	err := a.db.Collection(keysCollection).FindOne(ctx, bson.D{{Key: "_id", Value: hexDigest(method, dataset, key)}}).Err()
	if errors.Is(err, mongo.ErrNoDocuments) {
		return false, nil
	}
	return err == nil, err
}

// remember notes the key of a call that has been made. If that fails the call fails, and its repetition
// finds what was made by its _id and notes it then.
func (a *Adapter) remember(ctx context.Context, method, dataset, key string) error {
	if !a.indexed.Load() {
		_, err := a.db.Collection(keysCollection).Indexes().CreateOne(ctx, mongo.IndexModel{
			Keys:    bson.D{{Key: "at", Value: 1}},
			Options: options.Index().SetName("at_ttl").SetExpireAfterSeconds(int32(KeyTTL / time.Second)),
		})
		switch {
		case err != nil && !noIndex(err):
			return err
		case err != nil:
			// No reason to hold up devices: without the index nothing is forgotten, which costs space only.
			a.log.Warn("the keys of creates will not be forgotten: their index can't be made",
				"collection", keysCollection, "error", err)
		}
		a.indexed.Store(true)
	}
	_, err := a.db.Collection(keysCollection).InsertOne(ctx, bson.D{
		{Key: "_id", Value: hexDigest(method, dataset, key)}, {Key: "at", Value: a.now()},
	})
	if mongo.IsDuplicateKeyError(err) {
		return nil
	}
	return err
}

// noIndex tells whether a server will not make an index, however often it is asked: the user may not, or it
// has one that is different.
func noIndex(err error) bool {
	var server mongo.ServerError
	return errors.As(err, &server) && (server.HasErrorCode(13) || server.HasErrorCode(85) || server.HasErrorCode(86))
}
