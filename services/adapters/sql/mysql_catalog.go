package sql

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// where selects what information_schema has of a table.
func (mysqlDialect) where(table []string) (string, []any) {
	if len(table) == 2 {
		return " WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?", []any{table[0], table[1]}
	}
	return " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?", []any{table[0]}
}

func (d mysqlDialect) tableColumns(ctx context.Context, q queryer, table []string) ([]column, error) {
	where, args := d.where(table)
	rows, err := q.QueryContext(ctx, `SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE = 'YES', COALESCE(NUMERIC_SCALE, -1),
	COALESCE(NUMERIC_PRECISION, 0), EXTRA, COLUMN_DEFAULT IS NOT NULL FROM information_schema.COLUMNS`+where+` ORDER BY ORDINAL_POSITION`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []column
	for rows.Next() {
		var c column
		var data, full, extra string
		var bits int
		if err := rows.Scan(&c.name, &data, &full, &c.nullable, &c.scale, &bits, &extra, &c.fills); err != nil {
			return nil, err
		}
		extra = strings.ToUpper(extra)
		c.kind, c.typ = mysqlKind(strings.ToUpper(data)), data
		switch {
		case strings.HasPrefix(full, "tinyint(1)"):
			c.kind, c.typ = kBool, mysqlBool
		case c.kind == kBit:
			c.bits = bits
		}
		c.readOnly = strings.Contains(extra, "VIRTUAL GENERATED") || strings.Contains(extra, "STORED GENERATED") || strings.Contains(extra, "PERSISTENT")
		c.fills = c.fills || strings.Contains(extra, "AUTO_INCREMENT")
		if strings.Contains(extra, "AUTO_INCREMENT") {
			c.auto = true
		}
		list = append(list, mysqlColumn(c))
	}
	if err := rows.Err(); err != nil || !d.maria {
		return list, err
	}
	return list, d.jsonColumns(ctx, q, table, list)
}

// jsonColumns finds the columns that MariaDB was told to be JSON: texts with a check.
func (d mysqlDialect) jsonColumns(ctx context.Context, q queryer, table []string, list []column) error {
	where, args := d.where(table)
	rows, err := q.QueryContext(ctx, `SELECT CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS`+
		strings.ReplaceAll(where, "TABLE_SCHEMA", "CONSTRAINT_SCHEMA"), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var clause string
		if err := rows.Scan(&clause); err != nil {
			return err
		}
		for i, c := range list {
			if clause == "json_valid("+d.quote(c.name)+")" {
				list[i].kind = kJSON
			}
		}
	}
	return rows.Err()
}

func (d mysqlDialect) queryColumns(ctx context.Context, conn *sql.Conn, query string) ([]column, error) {
	// A condition that is never true keeps the server from running the query.
	rows, err := conn.QueryContext(ctx, "SELECT * FROM ("+query+"\n) tandem_query WHERE 1 = 0")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	var list []column
	for _, t := range types {
		name := t.DatabaseTypeName()
		list = append(list, mysqlColumn(column{
			name: t.Name(), typ: name, kind: mysqlKind(strings.TrimPrefix(name, "UNSIGNED ")), nullable: true, scale: -1,
		}))
	}
	return list, rows.Err()
}

func mysqlColumn(c column) column {
	switch c.kind {
	case kTimestamp, kTimestampTZ:
		c.change = changeTime
	case kInt:
		c.change = changeNumber
	}
	return c
}

func mysqlKind(name string) kind {
	switch name {
	case "TINYINT", "SMALLINT", "MEDIUMINT", "INT", "BIGINT", "YEAR":
		return kInt
	case "DECIMAL":
		return kNumeric
	case "FLOAT", "DOUBLE":
		return kFloat
	case "BINARY", "VARBINARY", "TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB", "GEOMETRY", "VECTOR":
		return kBytes
	case "JSON":
		return kJSON
	case "DATE":
		return kDate
	case "DATETIME":
		return kTimestamp
	case "TIMESTAMP":
		return kTimestampTZ
	case "BIT":
		return kBit
	}
	return kText
}

func (d mysqlDialect) unique(ctx context.Context, q queryer, table, columns []string) (bool, error) {
	where, args := d.where(table)
	var engine sql.NullString
	if err := scanOne(ctx, q, &engine, "SELECT ENGINE FROM information_schema.TABLES"+where, args...); err != nil {
		return false, err
	}
	if slices.Contains([]string{"myisam", "aria", "memory", "csv", "archive", "mrg_myisam"}, strings.ToLower(engine.String)) {
		return false, fmt.Errorf("table %s has the engine %s, which has no transactions; convert it to InnoDB", strings.Join(table, "."), engine.String)
	}
	rows, err := q.QueryContext(ctx, `SELECT INDEX_NAME, COLUMN_NAME, SUB_PART IS NOT NULL FROM information_schema.STATISTICS`+where+` AND NON_UNIQUE = 0`, args...)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	indexes := map[string][]string{}
	for rows.Next() {
		var index string
		var name sql.NullString
		var part bool
		if err := rows.Scan(&index, &name, &part); err != nil {
			return false, err
		}
		if part || !name.Valid {
			name.String = "" // the index is on a part of a column or an expression, which is no column
		}
		indexes[index] = append(indexes[index], name.String)
	}
	want := slices.Sorted(slices.Values(columns))
	for _, names := range indexes {
		if slices.Equal(slices.Sorted(slices.Values(names)), want) {
			return true, rows.Err()
		}
	}
	return false, rows.Err()
}
