package sqlite

import (
	"context"
	_ "embed"
	"fmt"
	"log/slog"
)

//go:embed schema_1.sql
var schema1 string

//go:embed schema_2.sql
var schema2 string

//go:embed schema_3.sql
var schema3 string

//go:embed schema_4.sql
var schema4 string

// migrations bring the schema from one version to the next; PRAGMA user_version
// counts those done. They only go forward: a released one never changes, a new
// one is added at the end.
var migrations = []string{schema1, schema2, schema3, schema4}

// migrate runs the migrations that the database does not have yet, each in one
// transaction with its mark.
func migrate(ctx context.Context, c *conn, log *slog.Logger) error {
	var version int
	if err := c.raw.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > len(migrations) {
		return fmt.Errorf("the database has schema version %d, this program knows versions up to %d: it was written by a newer version of Tandem",
			version, len(migrations))
	}
	for ; version < len(migrations); version++ {
		step := fmt.Sprintf("BEGIN IMMEDIATE;\n%s\nPRAGMA user_version = %d;\nCOMMIT;", migrations[version], version+1)
		if _, err := c.raw.ExecContext(ctx, step); err != nil {
			_, _ = c.raw.ExecContext(ctx, "ROLLBACK")
			return fmt.Errorf("migrate the schema to version %d: %w", version+1, err)
		}
		log.Info("database schema migrated", "version", version+1)
	}
	return nil
}
