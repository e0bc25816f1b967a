package cluster_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/services/test/cluster"
)

// post sends a request of a device.
func post(t *testing.T, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// TestCluster: a change that one gateway takes is applied, reported by the other,
// and reaches another device; then every process ends in order.
func TestCluster(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Config: "syncFrequency: 1"})
	url := c.URL + "/sync/tasks"
	code, body := post(t, url, `{"fn":"sync","__fh":{"cuid":"phone"},"pending":[{"action":"create","hash":"c1","uid":"c1","post":{"title":"Buy milk"}}]}`)
	if code != http.StatusOK {
		t.Fatalf("%d %s", code, body)
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for _, want := range []struct{ ask, answer string }{
		{`{"fn":"sync","__fh":{"cuid":"phone"}}`, `"type":"applied"`},
		{`{"fn":"syncRecords","__fh":{"cuid":"tablet"}}`, `"Buy milk"`},
	} {
		for {
			_, body = post(t, url, want.ask)
			if strings.Contains(body, want.answer) {
				break
			}
			select {
			case <-tick.C:
			case <-deadline:
				t.Fatalf("%s: no %s within 30 s, last: %s", want.ask, want.answer, body)
			}
		}
	}
	c.Stop()
}
