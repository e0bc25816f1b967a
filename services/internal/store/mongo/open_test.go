package mongo

import (
	"errors"
	"net"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/store/storetest"
)

func TestOpenErrors(t *testing.T) {
	nobody, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	away := "mongodb://" + nobody.Addr().String() + "/?serverSelectionTimeoutMS=100"
	nobody.Close()
	for uri, want := range map[string]struct {
		passing bool
		says    string
	}{
		"":                       {false, "connection URL is wrong"},
		"http://localhost":       {false, "connection URL is wrong"},
		"mongodb://a:b:c@host/d": {false, "connection URL is wrong"},
		"mongodb://h/?w=-1":      {false, "connection URL is wrong"},
		away:                     {true, "open the database tandem"},
	} {
		s, err := Open(t.Context(), Options{URI: uri})
		if err == nil {
			s.Close()
			t.Errorf("%q: opened", uri)
			continue
		}
		if errors.Is(err, store.ErrUnavailable) != want.passing || !strings.Contains(err.Error(), want.says) {
			t.Errorf("%q: %v, want %q, worth another try: %v", uri, err, want.says, want.passing)
		}
	}
}

// What a server has decides how much certainty is asked of it.
func TestConcerns(t *testing.T) {
	for what, tc := range map[string]struct {
		hello    bson.D
		majority bool
	}{
		"standalone":  {bson.D{{Key: "isWritablePrimary", Value: true}}, false},
		"replica set": {bson.D{{Key: "setName", Value: "rs0"}}, true},
		"sharded":     {bson.D{{Key: "msg", Value: "isdbgrid"}}, true},
	} {
		raw, err := bson.Marshal(tc.hello)
		if err != nil {
			t.Fatal(err)
		}
		var o options.DatabaseOptions
		for _, set := range concerns(raw).List() {
			if err := set(&o); err != nil {
				t.Fatal(err)
			}
		}
		if tc.majority {
			if o.ReadConcern == nil || o.ReadConcern.Level != "majority" || o.WriteConcern.W != "majority" {
				t.Errorf("%s: %+v, %+v; want majority", what, o.ReadConcern, o.WriteConcern)
			}
		} else if o.WriteConcern.W != 1 || o.WriteConcern.Journal == nil || !*o.WriteConcern.Journal {
			t.Errorf("%s: %+v; want what is in the journal", what, o.WriteConcern)
		}
	}
}

// A newer version may have written the data: one that this version can work beside
// leaves it alone, another stops it with the way out.
func TestDataOfANewerVersion(t *testing.T) {
	o := optionsOf(t, storetest.Options{Clock: storetest.NewClock().Now})
	s := open(t, o)
	newer := func(needs int64) {
		if _, err := s.coll(collMigrations).upsert(t.Context(), bson.D{is("_id", newestVersion()+1)},
			bson.D{set(is("name", "colours"), is("needs", needs))}); err != nil {
			t.Fatal(err)
		}
	}
	newer(newestVersion())
	open(t, o)
	newer(newestVersion() + 1)
	beside, err := Open(t.Context(), o)
	if err == nil {
		beside.Close()
		t.Fatal("opened")
	}
	for _, want := range []string{"newer version of Tandem", "colours", "run that version"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	if errors.Is(err, store.ErrUnavailable) {
		t.Errorf("%v: no waiting helps", err)
	}
}
