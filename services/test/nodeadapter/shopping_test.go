package nodeadapter_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/services/internal/config"
	"github.com/tandem-sync/tandem/services/internal/testkit"
	"github.com/tandem-sync/tandem/services/test/device"
)

const dataset = "myShoppingList"

// phone is a device that syncs until it has seen what the test waits for.
type phone struct {
	*device.Device
	url    string
	failed map[string]string // change hash to message
}

func newPhone(cuid, url, metaData string) *phone {
	p := &phone{url: url, failed: map[string]string{}}
	p.Device = device.New(device.Config{
		CUID: cuid, Dataset: dataset, MetaData: json.RawMessage(metaData), Clock: time.Now, CrashedCountWait: 1,
		Observer: device.Observer{Resolved: func(c device.Pending, u device.Update) {
			if u.Type == "failed" {
				p.failed[c.Hash] = u.Msg
			}
		}},
	})
	return p
}

func (p *phone) until(t *testing.T, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		err := p.SyncStep(ctx, device.HTTP{Client: http.DefaultClient, URL: func() string { return p.url }})
		if done() {
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("%s never %s; last error %v, records %v", p.CUID(), what, err, p.Records())
		}
	}
}

// holds tells whether the device has one record with this name alone, whose uid the server
// knows, and returns that.
func (p *phone) holds(name string) (uid string, ok bool) {
	for uid, r := range p.Records() {
		var item struct{ Name string }
		if json.Unmarshal(r.Data, &item) == nil && item.Name == name && len(uid) == 24 {
			return uid, len(p.Records()) == 1 && len(p.Pending()) == 0
		}
	}
	return "", false
}

func (p *phone) has(name string) func() bool {
	return func() bool { _, ok := p.holds(name); return ok }
}

// A server written for npm fh-sync goes on with its require line changed, and two
// addresses in the environment.
func TestShoppingList(t *testing.T) {
	prepare(t)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	cluster := testkit.Start(t, testkit.Options{Configure: func(c *config.Config) {
		d := c.Datasets.Default
		d.Adapter, d.Interceptor = address, c.Datasets.Interceptor
		d.Interceptor.Address = address
		c.Datasets.ByID = map[string]config.Dataset{dataset: d}
	}})
	app := start(t, []string{"PORT=0", "TANDEM_ADAPTER_LISTEN=" + address, "TANDEM_GATEWAY=" + cluster.URL}, "examples/shopping-list.js")
	appURL := "http://" + app.says(t, "application is listening on ")
	app.says(t, "adapter is serving on "+address)

	ann, bob := newPhone("ann", cluster.URL, `{"user":"ann"}`), newPhone("bob", cluster.URL, `{}`)
	if _, err := ann.Create(json.RawMessage(`{"name":"milk"}`)); err != nil {
		t.Fatal(err)
	}
	ann.until(t, "had its own record back", ann.has("milk"))
	bob.until(t, "saw the record", bob.has("milk"))
	uid, _ := bob.holds("milk")
	if _, err := bob.Update(uid, json.RawMessage(`{"name":"oat milk"}`)); err != nil {
		t.Fatal(err)
	}
	bob.until(t, "had its update confirmed", bob.has("oat milk"))
	ann.until(t, "saw the update", ann.has("oat milk"))

	bad, err := ann.Create(json.RawMessage(`{"price":1}`))
	if err != nil {
		t.Fatal(err)
	}
	ann.until(t, "heard that its change failed", func() bool { return ann.failed[bad.Hash] != "" })
	if msg := ann.failed[bad.Hash]; !strings.Contains(msg, "an item needs a name") {
		t.Errorf("the handler's error arrived as %s", msg)
	}

	// A device that still calls the application, and one that the interceptor refuses.
	if code, body := post(t, appURL, `{"fn":"syncRecords","query_params":{},"meta_data":{},"clientRecs":{}}`); code != http.StatusOK || !strings.Contains(body, "oat milk") {
		t.Errorf("through the application: %d %s", code, body)
	}
	if code, body := post(t, cluster.URL, `{"fn":"sync","meta_data":{"blocked":true}}`); code != http.StatusForbidden || !strings.Contains(body, "this device is blocked") {
		t.Errorf("refused by the interceptor: %d %s", code, body)
	}

	if _, err := ann.Delete(uid); err != nil {
		t.Fatal(err)
	}
	bob.until(t, "saw the record go", func() bool {
		_ = ann.SyncStep(t.Context(), device.HTTP{Client: http.DefaultClient, URL: func() string { return ann.url }})
		return len(bob.Records()) == 0
	})
}

// The example is what it says it is: only its require line is not of the reference server.
func TestShoppingListDiffersInOneLine(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(packageDir, "examples", "shopping-list.js"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "require('..'); // was: require('fh-sync')"); n != 1 {
		t.Errorf("%d require lines", n)
	}
	for _, own := range []string{"sync.serve", "callInfo", "sync.refuse", "sync.notFound", "sync.retryLater", "sync.conflict"} {
		if strings.Contains(string(text), own) {
			t.Errorf("the example uses %s, which the reference server does not have", own)
		}
	}
}

func post(t *testing.T, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/sync/"+dataset, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}
