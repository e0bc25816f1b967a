package sqlite

import (
	"encoding/json"
	"time"
)

// millis and timeOf hold the convention of the tables: 0 is the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// text is how JSON is stored: as text that tools can read, NULL when absent.
func text(raw []byte) any {
	if len(raw) == 0 {
		return nil
	}
	return string(raw)
}

// rawJSON scans what text stored.
type rawJSON struct{ to *json.RawMessage }

// Scan implements sql.Scanner.
func (r rawJSON) Scan(value any) error {
	switch v := value.(type) {
	case string:
		*r.to = json.RawMessage(v)
	case []byte:
		*r.to = append(json.RawMessage(nil), v...)
	default:
		*r.to = nil
	}
	return nil
}
