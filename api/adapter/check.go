package adapter

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
)

// MaxMessageBytes is the largest message that Tandem and its adapters exchange.
// Lists go in messages of a few megabytes; a single record may need more.
const MaxMessageBytes = 64 << 20

// MaxRecordBytes is the largest record that fits, with room for what else the
// message holds. An update carries a record twice.
const MaxRecordBytes = MaxMessageBytes/2 - 1<<20

func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}

// checkContext checks what every request about a dataset carries.
func checkContext(c *adapterv1.Context) error {
	if c.GetDataset() == "" {
		return invalid("the request names no dataset")
	}
	if m := c.GetMetaData(); len(m) > 0 && !json.Valid(m) {
		return invalid("dataset %s: meta_data is not JSON", c.GetDataset())
	}
	return nil
}

// checkWrite checks what every writing request carries.
func checkWrite(c *adapterv1.Context, key string) error {
	if err := checkContext(c); err != nil {
		return err
	}
	if key == "" {
		return invalid("dataset %s: the request has no idempotency_key", c.GetDataset())
	}
	return nil
}

// checkUID checks that a request about one record names it.
func checkUID(c *adapterv1.Context, uid string) error {
	if uid == "" {
		return invalid("dataset %s: the request names no uid", c.GetDataset())
	}
	return nil
}

// checkObject checks JSON that came with a request.
func checkObject(c *adapterv1.Context, field string, raw []byte) error {
	switch {
	case len(raw) > MaxRecordBytes:
		return invalid("dataset %s: %s is larger than %d bytes", c.GetDataset(), field, MaxRecordBytes)
	case !isObject(raw):
		return invalid("dataset %s: %s must be a JSON object", c.GetDataset(), field)
	}
	return nil
}

// checkOptionalObject is checkObject for JSON that may be absent.
func checkOptionalObject(c *adapterv1.Context, field string, raw []byte) error {
	if len(raw) == 0 {
		return nil
	}
	return checkObject(c, field, raw)
}

// checkRecord checks a record on its way from the adapter to Tandem.
func checkRecord(c *adapterv1.Context, uid string, data []byte) error {
	switch {
	case uid == "":
		return status.Errorf(codes.Internal, "dataset %s: the adapter returned a record without uid", c.GetDataset())
	case !utf8.ValidString(uid):
		return status.Errorf(codes.Internal, "dataset %s: the adapter returned a uid that is not UTF-8: %q", c.GetDataset(), uid)
	case len(data) > MaxRecordBytes:
		return status.Errorf(codes.Internal, "dataset %s: record %s is larger than %d bytes", c.GetDataset(), uid, MaxRecordBytes)
	case !isObject(data):
		return status.Errorf(codes.Internal, "dataset %s: record %s is not a JSON object", c.GetDataset(), uid)
	}
	return nil
}

func isObject(raw []byte) bool {
	trimmed := bytes.TrimLeft(raw, " \t\r\n")
	return len(trimmed) > 0 && trimmed[0] == '{' && utf8.Valid(raw) && json.Valid(raw)
}

// optional makes absent JSON nil, whatever it came as.
func optional(raw []byte) json.RawMessage {
	if len(raw) == 0 {
		return nil
	}
	return raw
}
