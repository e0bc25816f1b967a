package adaptertest

import "google.golang.org/grpc/codes"

var writes = []test{
	{name: "Update", run: func(s *subject) {
		uid, bystander := s.create(one), s.create(one)
		s.wantCode("Update", s.update(uid, `{"other":true}`, one, newKey()), codes.OK)
		s.wantRecord(uid, `{"other":true}`) // replaced, not merged
		s.wantRecord(bystander, one)
	}},
	{name: "Delete", run: func(s *subject) {
		uid, bystander := s.create(one), s.create(one)
		s.wantCode("Delete", s.delete(uid, one, newKey()), codes.OK)
		s.wantNone(uid)
		s.wantRecord(bystander, one)
	}},
	{name: "UpdateExpectingNothing", run: func(s *subject) {
		uid := s.create(one)
		s.wantCode("Update without expected_data", s.update(uid, two, "", newKey()), codes.OK)
		s.wantRecord(uid, two)
	}},
	{name: "UpdateToTheSame", run: func(s *subject) {
		uid := s.create(one)
		s.wantCode("Update that changes nothing", s.update(uid, one, one, newKey()), codes.OK)
		s.wantRecord(uid, one)
	}},
	{name: "NotFound", run: func(s *subject) {
		gone := s.create(one)
		s.wantCode("Delete", s.delete(gone, one, newKey()), codes.OK)
		for _, uid := range []string{gone, "no such uid", "0123456789abcdef01234567", `{"$ne":null}`, "1 OR 1=1", "../x", "a\x00b", "日本"} {
			_, err := s.tryRead(uid)
			s.wantCode("Read of uid "+uid, err, codes.NotFound)
			s.wantCode("Update of uid "+uid, s.update(uid, two, one, newKey()), codes.NotFound)
			s.wantCode("Delete of uid "+uid, s.delete(uid, one, newKey()), codes.NotFound)
		}
		if n := len(s.list("")); n != 0 {
			s.Errorf("updates of missing records left %d records", n)
		}
	}},
	{name: "OtherDataset", run: func(s *subject) {
		uid := s.create(one)
		other := *s
		other.dataset = s.o.Dataset(s.T)
		_, err := other.tryRead(uid)
		s.wantCode("Read in another dataset", err, codes.NotFound)
		s.wantCode("Delete in another dataset", other.delete(uid, one, newKey()), codes.NotFound)
		s.wantRecord(uid, one)
	}},
	{name: "CompareAndUpdate", ifCompares: true, run: func(s *subject) {
		uid := s.create(one)
		s.wantCode("Update that expects other data", s.update(uid, six, two, newKey()), codes.Aborted)
		s.wantRecord(uid, one)
		s.wantCode("Update with keys in another order", s.update(uid, two, `{ "kind":"a", "n":1.0 }`, newKey()), codes.OK)
		s.wantRecord(uid, two)
	}},
	{name: "CompareAndDelete", ifCompares: true, run: func(s *subject) {
		uid := s.create(one)
		s.wantCode("Delete that expects other data", s.delete(uid, two, newKey()), codes.Aborted)
		s.wantRecord(uid, one)
	}},
	{name: "RefusedKeyIsNotUsedUp", ifCompares: true, run: func(s *subject) {
		uid, key := s.create(one), newKey()
		s.wantCode("Update that expects other data", s.update(uid, two, six, key), codes.Aborted)
		s.wantCode("the same Update, once it is right", s.update(uid, two, one, key), codes.OK)
		s.wantRecord(uid, two)
	}},
	{name: "RepeatedUpdate", ifRemembers: true, run: func(s *subject) {
		uid, key := s.create(one), newKey()
		s.wantCode("Update", s.update(uid, two, one, key), codes.OK)
		s.wantCode("repeated Update", s.update(uid, two, one, key), codes.OK)
		// Somebody else changes it back, so that the update would fit once more.
		s.wantCode("Update by somebody else", s.update(uid, one, two, newKey()), codes.OK)
		s.wantCode("Update repeated after that", s.update(uid, two, one, key), codes.OK)
		s.wantRecord(uid, one)
		s.wantCode("Delete", s.delete(uid, one, newKey()), codes.OK)
		s.wantCode("Update repeated after a delete", s.update(uid, two, one, key), codes.OK)
		s.wantNone(uid)
	}},
	{name: "RepeatedDelete", ifRemembers: true, run: func(s *subject) {
		uid, key := s.create(one), newKey()
		s.wantCode("Delete", s.delete(uid, one, key), codes.OK)
		s.wantCode("repeated Delete", s.delete(uid, one, key), codes.OK)
		s.wantCode("Delete with another key", s.delete(uid, one, newKey()), codes.NotFound)
	}},
	{name: "OneKeyForSeveralMethods", ifRemembers: true, run: func(s *subject) {
		key := newKey()
		uid := s.createWith(one, key)
		s.wantCode("Update with the key of the create", s.update(uid, two, one, key), codes.OK)
		s.wantRecord(uid, two)
		s.wantCode("Delete with the key of the create", s.delete(uid, two, key), codes.OK)
		s.wantNone(uid)
	}},
}
