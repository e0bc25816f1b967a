package app_test

import (
	"encoding/json"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/api/adapter/memadapter"
	"github.com/tandem-sync/tandem/services/internal/config"
)

// What somebody else writes to a backend whose adapter tells of it reaches devices
// without waiting for the schedule.
func TestForeignChangeIsSeen(t *testing.T) {
	reserved, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := reserved.Addr().String()
	reserved.Close()
	mem := memadapter.New()
	remote(t, addr, mem)
	cfg := settings(folder(t))
	cfg.Datasets.Default.SyncFrequency = time.Hour
	told := cfg.Datasets.Default
	told.Adapter = addr
	cfg.Datasets.ByID = map[string]config.Dataset{"told": told}
	n := start(t, cfg)
	ask := func() string {
		_, body := n.post("told", `{"fn":"syncRecords","__fh":{"cuid":"tablet"}}`)
		return body
	}
	n.post("told", `{"fn":"sync","__fh":{"cuid":"tablet"}}`)
	eventually(t, "the view is synced", func() bool { return strings.Contains(ask(), "hash") })
	for _, title := range []string{"first", "second"} {
		if _, err := mem.Create(t.Context(), adapter.CreateRequest{
			Dataset: "told", Data: json.RawMessage(`{"title":"` + title + `"}`), Key: title,
		}); err != nil {
			t.Fatal(err)
		}
		eventually(t, title+" is seen", func() bool { return strings.Contains(ask(), title) })
	}
}
