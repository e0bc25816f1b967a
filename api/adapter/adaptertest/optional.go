package adaptertest

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc/codes"

	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
)

var optionals = []test{
	{name: "Watch", run: func(s *subject) {
		ctx, cancel := context.WithCancel(s.ctx)
		defer cancel()
		stream, err := s.client.Watch(ctx, &adapterv1.WatchRequest{Context: s.context()})
		if err != nil {
			s.Fatal(err)
		}
		hints := make(chan error, 1)
		go func() {
			_, err := stream.Recv()
			hints <- err
		}()
		if !s.about.GetWatch() {
			s.wantCode("Watch, which Describe does not offer", <-hints, codes.Unimplemented)
			return
		}
		// When the adapter has begun to watch is not known, so that one write may
		// come too early.
		again := time.NewTicker(100 * time.Millisecond)
		defer again.Stop()
		for {
			s.create(one)
			select {
			case err := <-hints:
				s.wantCode("Watch", err, codes.OK)
				return
			case <-again.C:
			}
		}
	}},
	{name: "ListChanges", run: func(s *subject) {
		if !s.about.GetListChanges() {
			_, err := s.tryChanges("", "")
			s.wantCode("ListChanges, which Describe does not offer", err, codes.Unimplemented)
			return
		}
		stays, changes, goes := s.create(one), s.create(two), s.create(six)
		first := s.changes("", "")
		s.wantUIDs("the first list", first.changed, stays, changes, goes)
		s.wantCode("Update", s.update(changes, six, two, newKey()), codes.OK)
		s.wantCode("Delete", s.delete(goes, six, newKey()), codes.OK)
		comes := s.create(two)
		second := s.changes("", first.cursor)
		if second.reset {
			s.Error("a fresh cursor was too old")
		}
		s.wantUIDs("changed", second.changed, changes, comes)
		s.wantUIDs("removed", second.removed, goes)
		third := s.changes("", second.cursor)
		if len(third.changed)+len(third.removed) != 0 {
			s.Errorf("nothing changed, and yet ListChanges sent %v and %v", third.changed, third.removed)
		}
	}},
	{name: "ListChangesOfView", run: func(s *subject) {
		if !s.about.GetListChanges() {
			s.Skip("the adapter does not list changes")
		}
		const view = `{"kind":"a"}`
		leaves, enters := s.create(one), s.create(two)
		first := s.changes(view, "")
		s.wantUIDs("the first list", first.changed, leaves)
		s.wantCode("Update", s.update(leaves, two, one, newKey()), codes.OK)
		s.wantCode("Update", s.update(enters, one, two, newKey()), codes.OK)
		second := s.changes(view, first.cursor)
		s.wantUIDs("changed", second.changed, enters)
		s.wantUIDs("removed", second.removed, leaves)
	}},
	{name: "ListChangesUnknownCursor", run: func(s *subject) {
		if !s.about.GetListChanges() {
			s.Skip("the adapter does not list changes")
		}
		uid := s.create(one)
		got := s.changes("", "no cursor of yours")
		if !got.reset {
			s.Error("an unknown cursor must be answered with reset")
		}
		s.wantUIDs("after the reset", got.changed, uid)
	}},
}

// changeSet is the answer of ListChanges, put together.
type changeSet struct {
	changed, removed map[string]bool
	cursor           string
	reset            bool
}

func (s *subject) changes(query, cursor string) changeSet {
	s.Helper()
	set, err := s.tryChanges(query, cursor)
	if err != nil {
		s.Fatalf("ListChanges: %v", err)
	}
	if set.cursor == "" {
		s.Fatal("ListChanges returned no cursor")
	}
	return set
}

func (s *subject) tryChanges(query, cursor string) (changeSet, error) {
	set := changeSet{changed: map[string]bool{}, removed: map[string]bool{}}
	stream, err := s.client.ListChanges(s.ctx, &adapterv1.ListChangesRequest{
		Context: s.context(), QueryParams: []byte(query), Cursor: cursor,
	})
	if err != nil {
		return set, err
	}
	for first := true; ; first = false {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return set, nil
		}
		if err != nil {
			return set, err
		}
		if part.GetReset_() && !first {
			s.Error("reset must stand in the first message")
		}
		set.reset = set.reset || part.GetReset_()
		set.cursor = part.GetCursor()
		for _, r := range part.GetChanged() {
			set.changed[r.GetUid()] = true
		}
		for _, uid := range part.GetRemoved() {
			set.removed[uid] = true
		}
	}
}

func (s *subject) wantUIDs(what string, got map[string]bool, want ...string) {
	s.Helper()
	for _, uid := range want {
		if !got[uid] {
			s.Errorf("%s: record %q is missing", what, uid)
		}
	}
	if len(got) != len(want) {
		s.Errorf("%s: %d records, want %d", what, len(got), len(want))
	}
}
