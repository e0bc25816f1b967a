package filter_test

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"github.com/tandem-sync/tandem/services/adapters/internal/filter"
)

func jsonOf(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return raw
}

// value makes small values that often equal one another.
func value(depth int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		kinds := 4
		if depth > 0 {
			kinds = 6
		}
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 0:
			return nil
		case 1:
			return float64(rapid.IntRange(-1, 2).Draw(t, "number"))
		case 2:
			return rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "text")
		case 3:
			return rapid.Bool().Draw(t, "bool")
		case 4:
			return rapid.SliceOfN(value(depth-1), 0, 3).Draw(t, "list")
		default:
			return any(rapid.MapOfN(field(), value(depth-1), 0, 3).Draw(t, "object"))
		}
	})
}

func field() *rapid.Generator[string] { return rapid.SampledFrom([]string{"a", "b", "0", "1"}) }

func path() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{"a", "b", "a.a", "a.b", "b.0", "a.0.b", "a.b.1"})
}

func record(t *rapid.T) json.RawMessage {
	return jsonOf(rapid.MapOfN(field(), value(3), 0, 4).Draw(t, "record"))
}

func match(t *rapid.T, data json.RawMessage, query any) bool {
	f, err := filter.Parse(jsonOf(query))
	if err != nil {
		t.Fatalf("%s: %v", jsonOf(query), err)
	}
	return f.Match("uid", data)
}

type o = map[string]any

// Several ways to say the same select the same.
func TestSynonyms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data, p := record(t), path().Draw(t, "path")
		v, w := value(1).Draw(t, "v"), value(1).Draw(t, "w")
		eq := match(t, data, o{p: v})
		either := eq || match(t, data, o{p: w})
		for name, c := range map[string]struct{ got, want bool }{
			"$eq":           {match(t, data, o{p: o{"$eq": v}}), eq},
			"$ne":           {match(t, data, o{p: o{"$ne": v}}), !eq},
			"$not":          {match(t, data, o{p: o{"$not": o{"$eq": v}}}), !eq},
			"$in one":       {match(t, data, o{p: o{"$in": []any{v}}}), eq},
			"$in two":       {match(t, data, o{p: o{"$in": []any{v, w}}}), either},
			"$nin":          {match(t, data, o{p: o{"$nin": []any{v, w}}}), !either},
			"$or":           {match(t, data, o{"$or": []any{o{p: v}, o{p: w}}}), either},
			"$nor":          {match(t, data, o{"$nor": []any{o{p: v}, o{p: w}}}), !either},
			"$and":          {match(t, data, o{"$and": []any{o{p: v}, o{p: w}}}), match(t, data, o{p: o{"$all": []any{v, w}}})},
			"$all one":      {match(t, data, o{p: o{"$all": []any{v}}}), eq},
			"$exists":       {match(t, data, o{p: o{"$exists": false}}), !match(t, data, o{p: o{"$exists": true}})},
			"two operators": {match(t, data, o{p: o{"$eq": v, "$ne": w}}), eq && match(t, data, o{p: o{"$ne": w}})},
		} {
			if c.got != c.want {
				t.Errorf("%s: %v, want %v", name, c.got, c.want)
			}
		}
	})
}

// For one number or text, exactly one of less, equal and greater holds.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scalar := rapid.OneOf(
			rapid.Custom(func(t *rapid.T) any { return rapid.Float64Range(-10, 10).Draw(t, "f") }),
			rapid.Custom(func(t *rapid.T) any { return rapid.String().Draw(t, "s") }))
		v, bound := scalar.Draw(t, "v"), scalar.Draw(t, "bound")
		data := jsonOf(o{"a": v})
		lt, gt := match(t, data, o{"a": o{"$lt": bound}}), match(t, data, o{"a": o{"$gt": bound}})
		eq := match(t, data, o{"a": bound})
		lte, gte := match(t, data, o{"a": o{"$lte": bound}}), match(t, data, o{"a": o{"$gte": bound}})
		_, vIsText := v.(string)
		_, boundIsText := bound.(string)
		n := 0
		for _, holds := range []bool{lt, eq, gt} {
			if holds {
				n++
			}
		}
		if sameType := vIsText == boundIsText; sameType != (n == 1) || n > 1 {
			t.Errorf("%d of less, equal and greater hold", n)
		}
		if lte != (lt || eq) || gte != (gt || eq) {
			t.Error("$lte or $gte is not what it says")
		}
	})
}

// Whatever comes, there is an answer.
func FuzzParse(f *testing.F) {
	f.Add(`{"a":{"$elemMatch":{"$gt":1}},"$or":[{"b.0":null}]}`, `{"a":[2],"b":[[null]]}`)
	f.Add(`{"a":{"$not":{"$in":[[],{}]}}}`, `{"a":{}}`)
	f.Fuzz(func(t *testing.T, query, data string) {
		if parsed, err := filter.Parse(json.RawMessage(query)); err == nil {
			parsed.Match("uid", json.RawMessage(data))
		}
	})
}
