package e2e_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"testing"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/api/adapter/memadapter"
)

// failing is a backend that refuses what a record's data asks it to refuse:
// {"fail": msg} cannot be written, {"failDelete": msg} cannot be deleted.
type failing struct{ *memadapter.Adapter }

func (f failing) Create(ctx context.Context, req adapter.CreateRequest) (string, error) {
	if err := refusal(req.Data, "fail"); err != nil {
		return "", err
	}
	return f.Adapter.Create(ctx, req)
}

func (f failing) Update(ctx context.Context, req adapter.UpdateRequest) error {
	if err := refusal(req.Data, "fail"); err != nil {
		return err
	}
	return f.Adapter.Update(ctx, req)
}

func (f failing) Delete(ctx context.Context, req adapter.DeleteRequest) error {
	data, err := f.Read(ctx, adapter.ReadRequest{Dataset: req.Dataset, UID: req.UID})
	if err != nil {
		return err
	}
	if err := refusal(data, "failDelete"); err != nil {
		return err
	}
	return f.Adapter.Delete(ctx, req)
}

func refusal(data json.RawMessage, key string) error {
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil {
		return err
	}
	if msg, ok := fields[key].(string); ok {
		return adapter.Refuse(msg)
	}
	return nil
}

// serveFailing serves a failing adapter until the test ends and returns where.
func serveFailing(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- adapter.Serve(ctx, "", failing{memadapter.New()},
			adapter.WithListener(listener), adapter.WithGrace(0), adapter.WithLogger(slog.New(slog.DiscardHandler)))
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("failing adapter: %v", err)
		}
	})
	return listener.Addr().String()
}
