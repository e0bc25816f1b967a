package sql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"google.golang.org/grpc/status"

	"github.com/tandem-sync/tandem/api/adapter"
)

// verdict is what an error of a database means for a change.
type verdict struct {
	notNow bool   // another try, later, may succeed
	badly  bool   // a value is none of the column's type
	refuse string // the reason for refusing it for good, for the device's user
}

// failure sorts out errors: those with a meaning pass, what the database can't do now is worth another try,
// and what it will never take is refused.
func failure(d dialect, dataset string, err error) error {
	var coded interface{ GRPCStatus() *status.Status }
	switch {
	case err == nil,
		errors.Is(err, adapter.ErrNotFound), errors.Is(err, adapter.ErrConflict), errors.Is(err, adapter.ErrNotOffered),
		errors.Is(err, context.Canceled), errors.As(err, &coded):
		return err
	}
	named := fmt.Errorf("database: %w", err)
	if dataset != "" {
		named = fmt.Errorf("dataset %s: %w", dataset, named)
	}
	if unconnected(err) {
		return adapter.RetryLater(named)
	}
	switch v := d.judge(err); {
	case v.notNow:
		return adapter.RetryLater(named)
	case v.refuse != "":
		return adapter.Refuse(fmt.Sprintf("dataset %s: %s", dataset, v.refuse))
	}
	return named
}

// unconnected tells whether the database could not be reached, or did not answer in time.
func unconnected(err error) bool {
	var network net.Error
	var connect *pgconn.ConnectError
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, net.ErrClosed) || errors.As(err, &network) || errors.As(err, &connect) || pgconn.SafeToRetry(err) ||
		strings.Contains(err.Error(), "sql: database is closed") || strings.Contains(err.Error(), "conn closed")
}

// judge goes by the class of the SQLSTATE.
func (postgres) judge(err error) verdict {
	var e *pgconn.PgError
	if !errors.As(err, &e) || len(e.Code) != 5 {
		return verdict{}
	}
	with := func(reason string) verdict {
		if e.ConstraintName != "" {
			reason += " (" + e.ConstraintName + ")"
		} else if e.ColumnName != "" {
			reason += " (column " + e.ColumnName + ")"
		}
		return verdict{refuse: reason}
	}
	switch e.Code {
	case "23505":
		return with("another record has the same value where the database allows one only")
	case "23503":
		return with("it refers to a record that is not there, or others refer to it")
	case "23502":
		return with("a value is missing")
	case "23514", "23P01", "23000", "23001", "44000":
		return with("the database's rules do not allow it")
	case "25006", "42501", "55P03", "55006":
		return verdict{notNow: true} // read-only after a failover; rights, for the operator to mend; locks
	}
	switch e.Code[:2] {
	case "22":
		v := with("a value does not fit: " + e.Message)
		v.badly = true
		return v
	case "P0": // a trigger says no
		return with(e.Message)
	case "54", "0A":
		return with("the database can't do it: " + e.Message)
	case "08", "40", "53", "57", "58", "28", "3D", "42":
		return verdict{notNow: true} // 42: a table has been changed, for the operator to mend
	}
	return verdict{}
}

// judge goes by number, and by the class of the SQLSTATE where no number is known.
func (mysqlDialect) judge(err error) verdict {
	var e *mysql.MySQLError
	if !errors.As(err, &e) {
		return verdict{}
	}
	refuse := func(reason string) verdict { return verdict{refuse: reason + ": " + e.Message} }
	switch e.Number {
	case 1062, 1586: // the message has the value and the name of the index
		return refuse("another record has the same value where the database allows one only")
	case 1451, 1452, 1216, 1217:
		return refuse("it refers to a record that is not there, or others refer to it")
	case 1048, 1364:
		return refuse("a value is missing")
	case 3819, 4025, 1644, 1369:
		return refuse("the database's rules do not allow it")
	case 1264, 1265, 1292, 1366, 1367, 1406, 1411, 3140, 3141, 3156, 4078, 1105, 1071, 1118, 1139, 1300, 1690:
		v := refuse("a value does not fit")
		v.badly = true
		return v
	case 1153, 1301: // max_allowed_packet
		return refuse("the record is too large for the database")
	}
	if slices.Contains([]uint16{
		1205, 1213, 1020, 3572, // locks
		1290, 1792, 1836, // read-only
		1040, 1041, 1053, 1077, 1159, 1161, 1203, 1226, 1927, 2006, 2013, 3024, 1969, 1317, 3169, 4031, // it is busy, or stops
		1021, 1030, 1114, 1037, 1038, 1180, 1181, // out of room
		1044, 1045, 1049, 1142, 1143, 1227, 1370, // rights
		1054, 1146, 1051, // a table has been changed
	}, e.Number) {
		return verdict{notNow: true}
	}
	switch string(e.SQLState[:2]) {
	case "22":
		v := refuse("a value does not fit")
		v.badly = true
		return v
	case "23":
		return refuse("the database's rules do not allow it")
	case "45":
		return refuse("the database's rules do not allow it")
	case "08", "40":
		return verdict{notNow: true}
	}
	return verdict{}
}
