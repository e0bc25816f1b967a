package wire

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/record/rawjson"
)

// fields are the members of a request's body that count, nil when absent or null.
// Of two with one name the last counts. The others (config, dataset_id,
// dataset_hash and what a client may add) are ignored.
type fields struct {
	fn, queryParams, metaData, fh, acks, pending, clientRecs, hash []byte
}

// DecodeRequest decodes the body of a request for a dataset (protocol section 2).
// The request keeps parts of body: it must not be changed afterwards.
//
// Error: an *Error with status 400 when the body is not JSON, not an object, names
// no known fn, or a field that the fn uses is of a wrong type; or when datasetID
// does not pass CheckDatasetID.
func DecodeRequest(body []byte, datasetID string) (Request, error) {
	r := Request{QueryParams: json.RawMessage("{}"), MetaData: json.RawMessage("{}")}
	if err := CheckDatasetID(datasetID); err != nil {
		return Request{}, err
	}
	if err := rawjson.Valid(body); err != nil {
		return Request{}, badRequest("%v", err)
	}
	if rawjson.KindOf(body) != rawjson.KindObject {
		return Request{}, badRequest("the request's body must be a JSON object")
	}
	f := readFields(body)
	if err := cmp.Or(
		r.readFn(f.fn),
		readObject(&r.QueryParams, "query_params", f.queryParams),
		readObject(&r.MetaData, "meta_data", f.metaData),
		r.readCUID(f.fh),
	); err != nil {
		return Request{}, err
	}
	var err error
	if r.ClientID, err = record.DatasetClientID(datasetID, r.QueryParams); err != nil {
		return Request{}, badRequest("query_params: %v", err)
	}
	if err := r.readArguments(f, datasetID); err != nil {
		return Request{}, err
	}
	return r, nil
}

func readFields(body []byte) fields {
	var f fields
	for key, value := range rawjson.Members(body) {
		value = present(value)
		switch string(content(key)) {
		case "fn":
			f.fn = value
		case "query_params":
			f.queryParams = value
		case "meta_data":
			f.metaData = value
		case "__fh":
			f.fh = value
		case "acknowledgements":
			f.acks = value
		case "pending":
			f.pending = value
		case "clientRecs":
			f.clientRecs = value
		case "hash":
			f.hash = value
		}
	}
	return f
}

// readArguments reads what belongs to the function alone.
func (r *Request) readArguments(f fields, datasetID string) error {
	switch r.Fn {
	case FnSync:
		if err := r.readAcks(f.acks, datasetID); err != nil {
			return err
		}
		return r.readChanges(f.pending, datasetID)
	case FnSyncRecords:
		return r.readClientRecs(f.clientRecs)
	case FnRemoveCollision:
		var err error
		if r.Hash, err = text(f.hash); err != nil {
			return badRequest("hash %v", err)
		}
		// "" stands for the collisions with a record that was gone: they have no hash.
	}
	return nil
}

func (r *Request) readFn(raw []byte) error {
	name, err := text(raw)
	if err != nil {
		return badRequest("fn %v; %s", err, knownFns)
	}
	switch r.Fn = Fn(name); r.Fn {
	case FnSync, FnSyncRecords, FnListCollisions, FnRemoveCollision:
		return nil
	case "":
		return badRequest("fn is missing; %s", knownFns)
	}
	return badRequest("unknown fn %.40q; %s", name, knownFns)
}

func (r *Request) readCUID(fh []byte) error {
	var raw []byte
	switch rawjson.KindOf(fh) {
	case rawjson.KindNone:
		return nil
	case rawjson.KindObject:
	default:
		return badRequest("__fh must be an object")
	}
	for key, value := range rawjson.Members(fh) {
		if string(content(key)) == "cuid" {
			raw = present(value)
		}
	}
	cuid, err := text(raw)
	if err != nil {
		return badRequest("__fh.cuid %v", err)
	}
	r.CUID = cuid
	return nil
}

// readObject sets to where raw is an object, and leaves it where raw is absent.
func readObject(to *json.RawMessage, name string, raw []byte) error {
	switch rawjson.KindOf(raw) {
	case rawjson.KindNone:
	case rawjson.KindObject:
		*to = raw
	default:
		return badRequest("%s must be an object", name)
	}
	return nil
}

// present makes null the same as absent.
func present(value []byte) []byte {
	if rawjson.KindOf(value) == rawjson.KindNull {
		return nil
	}
	return value
}

// content returns what a key says. Most keys need no copy for that.
func content(key []byte) []byte {
	if bytes.IndexByte(key, '\\') < 0 {
		return key[1 : len(key)-1]
	}
	return rawjson.AppendUnquoted(nil, key)
}

var (
	errNoText    = errors.New("must be a text")
	errSurrogate = errors.New("is not valid Unicode (half a surrogate pair)")
	errTooLong   = errors.New("is too long")
)

// text decodes an id: a text of valid Unicode. Other kinds of value would be
// operators or types of the store's; half a surrogate pair would be folded into
// one and the same id by what comes after. Absent gives "".
func text(raw []byte) (string, error) {
	switch rawjson.KindOf(raw) {
	case rawjson.KindNone:
		return "", nil
	case rawjson.KindText:
	default:
		return "", errNoText
	}
	s, valid := rawjson.Decode(raw)
	switch {
	case !valid:
		return "", errSurrogate
	case len(s) > MaxIDLength:
		return "", errTooLong
	}
	return s, nil
}
