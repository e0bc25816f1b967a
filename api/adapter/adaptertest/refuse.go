package adaptertest

import (
	"google.golang.org/grpc/codes"

	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
)

// Requests that break the contract are refused for good: "not now" would have
// them repeated for ever.
var refusals = []test{
	{name: "DataThatAreNoObject", run: func(s *subject) {
		uid := s.create(one)
		for _, data := range []string{``, `null`, `[]`, `"x"`, `1`, `{`, `{"a":1}{}`, "{\"a\":\"\xff\"}"} {
			_, err := s.tryCreate(data, newKey())
			s.wantCode("Create with data "+data, err, refused...)
			s.wantCode("Update with data "+data, s.update(uid, data, one, newKey()), refused...)
		}
		s.wantRecord(uid, one)
		if n := len(s.list("")); n != 1 {
			s.Errorf("refused creates left %d records", n-1)
		}
	}},
	{name: "NoDataset", run: func(s *subject) {
		_, err := s.client.Create(s.ctx, &adapterv1.CreateRequest{Data: []byte(one), IdempotencyKey: newKey()})
		s.wantCode("Create without a dataset", err, refused...)
		_, err = s.client.Read(s.ctx, &adapterv1.ReadRequest{Context: &adapterv1.Context{}, Uid: "x"})
		s.wantCode("Read without a dataset", err, append(refused, codes.NotFound)...)
	}},
}
