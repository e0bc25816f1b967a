package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tandem-sync/tandem/services/gateway"
)

func limited(t *testing.T, fields []string) *bench {
	t.Helper()
	return newBench(t, func(o *gateway.Options) {
		o.QueryFields = func(dataset string) []string {
			if dataset != "tasks" {
				t.Errorf("asked for dataset %q", dataset)
			}
			return fields
		}
	})
}

func TestQueryFields(t *testing.T) {
	b := limited(t, []string{"owner", "address.city"})
	for query, bad := range map[string]string{
		`{}`: "", `{"owner":"anna"}`: "", `{"owner.name":1,"address.city.zip":2}`: "",
		`{"owner":{"$in":["a","b"],"secret":1}}`:              "", // below a field that is allowed
		`{"$or":[{"owner":1},{"$and":[{"address.city":2}]}]}`: "",
		`{"owner":{"$elemMatch":{"secret":1}}}`:               "",

		`{"secret":1}`:                       `the field "secret"`,
		`{"owner":1,"secret":1}`:             `the field "secret"`,
		`{"s\u0065cret":1}`:                  `the field "secret"`,
		`{"Owner":1}`:                        `the field "Owner"`,
		`{"owners":1}`:                       `the field "owners"`,
		`{"address":{"city":1}}`:             `the field "address"`,
		`{"_id":"x"}`:                        `the field "_id"`,
		`{"":1}`:                             `the field ""`,
		`{"$or":[{"owner":1},{"secret":1}]}`: `the field "secret"`,
		`{"$nor":[{"$and":[{"$or":[{"secret":1}]}]}]}`: `the field "secret"`,
		`{"$or":[{"secret":1}],"$or":[{"owner":1}]}`:   `the field "secret"`, // the first of two is seen
		`{"$or":[{"owner":1}],"$or":[{"secret":1}]}`:   `the field "secret"`,
		`{"$where":"this.secret"}`:                     `the operator "$where"`,
		`{"$expr":{"$eq":["$secret",1]}}`:              `the operator "$expr"`,
		`{"$not":{"secret":1}}`:                        `the operator "$not"`,
		`{"$or":{"secret":1}}`:                         `$or without a list of conditions`,
		`{"$and":["secret"]}`:                          `$and without a list of conditions`,
		`{"$and":[[{"secret":1}]]}`:                    `$and without a list of conditions`,
		`{"` + strings.Repeat("x", 5000) + `":1}`:      `the field "` + strings.Repeat("x", 40) + `"`,
	} {
		for _, fn := range []string{"sync", "syncRecords"} {
			w := b.post(request(fn, "phone", `"query_params":`+query))
			if bad == "" {
				if w.Code == http.StatusBadRequest {
					t.Errorf("%s %s: %d %s", fn, query, w.Code, w.Body)
				}
				continue
			}
			want := "query_params use " + bad + ", which dataset tasks does not allow (setting queryFields); allowed are: owner, address.city"
			if msg := b.text(w); w.Code != http.StatusBadRequest || msg != want {
				t.Errorf("%s %.80s: %d %s\nwant %s", fn, query, w.Code, msg, want)
			}
		}
	}
}

func TestQueryFieldsNoneAndAll(t *testing.T) {
	b := limited(t, []string{})
	w := b.post(request("sync", "phone", `"query_params":{"a":1}`, pending(create("c1", milk))))
	if msg := b.text(w); w.Code != http.StatusBadRequest || !strings.HasSuffix(msg, "allowed are: none") {
		t.Errorf("%d %s", w.Code, msg)
	}
	b.leftNothing("a query that is not allowed")
	b.sync("phone")
	limited(t, nil).sync("phone", `"query_params":{"a":1}`)
}
