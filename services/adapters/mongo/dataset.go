package mongo

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/record/rawjson"
)

// dataset is one dataset as the calls see it.
type dataset struct {
	id      string
	o       DatasetOptions
	records *mongo.Collection
}

// collisionSuffix makes the name of the collection with a dataset's collisions.
const collisionSuffix = "_collision"

// dataset finds a dataset. An id that could address a collection of somebody else is refused.
func (a *Adapter) dataset(id string) (dataset, error) {
	if err := record.CheckDatasetID(id); err != nil {
		return dataset{}, adapter.Refuse(err.Error())
	}
	return dataset{id: id, o: a.datasets[id], records: a.db.Collection(id)}, nil
}

// hidden tells whether a top-level field of a document is no part of the record's data.
func (d dataset) hidden(field string) bool {
	return field == "_id" || field != "" && (field == d.o.ChangeField || field == d.o.DeletedField)
}

// deleted tells whether a document is marked as deleted.
func (d dataset) deleted(doc bson.Raw) bool {
	if d.o.DeletedField == "" {
		return false
	}
	v := doc.Lookup(d.o.DeletedField)
	no, isBool := v.BooleanOK()
	return !v.IsZero() && v.Type != bson.TypeNull && (!isBool || no)
}

// live selects the documents that are not marked as deleted.
func (d dataset) live() bson.D {
	if d.o.DeletedField == "" {
		return bson.D{}
	}
	return bson.D{{Key: d.o.DeletedField, Value: bson.D{{Key: "$in", Value: bson.A{nil, false}}}}}
}

// uidOf gives the uid of a document: the hex digits of an ObjectId, a text itself, and the canonical
// Extended JSON of any other _id, also of the empty text, since no uid is empty.
func uidOf(id bson.RawValue) string {
	if oid, ok := id.ObjectIDOK(); ok {
		return oid.Hex()
	}
	if text, ok := id.StringValueOK(); ok && text != "" {
		return text
	}
	return string(extended(id, true))
}

// idsOf gives every _id that uid may stand for.
func idsOf(uid string) bson.A {
	ids := bson.A{uid}
	if oid, err := bson.ObjectIDFromHex(uid); err == nil && oid.Hex() == uid {
		ids = append(ids, oid)
	}
	if rawjson.Valid([]byte(uid)) == nil {
		if id, ok := readExtended([]byte(uid)); ok && uidOf(id) == uid {
			ids = append(ids, id)
		}
	}
	return ids
}

// byUID selects the documents that have this uid.
func byUID(uid string) bson.D {
	ids := idsOf(uid)
	if len(ids) == 1 {
		return bson.D{{Key: "_id", Value: bson.D{{Key: "$eq", Value: ids[0]}}}}
	}
	return bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}}
}

// pick takes the document that a uid names: an ObjectId goes before a text that looks like one. A collation
// of the collection may have found more than was asked for.
func pick(docs []bson.Raw, uid string) (bson.Raw, bool) {
	docs = slices.DeleteFunc(docs, func(doc bson.Raw) bool { return uidOf(doc.Lookup("_id")) != uid })
	if len(docs) == 0 {
		return nil, false
	}
	for _, doc := range docs {
		if doc.Lookup("_id").Type == bson.TypeObjectID {
			return doc, true
		}
	}
	return docs[0], true
}

// newID makes the _id of what a call with a key makes, always the same.
func newID(kind, dataset, key string) bson.ObjectID {
	return bson.ObjectID(digest(kind, dataset, key)[:12])
}

// digest tells lists of texts apart, wherever one text ends and the next begins.
func digest(texts ...string) []byte {
	h := sha256.New()
	for _, text := range texts {
		h.Write([]byte(strconv.Itoa(len(text)) + ":" + text))
	}
	return h.Sum(nil)
}

func hexDigest(texts ...string) string { return hex.EncodeToString(digest(texts...)) }
