package embedded

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/services/internal/record"
)

// Describe implements adapter.Describer.
func (a *Adapter) Describe(context.Context) (adapter.Description, error) {
	return adapter.Description{Name: "embedded", Version: "1", CompareAndWrite: true, RemembersKeys: true}, nil
}

// Create implements adapter.Adapter.
func (a *Adapter) Create(ctx context.Context, req adapter.CreateRequest) (string, error) {
	if err := hashable(req.Dataset, req.Data); err != nil {
		return "", err
	}
	uid := name("record", req.Dataset, req.Key)
	err := a.write(ctx, req.Dataset, func(tx *sql.Tx) error {
		if known, err := a.remember(tx, "create", req.Dataset, req.Key, uid); err != nil || known {
			return err
		}
		// A record under this uid was made by this very create, whose key was forgotten.
		_, err := tx.Exec("INSERT INTO records (dataset, uid, data) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
			req.Dataset, uid, []byte(req.Data))
		return err
	})
	return uid, err
}

// Read implements adapter.Adapter.
func (a *Adapter) Read(ctx context.Context, req adapter.ReadRequest) (json.RawMessage, error) {
	data, err := read(ctx, a.reader, req.Dataset, req.UID)
	return data, failure(req.Dataset, err)
}

// Update implements adapter.Adapter.
func (a *Adapter) Update(ctx context.Context, req adapter.UpdateRequest) error {
	if err := hashable(req.Dataset, req.Data); err != nil {
		return err
	}
	return a.write(ctx, req.Dataset, func(tx *sql.Tx) error {
		if known, err := a.remember(tx, "update", req.Dataset, req.Key, req.UID); err != nil || known {
			return err
		}
		if err := holds(tx, req.Dataset, req.UID, req.Expected); err != nil {
			return err
		}
		_, err := tx.Exec("UPDATE records SET data = ? WHERE dataset = ? AND uid = ?",
			[]byte(req.Data), req.Dataset, req.UID)
		return err
	})
}

// Delete implements adapter.Adapter.
func (a *Adapter) Delete(ctx context.Context, req adapter.DeleteRequest) error {
	return a.write(ctx, req.Dataset, func(tx *sql.Tx) error {
		if known, err := a.remember(tx, "delete", req.Dataset, req.Key, req.UID); err != nil || known {
			return err
		}
		if err := holds(tx, req.Dataset, req.UID, req.Expected); err != nil {
			return err
		}
		_, err := tx.Exec("DELETE FROM records WHERE dataset = ? AND uid = ?", req.Dataset, req.UID)
		return err
	})
}

// holds checks that the record is there and holds what is expected, nil for
// anything: ErrNotFound, ErrConflict.
func holds(tx *sql.Tx, dataset, uid string, expected json.RawMessage) error {
	data, err := read(context.Background(), tx, dataset, uid)
	if err != nil || expected == nil || bytes.Equal(data, expected) {
		return err
	}
	is, err := record.Hash(data)
	if err != nil {
		return fmt.Errorf("dataset %s: record %s is damaged: %w", dataset, uid, err)
	}
	want, err := record.Hash(expected)
	if err != nil {
		return adapter.Refuse(fmt.Sprintf("dataset %s: expected_data: %v", dataset, err))
	}
	if is != want {
		return adapter.ErrConflict
	}
	return nil
}

// hashable refuses data that devices could never compare. One such record would
// break every list of its dataset.
func hashable(dataset string, data json.RawMessage) error {
	if _, err := record.Hash(data); err != nil {
		return adapter.Refuse(fmt.Sprintf("dataset %s: the record can't be stored: %v", dataset, err))
	}
	return nil
}

type queryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func read(ctx context.Context, db queryer, dataset, uid string) (data []byte, err error) {
	err = db.QueryRowContext(ctx, "SELECT data FROM records WHERE dataset = ? AND uid = ?", dataset, uid).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, adapter.ErrNotFound
	}
	return data, err
}
