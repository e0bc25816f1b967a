package filter_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tandem-sync/tandem/services/adapters/internal/filter"
)

// What MongoDB documents of its filters, where it is ours too.
func TestMatch(t *testing.T) {
	for _, c := range []struct {
		query, data string
		want        bool
	}{
		// equality
		{``, `{"a":1}`, true},
		{`{}`, `{}`, true},
		{`{"a":1}`, `{"a":1}`, true},
		{`{"a":1}`, `{"a":1.0,"b":2}`, true},
		{`{"a":1}`, `{"a":"1"}`, false},
		{`{"a":1}`, `{"a":true}`, false},
		{`{"a":0}`, `{"a":false}`, false},
		{`{"a":0}`, `{"a":null}`, false},
		{`{"a":0}`, `{"a":-0}`, true},
		{`{"a":""}`, `{"a":null}`, false},
		{`{"a":1,"b":2}`, `{"a":1,"b":3}`, false},
		{`{"a":1e400}`, `{"a":1e500}`, true},
		{`{"a":9007199254740993}`, `{"a":9007199254740992}`, true},
		{`{"":1}`, `{"":1}`, true},
		{`{"a":"\u00e9"}`, `{"a":"é"}`, true},
		{`{"__proto__":null}`, `{}`, true},
		{`{"toString":{"$exists":true}}`, `{}`, false},
		// null and missing
		{`{"a":null}`, `{"a":null}`, true},
		{`{"a":null}`, `{"b":1}`, true},
		{`{"a":null}`, `{"a":0}`, false},
		{`{"a":null}`, `{"a":[]}`, false},
		{`{"a":null}`, `{"a":[1,null]}`, true},
		{`{"a.b":null}`, `{"a":{}}`, true},
		{`{"a.b":null}`, `{"a":5}`, true},
		{`{"a.b":null}`, `{"a":[]}`, false},
		{`{"a.b":null}`, `{"a":[1,2]}`, false},
		{`{"a.b":null}`, `{"a":[{"b":1},{}]}`, true},
		{`{"a":{"$ne":null}}`, `{"b":1}`, false},
		{`{"a":{"$ne":null}}`, `{"a":1}`, true},
		{`{"a":{"$in":[null,7]}}`, `{}`, true},
		{`{"a":{"$gte":null}}`, `{}`, true},
		{`{"a":{"$gt":null}}`, `{}`, false},
		{`{"a":{"$lte":null}}`, `{"a":1}`, false},
		// objects: whole, and whatever the order of their keys
		{`{"a":{"x":1,"y":2}}`, `{"a":{"y":2,"x":1}}`, true},
		{`{"a":{"x":1}}`, `{"a":{"x":1,"y":2}}`, false},
		{`{"a":{}}`, `{"a":{}}`, true},
		{`{"a":{}}`, `{"a":{"x":1}}`, false},
		{`{"a":{}}`, `{"a":[]}`, false},
		{`{"a":{"x":null}}`, `{"a":{"y":null}}`, false},
		{`{"a":{"x":{"$gt":1}}}`, `{"a":{"x":2}}`, false}, // a value like any other, so deep
		// arrays
		{`{"a":1}`, `{"a":[3,1]}`, true},
		{`{"a":[1,2]}`, `{"a":[1,2]}`, true},
		{`{"a":[1,2]}`, `{"a":[2,1]}`, false},
		{`{"a":[1,2]}`, `{"a":[[1,2],3]}`, true},
		{`{"a":[]}`, `{"a":[]}`, true},
		{`{"a":1}`, `{"a":[[1]]}`, false},
		{`{"a":{"x":1}}`, `{"a":[{"x":1}]}`, true},
		{`{"a":{"$ne":1}}`, `{"a":[3,1]}`, false},
		{`{"a":{"$gt":2}}`, `{"a":[1,3]}`, true},
		{`{"a":{"$gt":2,"$lt":2}}`, `{"a":[1,3]}`, true}, // by different elements
		{`{"a":{"$not":{"$gt":2}}}`, `{"a":[1,3]}`, false},
		// paths
		{`{"a.b":1}`, `{"a":{"b":1}}`, true},
		{`{"a.b":1}`, `{"a.b":1}`, false},
		{`{"a.b":1}`, `{"a":[{"b":2},{"b":1}]}`, true},
		{`{"a.b":1}`, `{"a":[{"b":[1]}]}`, true},
		{`{"a.b":1}`, `{"a":[[{"b":1}]]}`, false},
		{`{"a.1":5}`, `{"a":[4,5]}`, true},
		{`{"a.01":5}`, `{"a":[4,5]}`, false},
		{`{"a.0.b":5}`, `{"a":[{"b":5}]}`, true},
		{`{"a.0":5}`, `{"a":[{"0":5}]}`, true},
		{`{"a.0":5}`, `{"a":{"0":5}}`, true},
		{`{"a.-1":5}`, `{"a":[5]}`, false},
		{`{"a..b":1}`, `{"a":{"":{"b":1}}}`, true},
		// comparison, within a type
		{`{"a":{"$eq":1}}`, `{"a":1}`, true},
		{`{"a":{"$gt":1}}`, `{"a":2}`, true},
		{`{"a":{"$gt":1}}`, `{"a":1}`, false},
		{`{"a":{"$gte":1}}`, `{"a":1}`, true},
		{`{"a":{"$lt":1}}`, `{"a":0.5}`, true},
		{`{"a":{"$lte":1}}`, `{"a":1e0}`, true},
		{`{"a":{"$lt":1}}`, `{}`, false},
		{`{"a":{"$gt":1}}`, `{"a":"2"}`, false},
		{`{"a":{"$gt":""}}`, `{"a":7}`, false},
		{`{"a":{"$gt":"B"}}`, `{"a":"a"}`, true},
		{`{"a":{"$gt":"\uff5e"}}`, `{"a":"\ud83d\ude00"}`, true}, // by bytes, not UTF-16
		{`{"a":{"$gt":false}}`, `{"a":true}`, true},
		{`{"a":{"$lte":false}}`, `{"a":true}`, false},
		{`{"a":{"$gt":1,"$lt":3}}`, `{"a":2}`, true},
		{`{"a":{"$gt":1,"$lt":3}}`, `{"a":3}`, false},
		// lists
		{`{"a":{"$in":[1,"x",[2],{"k":3}]}}`, `{"a":"x"}`, true},
		{`{"a":{"$in":[1,"x",[2],{"k":3}]}}`, `{"a":[2]}`, true},
		{`{"a":{"$in":[1,"x",[2],{"k":3}]}}`, `{"a":{"k":3}}`, true},
		{`{"a":{"$in":[1,"x",[2],{"k":3}]}}`, `{"a":2}`, false},
		{`{"a":{"$in":[]}}`, `{"a":2}`, false},
		{`{"a":{"$nin":[]}}`, `{"a":2}`, true},
		{`{"a":{"$nin":[1,2]}}`, `{"a":[5,2]}`, false},
		{`{"a":{"$nin":[1,null]}}`, `{}`, false},
		{`{"a":{"$all":[1,2]}}`, `{"a":[2,3,1]}`, true},
		{`{"a":{"$all":[1,2]}}`, `{"a":[1]}`, false},
		{`{"a":{"$all":[1]}}`, `{"a":1}`, true},
		{`{"a":{"$all":[]}}`, `{"a":[]}`, false},
		// existence and size
		{`{"a":{"$exists":true}}`, `{"a":null}`, true},
		{`{"a":{"$exists":true}}`, `{}`, false},
		{`{"a":{"$exists":false}}`, `{}`, true},
		{`{"a":{"$exists":1}}`, `{"a":0}`, true},
		{`{"a.b":{"$exists":true}}`, `{"a":[{},{"b":1}]}`, true},
		{`{"a.b":{"$exists":false}}`, `{"a":[1]}`, true},
		{`{"a":{"$size":2}}`, `{"a":[1,[2]]}`, true},
		{`{"a":{"$size":0}}`, `{"a":[]}`, true},
		{`{"a":{"$size":1}}`, `{"a":"x"}`, false},
		{`{"a":{"$size":1}}`, `{"a":[[1],[2]]}`, false},
		// $elemMatch: one element meets all
		{`{"a":{"$elemMatch":{"$gt":2,"$lt":2}}}`, `{"a":[1,3]}`, false},
		{`{"a":{"$elemMatch":{"$gt":2,"$lt":5}}}`, `{"a":[1,3]}`, true},
		{`{"a":{"$elemMatch":{"x":1,"y":2}}}`, `{"a":[{"x":1,"y":1},{"x":2,"y":2}]}`, false},
		{`{"a":{"$elemMatch":{"x":1,"y":2}}}`, `{"a":[{"x":1,"y":2}]}`, true},
		{`{"a":{"$elemMatch":{"$or":[{"x":1},{"x":2}]}}}`, `{"a":[{"x":2}]}`, true},
		{`{"a":{"$elemMatch":{"x":1}}}`, `{"a":{"x":1}}`, false},
		{`{"a":{"$elemMatch":{"_id":7}}}`, `{"a":[{"_id":7}]}`, true},
		// logic
		{`{"$and":[{"a":1},{"b":2}]}`, `{"a":1,"b":2}`, true},
		{`{"$and":[{"a":1},{"b":2}]}`, `{"a":1}`, false},
		{`{"$or":[{"a":1},{"b":2}]}`, `{"b":2}`, true},
		{`{"$or":[{"a":1},{"b":2}]}`, `{}`, false},
		{`{"$nor":[{"a":1},{"b":2}]}`, `{}`, true},
		{`{"$nor":[{"a":1},{"b":2}]}`, `{"a":1}`, false},
		{`{"c":3,"$or":[{"a":1},{"$and":[{"b":2},{"b":{"$gt":1}}]}]}`, `{"b":2,"c":3}`, true},
		{`{"$or":[{}]}`, `{}`, true},
		{`{"a":{"$not":{"$gt":1}}}`, `{}`, true},
		{`{"a":{"$not":{"$not":{"$gt":1}}}}`, `{"a":2}`, true},
		// the uid
		{`{"_id":"u1"}`, `{}`, true},
		{`{"_id":"u2"}`, `{"_id":"u2"}`, false},
		{`{"_id":{"$eq":"u1"}}`, `{}`, true},
		{`{"_id":{"$in":["u0","u1"]}}`, `{}`, true},
		{`{"_id":{"$in":[]}}`, `{}`, false},
		{`{"$or":[{"_id":"u1"},{"a":1}]}`, `{}`, true},
		// what is no record
		{`{"a":null}`, `[]`, false},
		{`{"a":null}`, `{`, false},
	} {
		f, err := filter.Parse(json.RawMessage(c.query))
		if err != nil {
			t.Errorf("%s: %v", c.query, err)
			continue
		}
		if got := f.Match("u1", json.RawMessage(c.data)); got != c.want {
			t.Errorf("%s on %s: %v", c.query, c.data, got)
		}
	}
}

func TestRefused(t *testing.T) {
	whitelist := "; allowed are " + strings.Join(filter.Operators, ", ")
	for _, c := range []struct{ query, want string }{
		{`{"$where":"true"}`, "operator $where is not allowed" + whitelist},
		{`{"$expr":{"$eq":[1,1]}}`, "operator $expr is not allowed" + whitelist},
		{`{"$jsonSchema":{}}`, "operator $jsonSchema is not allowed" + whitelist},
		{`{"$comment":"x"}`, "operator $comment is not allowed" + whitelist},
		{`{"$ ":1}`, "operator $  is not allowed" + whitelist},
		{`{"a":{"$regex":"x"}}`, "operator $regex is not allowed" + whitelist},
		{`{"a":{"$not":{"$regex":"x"}}}`, "operator $regex is not allowed" + whitelist},
		{`{"a":{"$elemMatch":{"$where":"x"}}}`, "operator $where is not allowed" + whitelist},
		{`{"a":{"$elemMatch":{"b":{"$type":1}}}}`, "operator $type is not allowed" + whitelist},
		{`{"$or":[{"a":1},{"$nor":[{"$where":"1"}]}]}`, "operator $where is not allowed" + whitelist},
		{`{"a":{"$` + strings.Repeat("é", 500) + `":1}}`, "... is not allowed"},
		{`{"$eq":1}`, "operator $eq must stand below a field"},
		{`{"a":{"$or":[]}}`, "operator $or can't stand below field a"},
		{`{"a":{"$gt":1,"b":2}}`, "field a mixes operators with the key b"},
		{`{"a":{"$gt":[1]}}`, "field a: $gt needs a number, text, boolean or null, not a list"},
		{`{"a":{"$lt":{"$gt":1}}}`, "field a: $lt needs a number, text, boolean or null, not an object with $gt"},
		{`{"a":{"$in":1}}`, "field a: $in needs a list, not a number"},
		{`{"a":{"$all":[{"$elemMatch":{}}]}}`, "field a: $all needs a list of values, not an object with $elemMatch"},
		{`{"a":{"$exists":"yes"}}`, "field a: $exists needs true or false, not a text"},
		{`{"a":{"$size":-1}}`, "field a: $size needs a whole number from 0, not a number"},
		{`{"a":{"$size":1.5}}`, "field a: $size needs"},
		{`{"a":{"$size":1e300}}`, "field a: $size needs"},
		{`{"a":{"$not":1}}`, "field a: $not needs an object of operators, not a number"},
		{`{"a":{"$not":{}}}`, "field a: $not needs an object of operators, not an object"},
		{`{"a":{"$elemMatch":null}}`, "field a: $elemMatch needs an object, not null"},
		{`{"$and":[]}`, "$and needs a list of conditions that is not empty"},
		{`{"$or":{"a":1}}`, "$or needs a list of conditions"},
		{`{"$or":[1]}`, "$or needs a list of objects, not of a number"},
		{`{"_id":{"$ne":null}}`, "_id takes a text, $eq with a text or $in with a list of texts, not an object with $ne"},
		{`{"_id":{"$eq":"x","$in":[]}}`, "_id takes a text"},
		{`{"_id":null}`, "_id is a text and can't equal null"},
		{`{"_id":{"$in":["x",{"$ne":null}]}}`, "_id is a text and can't equal an object with $ne"},
		{`{"a` + strings.Repeat(".0", 16) + `":1}`, "has more than 16 parts"},
		{strings.Repeat(`{"$and":[`, 40) + `{"a":1}` + strings.Repeat(`]}`, 40), "more than 32 deep"},
		{`{"a":` + strings.Repeat(`{"$not":`, 40) + `{"$gt":1}` + strings.Repeat(`}`, 41), "more than 32 deep"},
		{`{"a":` + strings.Repeat(`{"$elemMatch":`, 40) + `{"$gt":1}` + strings.Repeat(`}`, 41), "more than 32 deep"},
		{`[]`, "must be a JSON object, not a list"},
		{`null`, "must be a JSON object, not null"},
		{`{`, "not JSON"},
		{`{"a":1}{}`, "not JSON"},
	} {
		if _, err := filter.Parse(json.RawMessage(c.query)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.80s: got %v, want %q", c.query, err, c.want)
		}
	}
}

// Arrays of objects with numbers for keys must not make a path go every way that
// there is.
func TestHostilePath(t *testing.T) {
	f, err := filter.Parse(json.RawMessage(`{"0` + strings.Repeat(".0", 15) + `":1}`))
	if err != nil {
		t.Fatal(err)
	}
	data := strings.Repeat(`{"0":[`, 2000) + strings.Repeat(`]}`, 2000)
	if f.Match("u", json.RawMessage(data)) {
		t.Error("matched")
	}
}
