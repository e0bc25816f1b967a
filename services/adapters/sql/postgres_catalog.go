package sql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/stdlib"
)

// pgTypes are the parts of the catalog's answers that columnOf needs, for a type t and its modifier.
const pgTypes = `format_type(t.oid, -1), b.typname, b.typcategory::text,
	coalesce((SELECT coalesce(eb.typname, e.typname) FROM pg_type e LEFT JOIN pg_type eb ON eb.oid = nullif(e.typbasetype, 0) WHERE e.oid = b.typelem), '')`

func (d postgres) tableColumns(ctx context.Context, q queryer, table []string) ([]column, error) {
	rows, err := q.QueryContext(ctx, `SELECT a.attname, `+pgTypes+`,
	CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END,
	NOT a.attnotnull, a.atthasdef AND a.attgenerated = '' OR a.attidentity <> '', a.attgenerated <> '' OR a.attidentity = 'a'
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid JOIN pg_type b ON b.oid = coalesce(nullif(t.typbasetype, 0), t.oid)
WHERE a.attrelid = to_regclass($1::text) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`, qualified(d, table))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []column
	for rows.Next() {
		var c column
		var name, category, element string
		var modifier int
		if err := rows.Scan(&c.name, &c.typ, &name, &category, &element, &modifier, &c.nullable, &c.fills, &c.readOnly); err != nil {
			return nil, err
		}
		list = append(list, pgColumn(c, name, category, element, modifier))
	}
	return list, rows.Err()
}

// queryColumns has the server describe the query, without running it.
func (d postgres) queryColumns(ctx context.Context, conn *sql.Conn, query string) ([]column, error) {
	var list []column
	err := conn.Raw(func(raw any) error {
		c := raw.(*stdlib.Conn).Conn()
		about, err := c.Prepare(ctx, "", query)
		if err != nil {
			return err
		}
		if len(about.ParamOIDs) > 0 {
			return errors.New("it has placeholders")
		}
		for _, f := range about.Fields {
			col := column{name: f.Name, nullable: true}
			var name, category, element string
			err := c.QueryRow(ctx, `SELECT `+pgTypes+` FROM pg_type t JOIN pg_type b ON b.oid = coalesce(nullif(t.typbasetype, 0), t.oid)
WHERE t.oid = $1::text::oid`, fmt.Sprint(f.DataTypeOID)).Scan(&col.typ, &name, &category, &element)
			if err != nil {
				return err
			}
			list = append(list, pgColumn(col, name, category, element, int(f.TypeModifier)))
		}
		return nil
	})
	return list, err
}

// pgColumn completes a column from what the catalog says of its type, or of that which its domain is of.
func pgColumn(c column, name, category, element string, modifier int) column {
	c.scale, c.kind, c.auto = -1, pgKind(name), c.fills // it returns what it fills in
	if c.kind == kNumeric && modifier >= 4 {
		c.scale = (modifier - 4) & 0x7ff
		if c.scale >= 1024 { // a negative scale rounds before the point
			c.scale = 0
		}
	}
	if category == "A" && name != "int2vector" && name != "oidvector" {
		c.kind, c.element = kArray, pgKind(element)
	}
	switch {
	case name == "xid8":
		c.change = changeXID
	case c.kind == kTimestamp || c.kind == kTimestampTZ:
		c.change = changeTime
	case c.kind == kInt:
		c.change = changeNumber
	}
	return c
}

func pgKind(name string) kind {
	switch name {
	case "bool":
		return kBool
	case "int2", "int4", "int8", "oid":
		return kInt
	case "numeric":
		return kNumeric
	case "float4", "float8":
		return kFloat
	case "bytea":
		return kBytes
	case "json", "jsonb":
		return kJSON
	case "date":
		return kDate
	case "timestamp":
		return kTimestamp
	case "timestamptz":
		return kTimestampTZ
	case "bit", "varbit":
		return kBit
	}
	return kText
}

func (d postgres) unique(ctx context.Context, q queryer, table, columns []string) (bool, error) {
	rows, err := q.QueryContext(ctx, `SELECT count(*) FROM pg_index i
WHERE i.indrelid = to_regclass($1::text) AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
AND (SELECT array_agg(a.attname::text ORDER BY a.attname::text COLLATE "C") FROM pg_attribute a
	WHERE a.attrelid = i.indrelid AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1]))
= ARRAY(SELECT x COLLATE "C" FROM jsonb_array_elements_text($2::text::jsonb) x ORDER BY 1)`,
		qualified(d, table), string(jsonTexts(columns)))
	if err != nil {
		return false, err
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		if err := rows.Scan(&n); err != nil {
			return false, err
		}
	}
	return n > 0, rows.Err()
}
