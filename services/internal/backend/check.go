package backend

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/tandem-sync/tandem/api/adapter"
)

// check refuses what could not be sent: gRPC would report it with a code that
// means something else, and the queue would try for ever.
func (b *Backend) check(method, dataset string, bytes int, texts ...string) error {
	refuse := func(msg string) error {
		return &Error{Kind: Refused, Dataset: b.dataset, Method: method, Msg: msg}
	}
	if dataset != "" && dataset != b.dataset {
		return refuse(fmt.Sprintf("the request is for dataset %s", dataset))
	}
	if bytes > adapter.MaxRecordBytes {
		return refuse(fmt.Sprintf("the record has %d bytes, more than the %d that can be sent to the backend", bytes, adapter.MaxRecordBytes))
	}
	for _, text := range texts {
		if !utf8.ValidString(text) {
			return refuse(fmt.Sprintf("%q is not valid UTF-8", text))
		}
	}
	return nil
}

// size is the length of the largest of several records.
func size(records ...json.RawMessage) int {
	n := 0
	for _, r := range records {
		n = max(n, len(r))
	}
	return n
}
