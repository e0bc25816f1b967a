package adaptertest

import "google.golang.org/grpc/codes"

const (
	one = `{"n":1,"kind":"a"}`
	two = `{"n":2,"kind":"b"}`
	six = `{"n":6,"kind":"a"}`
)

var creates = []test{
	{name: "Repeated", run: func(s *subject) {
		key := newKey()
		uid := s.createWith(one, key)
		if again := s.createWith(one, key); again != uid {
			s.Errorf("a repeated create returned uid %q, the first one %q", again, uid)
		}
		if n := len(s.list("")); n != 1 {
			s.Errorf("a repeated create left %d records", n)
		}
	}},
	{name: "RepeatedAfterUpdate", run: func(s *subject) {
		key := newKey()
		uid := s.createWith(one, key)
		s.wantCode("Update", s.update(uid, two, one, newKey()), codes.OK)
		if again := s.createWith(one, key); again != uid {
			s.Errorf("a repeated create returned uid %q, the first one %q", again, uid)
		}
		s.wantRecord(uid, two)
	}},
	{name: "RepeatedAfterDelete", ifRemembers: true, run: func(s *subject) {
		key := newKey()
		uid := s.createWith(one, key)
		s.wantCode("Delete", s.delete(uid, one, newKey()), codes.OK)
		if again := s.createWith(one, key); again != uid {
			s.Errorf("a create repeated after a delete returned uid %q, the first one %q", again, uid)
		}
		s.wantNone(uid)
	}},
	{name: "SameDataOtherKey", run: func(s *subject) {
		first, second := s.create(one), s.create(one)
		if first == second {
			s.Error("two creates with the same data but different keys are one record")
		}
		if n := len(s.list("")); n != 2 {
			s.Errorf("%d records after two creates", n)
		}
	}},
	{name: "SameKeyOtherDataset", run: func(s *subject) {
		key := newKey()
		uid := s.createWith(one, key)
		other := *s
		other.dataset = s.o.Dataset(s.T)
		otherUID := other.createWith(two, key)
		s.wantRecord(uid, one)
		other.wantRecord(otherUID, two)
	}},
	{name: "OddKey", run: func(s *subject) {
		for _, key := range []string{`{"$ne":null}`, "a\x00b", "a'; DROP TABLE records; --", "日本", newKey() + newKey() + newKey() + newKey() + newKey() + newKey()} {
			uid := s.createWith(one, key)
			if again := s.createWith(one, key); again != uid {
				s.Errorf("key %q: a repeated create returned another uid", key)
			}
		}
		if n := len(s.list("")); n != 5 {
			s.Errorf("five keys made %d records", n)
		}
	}},
}
