package wire

import (
	"errors"
	"iter"
	"strconv"
	"strings"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/record/rawjson"
)

// readChanges reads the pending changes. What a change lacks to be answered
// (hash, cuid) drops it; whatever else is wrong with it makes it invalid, so that
// the device is told.
func (r *Request) readChanges(raw []byte, datasetID string) error {
	list, err := elements("pending", raw)
	if err != nil {
		return err
	}
	for i, item := range list {
		hash, ok := r.address("pending", i, item)
		if !ok {
			continue
		}
		change := record.Change{Dataset: datasetID, ClientID: r.ClientID, CUID: r.CUID, Hash: hash, MetaData: r.MetaData}
		readChange(&change, item)
		r.Changes = append(r.Changes, change)
	}
	return nil
}

func readChange(c *record.Change, object []byte) {
	var action, uid, timestamp []byte
	for key, value := range rawjson.Members(object) {
		switch string(content(key)) {
		case "action":
			action = present(value)
		case "uid":
			uid = present(value)
		case "timestamp":
			timestamp = value
		case "pre":
			c.Pre = value
		case "post":
			c.Post = value
		}
	}
	var problems []string
	word, err := text(action)
	if err != nil {
		problems = append(problems, "action "+err.Error())
	}
	if c.UID, err = text(uid); err != nil {
		problems = append(problems, "uid "+err.Error())
	}
	c.Action = record.Action(strings.ToLower(word))
	c.Timestamp = milliseconds(timestamp)
	c.Invalid = strings.Join(problems, "; ")
}

// readAcks reads the acknowledgements: whole updates, of which hash and timestamp
// count. One without a usable timestamp gets 0: it does not say which result the
// device saw.
func (r *Request) readAcks(raw []byte, datasetID string) error {
	list, err := elements("acknowledgements", raw)
	if err != nil {
		return err
	}
	for i, item := range list {
		hash, ok := r.address("acknowledgements", i, item)
		if !ok {
			continue
		}
		ack := record.Ack{Dataset: datasetID, CUID: r.CUID, Hash: hash}
		for key, value := range rawjson.Members(item) {
			if string(content(key)) == "timestamp" {
				ack.Timestamp = milliseconds(value)
			}
		}
		r.Acks = append(r.Acks, ack)
	}
	return nil
}

// elements goes through the elements of a list, none when raw is absent.
func elements(name string, raw []byte) (iter.Seq2[int, []byte], error) {
	kind := rawjson.KindOf(raw)
	if kind != rawjson.KindNone && kind != rawjson.KindArray {
		return nil, badRequest("%s must be a list", name)
	}
	return func(yield func(int, []byte) bool) {
		if kind == rawjson.KindNone {
			return
		}
		i := 0
		for value := range rawjson.Elements(raw) {
			if !yield(i, value) {
				return
			}
			i++
		}
	}, nil
}

// address returns the hash of a change or acknowledgement; together with the cuid
// it is what an answer is addressed by. Without both the item is dropped: not ok.
func (r *Request) address(list string, i int, item []byte) (hash string, ok bool) {
	if rawjson.KindOf(item) != rawjson.KindObject {
		r.drop("%s[%d] is not an object", list, i)
		return "", false
	}
	var raw []byte
	for key, value := range rawjson.Members(item) {
		if string(content(key)) == "hash" {
			raw = present(value)
		}
	}
	hash, err := text(raw)
	switch {
	case err != nil:
		r.drop("%s[%d]: hash %v", list, i, err)
	case hash == "":
		r.drop("%s[%d] has no hash", list, i)
	case r.CUID == "":
		r.drop("%s[%d] %.40q: the request has no cuid", list, i, hash)
	default:
		return hash, true
	}
	return "", false
}

// milliseconds reads a time, a number or a text of one; 0 for anything else.
func milliseconds(raw []byte) int64 {
	var token string
	switch rawjson.KindOf(raw) {
	case rawjson.KindNumber:
		token = string(raw)
	case rawjson.KindText:
		token, _ = rawjson.Decode(raw)
		token = strings.TrimSpace(token)
		// ParseFloat takes more than JSON does: hexadecimals, infinities, names.
		if end, err := rawjson.Number([]byte(token), 0); err != nil || end != len(token) {
			return 0
		}
	default:
		return 0
	}
	const largest = 1 << 53 // beyond it a device can't count in ones
	f, err := strconv.ParseFloat(token, 64)
	if errors.Is(err, strconv.ErrRange) || f < -largest || f > largest {
		return 0
	}
	return int64(f)
}

// readClientRecs reads what the device has.
func (r *Request) readClientRecs(raw []byte) error {
	r.ClientRecs = map[string]string{}
	switch rawjson.KindOf(raw) {
	case rawjson.KindNone:
		return nil
	case rawjson.KindObject:
	default:
		return badRequest("clientRecs must be an object")
	}
	for key, value := range rawjson.Members(raw) {
		uid, _ := rawjson.Decode(key)
		hash := ""
		switch rawjson.KindOf(value) {
		case rawjson.KindText:
			hash, _ = rawjson.Decode(value)
		default:
			// Nothing (null, false, 0) counts as not having the record; anything else is
			// no hash that a record can have, so that the device gets its version.
			if none, err := record.Hash(value); err == nil && none != "" {
				hash = string(value)
			}
		}
		r.ClientRecs[uid] = hash
	}
	return nil
}
