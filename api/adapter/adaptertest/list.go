package adaptertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
)

// many is how many records a dataset of more than one batch has.
const many = 2000

var lists = []test{
	{name: "EmptyDataset", run: func(s *subject) {
		for _, query := range []string{"", "{}", `{"kind":"a"}`} {
			if n := len(s.list(query)); n != 0 {
				s.Errorf("List %s of an empty dataset sent %d records", query, n)
			}
		}
	}},
	{name: "Equality", run: func(s *subject) {
		first, second, third := s.create(one), s.create(two), s.create(six)
		s.wantListed("", first, second, third)
		s.wantListed("{}", first, second, third)
		s.wantListed(`{"kind":"a"}`, first, third)
		s.wantListed(`{"kind":"b"}`, second)
		s.wantListed(`{"n":6}`, third)
		s.wantListed(`{"n":1,"kind":"a"}`, first)
		s.wantListed(`{"n":1,"kind":"b"}`)
		s.wantListed(`{"kind":"A"}`)
		s.wantListed(`{"n":"1"}`)
		s.wantListed(`{"nobody has this":1}`)
	}},
	{name: "FollowsWrites", run: func(s *subject) {
		uid := s.create(one)
		s.wantCode("Update", s.update(uid, two, one, newKey()), codes.OK)
		s.wantListed(`{"kind":"a"}`)
		s.wantListed(`{"kind":"b"}`, uid)
	}},
	{name: "HostileQuery", run: func(s *subject) {
		s.create(one)
		s.create(two)
		for _, query := range hostile {
			records, err := s.tryList(query)
			switch {
			case err != nil:
				s.wantCode("List "+query, err, refused...)
			case len(records) > 1:
				s.Errorf("List %s sent everything", query)
			}
		}
		if n := len(s.list("")); n != 2 {
			s.Errorf("hostile queries left %d of 2 records", n)
		}
	}},
	{name: "Many", run: func(s *subject) {
		s.createMany()
		if n := len(s.list("")); n != many {
			s.Errorf("List sent %d of %d records", n, many)
		}
		if n := len(s.list(`{"rest":3}`)); n != many/10 {
			s.Errorf("filtered List sent %d of %d records", n, many/10)
		}
		s.cancelList()
		if n := len(s.list("")); n != many {
			s.Errorf("after a cancelled List another one sent %d of %d records", n, many)
		}
	}},
	{name: "MessageSize", run: func(s *subject) {
		for i := range 10 {
			s.create(fmt.Sprintf(`{"n":%d,"text":"%s"}`, i, strings.Repeat("x", 900_000)))
		}
		stream, err := s.client.List(s.ctx, &adapterv1.ListRequest{Context: s.context()}, grpc.MaxCallRecvMsgSize(maxMessage))
		if err != nil {
			s.Fatal(err)
		}
		n := 0
		for {
			batch, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				s.Fatal(err)
			}
			n += len(batch.GetRecords())
			if size := proto.Size(batch); len(batch.GetRecords()) > 1 && size > 4<<20 {
				s.Errorf("a message of List has %d bytes; those with several records stay under 4 MB", size)
			}
		}
		if n != 10 {
			s.Errorf("List sent %d of 10 records", n)
		}
	}},
}

// hostile are query_params that would select everything, or run something, where
// they reach a database as a program.
var hostile = []string{
	`{"$where":"true"}`,
	`{"$where":"while(true){}"}`,
	`{"$expr":{"$eq":[1,1]}}`,
	`{"$expr":{"$function":{"body":"function(){return true}","args":[],"lang":"js"}}}`,
	`{"$or":[{"$where":"true"}]}`,
	`{"kind":{"$regex":".*"}}`,
	`{"kind":{"$not":{"$regex":"^$"}}}`,
	`{"kind":{"$type":"string"}}`,
	`{"kind":{"$mod":[1,0]}}`,
	`{"$jsonSchema":{}}`,
	`{"$text":{"$search":"a b"}}`,
	`{"kind":"a' OR '1'='1"}`,
	`{"kind' OR '1'='1":"a"}`,
	`{"kind\" = \"kind\" OR \"kind":"a"}`,
	`{"1":1}`,
	`{"kind":["a","b"]}`,
	`{"__proto__":{"kind":"a"}}`,
	`[]`, `"x"`, `{`,
}

// wantListed checks which records a query selects.
func (s *subject) wantListed(query string, uids ...string) {
	s.Helper()
	records := s.list(query)
	for _, uid := range uids {
		if _, ok := records[uid]; !ok {
			s.Errorf("List %s lacks record %q", query, uid)
		}
	}
	if len(records) != len(uids) {
		s.Errorf("List %s sent %d records, want %d", query, len(records), len(uids))
	}
}

func (s *subject) createMany() {
	s.Helper()
	var wg sync.WaitGroup
	const hands = 8
	for hand := range hands {
		wg.Go(func() {
			for i := hand; i < many; i += hands {
				if _, err := s.tryCreate(fmt.Sprintf(`{"n":%d,"rest":%d}`, i, i%10), newKey()); err != nil {
					s.Errorf("Create: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	if s.Failed() {
		s.FailNow()
	}
}

// cancelList leaves a list after its first message.
func (s *subject) cancelList() {
	s.Helper()
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	stream, err := s.client.List(ctx, &adapterv1.ListRequest{Context: s.context()})
	if err != nil {
		s.Fatal(err)
	}
	batch, err := stream.Recv()
	if err != nil {
		s.Fatal(err)
	}
	if n := len(batch.GetRecords()); n == many {
		s.Errorf("List sent %d records in one message; send batches", n)
	}
	cancel()
	for err == nil {
		_, err = stream.Recv()
	}
	if errors.Is(err, io.EOF) {
		return // all was under way before the cancellation
	}
	s.wantCode("cancelled List", err, codes.Canceled)
}
