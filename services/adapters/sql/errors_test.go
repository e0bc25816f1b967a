package sql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tandem-sync/tandem/api/adapter"
)

func TestFailure(t *testing.T) {
	pg := func(code string) error { return fmt.Errorf("x: %w", &pgconn.PgError{Code: code, Message: "m"}) }
	my := func(n uint16, state string) error {
		e := &mysql.MySQLError{Number: n, Message: "m"}
		copy(e.SQLState[:], state)
		return e
	}
	for _, c := range []struct {
		err  error
		code codes.Code
	}{
		{nil, codes.OK}, {adapter.Refuse("x"), codes.InvalidArgument}, {errors.New("x"), codes.Unknown},
		{driver.ErrBadConn, codes.Unavailable}, {mysql.ErrInvalidConn, codes.Unavailable}, {io.ErrUnexpectedEOF, codes.Unavailable},
		{context.DeadlineExceeded, codes.Unavailable},
		{pg("23505"), codes.InvalidArgument}, {pg("23503"), codes.InvalidArgument}, {pg("22001"), codes.InvalidArgument}, {pg("P0001"), codes.InvalidArgument},
		{pg("40001"), codes.Unavailable}, {pg("40P01"), codes.Unavailable}, {pg("25006"), codes.Unavailable}, {pg("57P01"), codes.Unavailable},
		{pg("57014"), codes.Unavailable}, {pg("53300"), codes.Unavailable}, {pg("42501"), codes.Unavailable}, {pg("42P01"), codes.Unavailable},
		{pg("55P03"), codes.Unavailable}, {pg("08006"), codes.Unavailable}, {pg("28P01"), codes.Unavailable}, {pg("XX000"), codes.Unknown},
		{my(1062, "23000"), codes.InvalidArgument}, {my(1452, "23000"), codes.InvalidArgument}, {my(4025, "23000"), codes.InvalidArgument},
		{my(1406, "22001"), codes.InvalidArgument}, {my(1644, "45000"), codes.InvalidArgument}, {my(9999, "22003"), codes.InvalidArgument},
		{my(1213, "40001"), codes.Unavailable}, {my(1205, "HY000"), codes.Unavailable}, {my(1290, "HY000"), codes.Unavailable}, {my(1836, "HY000"), codes.Unavailable},
		{my(1969, "70100"), codes.Unavailable}, {my(1142, "42000"), codes.Unavailable}, {my(1040, "08004"), codes.Unavailable}, {my(1064, "42000"), codes.Unknown},
	} {
		for _, d := range []dialect{postgres{}, mysqlDialect{}} {
			var isPG *pgconn.PgError
			var isMy *mysql.MySQLError
			if errors.As(c.err, &isPG) && d != (postgres{}) || errors.As(c.err, &isMy) && d != (mysqlDialect{}) {
				continue
			}
			if got := failure(d, "d", c.err); status.Code(got) != c.code || (c.err == nil) != (got == nil) {
				t.Errorf("%v: %v", c.err, got)
			}
		}
	}
	for _, err := range []error{adapter.ErrNotFound, adapter.ErrConflict, context.Canceled} {
		if got := failure(postgres{}, "d", fmt.Errorf("x: %w", err)); !errors.Is(got, err) {
			t.Errorf("%v: %v", err, got)
		}
	}
}

// A database that has become read-only, as after a failover, and a trigger that says no.
func TestReadOnlyAndTriggers(t *testing.T) {
	e := engines()[0]
	b := e.bench(t, `CREATE TABLE t (id int PRIMARY KEY, n int)`, "  d: {table: t, uid: id}\n")
	b.sql(`CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.n = 1 THEN RAISE EXCEPTION 'one is not allowed'; END IF; IF NEW.n = 2 THEN RETURN NULL; END IF; RETURN NEW; END $$`)
	b.sql("CREATE TRIGGER no BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION no()")
	if _, err := b.tryCreate(`{"id":1,"n":1}`, "1"); status.Code(err) != codes.InvalidArgument || err.Error() != "dataset d: one is not allowed" {
		t.Error(err)
	}
	if _, err := b.tryCreate(`{"id":1,"n":2}`, "2"); status.Code(err) != codes.InvalidArgument {
		t.Error("a create that a trigger swallowed:", err)
	}
	b.create(`{"id":1,"n":3}`, "3")
	if err := b.update("1", `{"id":1,"n":2}`, "", "4"); status.Code(err) != codes.InvalidArgument {
		t.Error("an update that a trigger swallowed:", err)
	}
	b.sql("ALTER DATABASE " + b.value("SELECT quote_ident(current_database())") + " SET default_transaction_read_only = on")
	b.Service = b.open("  d: {table: t, uid: id}\n")
	if _, err := b.tryCreate(`{"id":5}`, "5"); status.Code(err) != codes.Unavailable {
		t.Error("read-only:", err)
	}
	if got := b.read("1"); got != `{"id":1,"n":3}` {
		t.Error(got)
	}
}
