package intercept

import (
	"encoding/json"
	"fmt"
	"strings"

	interceptorv1 "github.com/tandem-sync/tandem/proto/interceptor/v1"
	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/record/rawjson"
	"github.com/tandem-sync/tandem/services/internal/wire"
)

// call is a request as interceptors see it.
func call(dataset string, req *wire.Request) *interceptorv1.Call {
	c := &interceptorv1.Call{
		Dataset: dataset, Fn: string(req.Fn), Cuid: text(req.CUID),
		QueryParams: req.QueryParams, MetaData: req.MetaData,
		Acknowledgements: int32(len(req.Acks)), ClientRecords: int32(len(req.ClientRecs)),
		CollisionHash: text(req.Hash),
	}
	if len(req.Headers) > 0 {
		c.Headers = make(map[string]string, len(req.Headers))
		for name, value := range req.Headers {
			c.Headers[text(name)] = text(value)
		}
	}
	for _, ch := range req.Changes {
		c.Changes = append(c.Changes, &interceptorv1.Change{Action: text(string(ch.Action)), Uid: text(ch.UID), Hash: text(ch.Hash)})
	}
	return c
}

// text is what protobuf takes as a text: headers may be in any encoding.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func summary(s wire.Summary) []byte {
	out, _ := json.Marshal(struct { // texts and numbers: never fails
		Hash    string `json:"hash,omitempty"`
		Updates int    `json:"updates,omitempty"`
		Create  int    `json:"create,omitempty"`
		Update  int    `json:"update,omitempty"`
		Delete  int    `json:"delete,omitempty"`
	}(s))
	return out
}

// replaced is what an interceptor put in the place of old, if it did.
func replaced(name string, old, put []byte) (json.RawMessage, error) {
	if len(put) == 0 {
		return old, nil
	}
	if err := rawjson.Valid(put); err != nil {
		return nil, fmt.Errorf("it put %s in place that are not JSON: %w", name, err)
	}
	if !record.IsObject(put) {
		return nil, fmt.Errorf("it put %s in place that are no JSON object", name)
	}
	return put, nil
}
