package fleet

import "encoding/json"

// content is the data of a record: the edits that made it, oldest first.
type content struct {
	Log  []string `json:"log"`
	List string   `json:"list"`
}

func parse(data json.RawMessage) content {
	var c content
	_ = json.Unmarshal(data, &c)
	return c
}

func (c content) raw() json.RawMessage {
	data, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	return data
}

// Token is the newest edit in a record's data, "" when there is none.
func Token(data json.RawMessage) string {
	log := parse(data).Log
	if len(log) == 0 {
		return ""
	}
	return log[len(log)-1]
}

// Change names one content that a device sent: what the server promised to apply,
// or to report as failed or collided.
type Change struct{ CUID, Hash, Action, Token string }

// markToken ends the log of a record by which a sync run is known.
const markToken = "mark"

// madeUpUID is the length of a uid that a device makes up: the hash of its change.
const madeUpUID = 40
