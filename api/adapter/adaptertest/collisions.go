package adaptertest

import (
	"encoding/json"

	"google.golang.org/grpc/codes"

	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
)

// kept is a collision as ListCollisions shows it.
type kept struct {
	UID       string          `json:"uid"`
	Hash      string          `json:"hash"`
	Pre       json.RawMessage `json:"pre"`
	Post      json.RawMessage `json:"post"`
	Timestamp int64           `json:"timestamp"`
}

var collisions = []test{
	{name: "None", run: func(s *subject) {
		if list := s.collisions(); len(list) != 0 {
			s.Errorf("a new dataset has %d collisions", len(list))
		}
		s.wantRemoved("no such hash", 0)
	}},
	{name: "LifeCycle", run: func(s *subject) {
		s.collide("first", "h1", newKey())
		s.collide("second", "h1", newKey())
		s.collide("third", "h2", newKey())
		list := s.collisions()
		if len(list) != 3 {
			s.Fatalf("%d of 3 collisions listed", len(list))
		}
		seen := map[string]kept{}
		for _, c := range list {
			seen[c.UID] = c
		}
		third := seen["third"]
		if third.Hash != "h2" || third.Timestamp != 1700000000123 {
			s.Errorf("the collision came back as %+v", third)
		}
		s.wantSame("ListCollisions (pre)", third.Pre, one)
		s.wantSame("ListCollisions (post)", third.Post, oddPost)
		s.wantRemoved("h1", 2)
		s.wantRemoved("h1", 0)
		if n := len(s.collisions()); n != 1 {
			s.Errorf("%d collisions left, want 1", n)
		}
		if n := len(s.list("")); n != 0 {
			s.Errorf("collisions are listed as %d records", n)
		}
	}},
	{name: "Repeated", run: func(s *subject) {
		key := newKey()
		s.collide("uid", "h", key)
		s.collide("uid", "h", key)
		if n := len(s.collisions()); n != 1 {
			s.Errorf("a repeated collision is kept %d times", n)
		}
	}},
	{name: "RepeatedAfterRemoval", ifRemembers: true, run: func(s *subject) {
		key := newKey()
		s.collide("uid", "h", key)
		s.wantRemoved("h", 1)
		s.collide("uid", "h", key)
		if n := len(s.collisions()); n != 0 {
			s.Error("a repeated HandleCollision brought back a collision that was removed")
		}
	}},
	{name: "WithoutBackendRecord", run: func(s *subject) {
		s.collide("uid", "", newKey())
		s.collide("other", "h", newKey())
		s.wantRemoved("", 1)
		if n := len(s.collisions()); n != 1 {
			s.Errorf("removing the collisions without a hash left %d of 1", n)
		}
	}},
	{name: "WithoutPreAndPost", run: func(s *subject) {
		_, err := s.client.HandleCollision(s.ctx, &adapterv1.HandleCollisionRequest{
			Context: s.context(), Hash: "h", Uid: "uid", IdempotencyKey: newKey(),
		})
		s.wantCode("HandleCollision without pre and post", err, codes.OK)
		for _, c := range s.collisions() {
			if string(c.Pre) != "null" && len(c.Pre) > 0 || string(c.Post) != "null" && len(c.Post) > 0 {
				s.Errorf("absent pre and post came back as %s and %s", c.Pre, c.Post)
			}
		}
	}},
	{name: "HostileHash", run: func(s *subject) {
		s.collide("first", "h1", newKey())
		s.collide("second", "h2", newKey())
		for _, hash := range []string{`{"$ne":null}`, `{"$gt":""}`, `{"$exists":true}`, "*", ".*", "%", "_1", "h' OR '1'='1", `h" OR "1"="1`, "", "H1", "h1 "} {
			s.wantRemoved(hash, 0)
		}
		if n := len(s.collisions()); n != 2 {
			s.Errorf("hostile hashes left %d of 2 collisions", n)
		}
	}},
	{name: "OtherDataset", run: func(s *subject) {
		s.collide("uid", "h", newKey())
		other := *s
		other.dataset = s.o.Dataset(s.T)
		if n := len(other.collisions()); n != 0 {
			s.Errorf("another dataset shows %d collisions", n)
		}
		other.wantRemoved("h", 0)
	}},
}

// oddPost has keys and texts that some databases do not like.
const oddPost = `{"$set":{"a.b":1},"":"\u0000\ud800","n":1e21}`

func (s *subject) collide(uid, hash, key string) {
	s.Helper()
	_, err := s.client.HandleCollision(s.ctx, &adapterv1.HandleCollisionRequest{
		Context: s.context(), Hash: hash, Timestamp: 1700000000123, Uid: uid,
		Pre: []byte(one), Post: []byte(oddPost), IdempotencyKey: key,
	})
	if err != nil {
		s.Fatalf("HandleCollision: %v", err)
	}
}

func (s *subject) collisions() map[string]kept {
	s.Helper()
	resp, err := s.client.ListCollisions(s.ctx, &adapterv1.ListCollisionsRequest{Context: s.context()})
	if err != nil {
		s.Fatalf("ListCollisions: %v", err)
	}
	var list map[string]kept
	if err := json.Unmarshal(resp.GetCollisions(), &list); err != nil {
		s.Fatalf("ListCollisions returned %s: %v", clip(string(resp.GetCollisions())), err)
	}
	return list
}

func (s *subject) wantRemoved(hash string, want int64) {
	s.Helper()
	resp, err := s.client.RemoveCollision(s.ctx, &adapterv1.RemoveCollisionRequest{Context: s.context(), Hash: hash})
	if err != nil {
		s.Fatalf("RemoveCollision %q: %v", hash, err)
	}
	if resp.GetRemoved() != want {
		s.Errorf("RemoveCollision %q removed %d collisions, want %d", hash, resp.GetRemoved(), want)
	}
}
