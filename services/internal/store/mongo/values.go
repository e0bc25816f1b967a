package mongo

import (
	"time"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// How values are kept. Devices choose names freely, and a BSON string holds
// nothing but UTF-8: a name that is not is kept as binary. Times are milliseconds
// since 1970, 0 or null: never, as the reference server has them; only where it uses
// others (visible, deleted) so do we.

// name is the BSON value of a text that somebody else chose.
func name(s string) any {
	if utf8.ValidString(s) {
		return s
	}
	return bson.Binary{Data: []byte(s)}
}

// names are the values of several.
func names(all []string) bson.A {
	values := make(bson.A, len(all))
	for i, s := range all {
		values[i] = name(s)
	}
	return values
}

// textOf reads back what name made; "" where there is none.
func textOf(v bson.RawValue) string {
	if s, ok := v.StringValueOK(); ok {
		return s
	}
	if _, b, ok := v.BinaryOK(); ok {
		return string(b)
	}
	return ""
}

// text reads a field.
func text(d bson.Raw, field ...string) string { return textOf(d.Lookup(field...)) }

// number reads a field of any numeric type, 0 where it is absent or null: the
// reference server's driver writes doubles where a number does not fit 32 bits.
func number(d bson.Raw, field ...string) int64 {
	v := d.Lookup(field...)
	if n, ok := v.AsInt64OK(); ok {
		return n
	}
	return 0
}

// flag reads a boolean, false where it is absent.
func flag(d bson.Raw, field ...string) bool {
	b, ok := d.Lookup(field...).BooleanOK()
	return ok && b
}

// has tells whether a field is there and not null.
func has(d bson.Raw, field ...string) bool {
	v := d.Lookup(field...)
	return !v.IsZero() && v.Type != bson.TypeNull
}

// id reads the _id of a message.
func id(d bson.Raw) bson.ObjectID {
	oid, _ := d.Lookup("_id").ObjectIDOK()
	return oid
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// visibleLayout is how the queues write when a message is visible: text that sorts
// as the times do.
const visibleLayout = "2006-01-02T15:04:05.000Z"

func visible(t time.Time) string { return t.UTC().Format(visibleLayout) }

// visibleTime reads it back.
func visibleTime(d bson.Raw) time.Time {
	t, err := time.Parse(visibleLayout, text(d, "visible"))
	if err != nil {
		return time.Time{}
	}
	return t
}

// date is a BSON date, which TTL indexes need.
func date(t time.Time) bson.DateTime { return bson.NewDateTimeFromTime(t) }

// dateOf reads one; the zero time where there is none.
func dateOf(d bson.Raw, field ...string) time.Time {
	ms, ok := d.Lookup(field...).DateTimeOK()
	if !ok {
		return time.Time{}
	}
	return timeOf(ms)
}
