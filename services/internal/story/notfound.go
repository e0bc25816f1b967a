package story

import (
	"fmt"
	"strings"

	adminv1 "github.com/tandem-sync/tandem/proto/admin/v1"
)

// NotFound says how it comes that a change is not known. datasets are those that
// the server knows.
func NotFound(q *adminv1.FindChangesRequest, datasets []*adminv1.Dataset) string {
	var what, known []string
	for _, part := range []struct{ name, value string }{
		{"hash", q.GetHash()}, {"device", q.GetCuid()}, {"record", q.GetUid()}, {"dataset", q.GetDataset()},
	} {
		if part.value != "" {
			what = append(what, part.name+" "+part.value)
		}
	}
	lines := []string{"no change is known with " + strings.Join(what, ", ")}
	var asked *adminv1.Dataset
	for _, d := range datasets {
		known = append(known, d.GetId())
		if d.GetId() == q.GetDataset() {
			asked = d
		}
		if d.GetStopped() && (q.GetDataset() == "" || d.GetId() == q.GetDataset()) {
			lines = append(lines, fmt.Sprintf("The dataset %s is stopped: devices are refused and keep their changes. Let it go on: tandem admin start %s", d.GetId(), d.GetId()))
		}
	}
	if q.GetDataset() != "" && asked == nil {
		if len(known) == 0 {
			known = []string{"none"}
		}
		lines = append(lines, fmt.Sprintf("No device has asked for dataset %s, and it is not configured. Known are: %s", q.GetDataset(), strings.Join(known, ", ")))
	}
	lines = append(lines,
		"It may never have arrived: the device is offline, sends to another server (its cloudUrl) or dataset, or its requests are refused. The gateway's log says \"request refused\" or \"request failed\", and with accessLog shows each request.",
		"It may be forgotten: done changes are kept for queueMessagesTTL (default 24 h), and results until the device has acknowledged them.",
		"It may be spelled otherwise: hashes and uids are compared exactly.")
	if q.GetHash() != "" || q.GetUid() != "" {
		lines = append(lines, "All that came from a device is shown by: tandem admin why --cuid CUID")
	}
	return strings.Join(lines, "\n- ")
}
