package sql

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tandem-sync/tandem/services/internal/record/rawjson"
)

// allowed refuses fields that the configuration does not let devices filter by. Package filter has found the
// conditions to be well-formed.
func (d *dataset) allowed(params []byte) error {
	if len(d.o.Filter) == 0 || len(params) == 0 {
		return nil
	}
	for _, m := range membersOf(params) {
		if strings.HasPrefix(m.key, "$") {
			for part := range rawjson.Elements(m.value) {
				if err := d.allowed(part); err != nil {
					return err
				}
			}
			continue
		}
		if field, _, _ := strings.Cut(m.key, "."); !slices.Contains(d.o.Filter, field) && m.key != "_id" {
			return fmt.Errorf("field %.40q can't be used in a filter; those that can are %s", m.key, strings.Join(d.o.Filter, ", "))
		}
	}
	return nil
}

// narrow adds what the database can say faster. It may select too much, never too little: what a condition
// means is for package filter, which sees every row that comes. So only what is sure to be true of all rows
// that match is added, as conditions on columns with bound values.
func (d *dataset) narrow(s *statement, params []byte) {
	for _, m := range membersOf(params) {
		switch {
		case m.key == "$and":
			for part := range rawjson.Elements(m.value) {
				d.narrow(s, part)
			}
		case strings.HasPrefix(m.key, "$"):
		case m.key == "_id":
			d.narrowUID(s, m.value)
		default:
			if c, ok := d.find(m.key); ok {
				d.narrowField(s, c, m.value)
			}
		}
	}
}

func (d *dataset) narrowField(s *statement, c column, value []byte) {
	if rawjson.KindOf(value) != rawjson.KindObject {
		d.narrowTo(s, c, [][]byte{value})
		return
	}
	for _, m := range membersOf(value) {
		switch m.key {
		case "$eq":
			d.narrowTo(s, c, [][]byte{m.value})
		case "$in":
			d.narrowTo(s, c, slices.Collect(rawjson.Elements(m.value)))
		case "$gt", "$gte":
			if text, ok := d.bound(c, m.value, -time.Second); ok {
				s.add(" AND ", d.d.quote(c.name), " >= ").value(wide(c), text)
			}
		case "$lt", "$lte":
			if text, ok := d.bound(c, m.value, time.Second); ok {
				s.add(" AND ", d.d.quote(c.name), " <= ").value(wide(c), text)
			}
		}
	}
}

// maxNarrow bounds the values of one condition.
const maxNarrow = 1000

// narrowTo adds that a column equals one of these values, if the database can say so of all of them.
func (d *dataset) narrowTo(s *statement, c column, values [][]byte) {
	if len(values) > maxNarrow {
		return
	}
	texts, null := []string{}, false
	for _, v := range values {
		if string(v) == "null" && c.kind != kJSON && c.kind != kArray {
			null = true
			continue
		}
		text, ok := d.same(c, v)
		if !ok {
			return
		}
		texts = append(texts, text)
	}
	s.add(" AND (1 = 0")
	for _, text := range texts {
		s.add(" OR ", d.d.quote(c.name), " = ").value(wide(c), text)
	}
	if null {
		s.add(" OR ", d.d.quote(c.name), " IS NULL")
	}
	s.add(")")
}

// wide is a column that takes the values that are compared with c: a whole number may be larger.
func wide(c column) column {
	switch c.kind {
	case kInt:
		c.typ = "bigint"
	case kNumeric:
		c.typ = "numeric"
	}
	return c
}

var (
	plainTypes = []string{"text", "character varying", "bpchar"}
	uuids      = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	plainDay   = regexp.MustCompile(`^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d)$`)
)

// same gives the text for a column to equal, where that selects every row whose JSON form equals value.
func (d *dataset) same(c column, value []byte) (string, bool) {
	isText := rawjson.KindOf(value) == rawjson.KindText
	text, valid := "", true
	if isText {
		text, valid = rawjson.Decode(value)
	}
	_, isPostgres := d.d.(postgres)
	switch c.kind {
	case kInt, kNumeric:
		if !isText {
			return number(c, value)
		}
	case kBool:
		if string(value) == "true" || string(value) == "false" {
			text, err := c.store(value)
			return text, err == nil
		}
	case kText:
		switch {
		case !isText || !valid || strings.ContainsRune(text, 0):
		case c.typ == "uuid":
			return text, uuids.MatchString(text)
		case isPostgres:
			return text, slices.Contains(plainTypes, c.typ)
		default:
			return text, slices.Contains([]string{"char", "varchar", "tinytext", "text", "mediumtext", "longtext"}, c.typ)
		}
	case kDate:
		return text, plainDay.MatchString(text)
	case kTimestamp, kTimestampTZ:
		if _, ok := instant(c, text); ok {
			plain, err := c.storeTime(text)
			return plain, err == nil
		}
	}
	return "", false
}

// number gives the numeral of the value that a number has for devices.
func number(c column, value []byte) (string, bool) {
	if rawjson.KindOf(value) != rawjson.KindNumber {
		return "", false
	}
	plain, decimals, ok := expanded(string(rawjson.AppendNumber(nil, value)))
	if c.kind == kInt {
		return plain, ok && decimals == 0 && len(plain) <= 18
	}
	return plain, ok && len(plain) <= 40
}

// instant reads a time in the very form in which a column shows it, where texts sort as times do but for the
// fractions of a second.
func instant(c column, text string) (time.Time, bool) {
	layout := "2006-01-02T15:04:05.999999"
	if c.kind == kTimestampTZ {
		layout += "Z"
	}
	t, err := time.Parse(layout, text)
	return t, err == nil && t.Year() > 0
}

// bound gives the text of a bound. Bounds of times are moved outwards by slack, since devices compare them as
// texts.
func (d *dataset) bound(c column, value []byte, slack time.Duration) (string, bool) {
	switch c.kind {
	case kInt, kNumeric:
		return number(c, value)
	case kDate:
		return d.same(c, value)
	case kTimestamp, kTimestampTZ:
		if rawjson.KindOf(value) != rawjson.KindText {
			return "", false
		}
		text, _ := rawjson.Decode(value)
		t, ok := instant(c, text)
		return t.Add(slack).Format("2006-01-02 15:04:05.999999"), ok
	}
	return "", false
}

// narrowUID adds a condition on _id: a text, $eq with one, $in with several.
func (d *dataset) narrowUID(s *statement, value []byte) {
	if rawjson.KindOf(value) == rawjson.KindObject {
		value = membersOf(value)[0].value
	}
	values := [][]byte{value}
	if rawjson.KindOf(value) == rawjson.KindArray {
		values = slices.Collect(rawjson.Elements(value))
	}
	if len(values) > maxNarrow || slices.ContainsFunc(d.uid, func(c column) bool { return c.kind != kText && c.kind != kInt }) {
		return
	}
	s.add(" AND (1 = 0")
	for _, v := range values {
		uid, _ := rawjson.Decode(v)
		texts, ok := d.parseUID(uid)
		if !ok || !d.castable(texts) {
			continue
		}
		s.add(" OR (1 = 1")
		d.byUID(s, texts)
		s.add(")")
	}
	s.add(")")
}

// castable tells whether the uid's columns can hold these texts, without an error of the database.
func (d *dataset) castable(texts []string) bool {
	for i, c := range d.uid {
		value := quoted(texts[i])
		if c.kind == kInt {
			value = []byte(texts[i])
		}
		if _, ok := d.same(c, value); !ok {
			return false
		}
	}
	return true
}
