package device

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"
)

// script is a server that plays its answers in order and keeps the requests.
type script struct {
	t       *testing.T
	answers []string // "" for a lost answer
	sent    []sent
	during  func() // while a request is under way
}

type sent struct {
	Fn               string
	Pending          []Pending
	Acknowledgements []Update
	ClientRecs       map[string]string
}

var errLost = errors.New("lost")

func (s *script) Do(_ context.Context, _ string, body []byte) ([]byte, error) {
	var req sent
	if err := json.Unmarshal(body, &req); err != nil {
		s.t.Fatal(err)
	}
	s.sent = append(s.sent, req)
	if s.during != nil {
		s.during()
	}
	if len(s.answers) == 0 {
		return []byte(`{"updates":{"hashes":{}}}`), nil
	}
	answer := s.answers[0]
	s.answers = s.answers[1:]
	if answer == "" {
		return nil, errLost
	}
	return []byte(answer), nil
}

func (s *script) last() sent { return s.sent[len(s.sent)-1] }

// kit is a device, its server and its clock.
type kit struct {
	*testing.T
	*Device
	server *script
	now    time.Time
}

func newKit(t *testing.T) *kit {
	t.Helper()
	k := &kit{T: t, server: &script{t: t}, now: time.UnixMilli(1_700_000_000_000)}
	k.Device = New(Config{CUID: "c", Dataset: "d", CrashedCountWait: 1, ResendInFlight: time.Hour, Clock: func() time.Time { return k.now }})
	return k
}

// step syncs with the answers given, and then with empty ones.
func (k *kit) step(answers ...string) {
	k.Helper()
	k.server.answers = answers
	if err := k.SyncStep(context.Background(), k.server); err != nil && !errors.Is(err, errLost) {
		k.Fatal(err)
	}
}

func (k *kit) create(data string) Pending { k.Helper(); return k.must(k.Create(json.RawMessage(data))) }

func (k *kit) update(uid, data string) Pending {
	k.Helper()
	k.now = k.now.Add(time.Millisecond)
	return k.must(k.Update(uid, json.RawMessage(data)))
}

func (k *kit) delete(uid string) Pending { k.Helper(); return k.must(k.Delete(uid)) }

func (k *kit) must(p Pending, err error) Pending {
	k.Helper()
	if err != nil {
		k.Fatal(err)
	}
	return p
}

// want holds the state of pending changes against "action post [flags]" lines.
func (k *kit) want(lines ...string) {
	k.Helper()
	var got []string
	for _, p := range k.Pending() {
		line := p.Action + " " + string(p.Post)
		for flag, set := range map[string]bool{" flight": p.InFlight && !p.Crashed, " crashed": p.Crashed, " delayed": p.Delayed} {
			if set {
				line += flag
			}
		}
		got = append(got, line)
	}
	if fmt.Sprint(got) != fmt.Sprint(lines) {
		k.Errorf("pending: %q, want %q", got, lines)
	}
}

func (k *kit) sends(actions ...string) {
	k.Helper()
	got := []string{}
	for _, p := range k.server.last().Pending {
		got = append(got, p.Action+" "+string(p.Post))
	}
	if fmt.Sprint(got) != fmt.Sprint(actions) {
		k.Errorf("sent %q, want %q", got, actions)
	}
}

// result is an answer with one result.
func result(kind string, p Pending, uid string) string {
	u := fmt.Sprintf(`{%q:{"type":%q,"action":%q,"hash":%q,"uid":%q,"timestamp":5}}`, p.Hash, kind, p.Action, p.Hash, uid)
	return fmt.Sprintf(`{"updates":{"hashes":%s,%q:%s}}`, u, kind, u)
}

// have gives the device a record of the server's.
func (k *kit) have(uid, data string) {
	k.Helper()
	k.step(`{"hash":"h1","updates":{"hashes":{}}}`, fmt.Sprintf(`{"hash":"h1","create":{%q:{"hash":%q,"data":%s}}}`, uid, hash(json.RawMessage(data)), data))
}
