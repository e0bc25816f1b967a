package record

import (
	"encoding/json"
	"testing"
	"time"
)

func TestDatasetClientID(t *testing.T) {
	const none = "d_97d170e1550eee4afc0af065b78cda302a97674c"
	for params, want := range map[string]string{
		"": none, "{}": none, "null": none,
		`{"eq":{"field1":"value"}}`: "d_b2932a24fb98e3730f883766247f1a5823bf1e8b",
	} {
		if got, err := DatasetClientID("d", json.RawMessage(params)); err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", params, got, err, want)
		}
	}
	if got, err := DatasetClientID("d", json.RawMessage(`{`)); err == nil {
		t.Errorf("bad query_params: %q", got)
	}
}

func TestGlobalHashOfDatasetClient(t *testing.T) {
	var d DatasetClient
	d.Revision = 3
	if got := d.GlobalHash(); got != "" {
		t.Errorf("before a sync run: %q", got)
	}
	d.ContentHash = GlobalHash{}.String() // a run that found nothing
	first := d.GlobalHash()
	d.Revision++
	if second := d.GlobalHash(); first == "" || first == second {
		t.Errorf("revisions 3 and 4: %q, %q", first, second)
	}
}

func TestScheduleWait(t *testing.T) {
	c := DefaultSyncConfig()
	if got := c.ScheduleWait(); got != 310*time.Second {
		t.Errorf("default: %v", got)
	}
	c.MaxScheduleWaitTime = time.Second
	if got := c.ScheduleWait(); got != time.Second {
		t.Errorf("set: %v", got)
	}
}

// Devices and stored documents hold these words.
func TestWords(t *testing.T) {
	if Applied != "applied" || Failed != "failed" || Collision != "collisions" {
		t.Error("update types")
	}
	if ActionCreate != "create" || ActionUpdate != "update" || ActionDelete != "delete" {
		t.Error("actions")
	}
}
