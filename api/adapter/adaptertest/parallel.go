package adaptertest

import (
	"fmt"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// crowd is how many calls run at once.
const crowd = 32

// together runs f for 0 to crowd-1 at once and counts the codes of its errors.
func together(f func(i int) error) map[codes.Code]int {
	var (
		mu    sync.Mutex
		count = map[codes.Code]int{}
		wg    sync.WaitGroup
		start = make(chan struct{})
	)
	for i := range crowd {
		wg.Go(func() {
			<-start
			code := status.Code(f(i))
			mu.Lock()
			defer mu.Unlock()
			count[code]++
		})
	}
	close(start)
	wg.Wait()
	return count
}

var parallels = []test{
	{name: "Creates", run: func(s *subject) {
		count := together(func(i int) error {
			_, err := s.tryCreate(fmt.Sprintf(`{"n":%d}`, i), newKey())
			return err
		})
		if count[codes.OK] != crowd {
			s.Errorf("creates ended with %v", count)
		}
		if n := len(s.list("")); n != crowd {
			s.Errorf("%d creates made %d records", crowd, n)
		}
	}},
	{name: "CreatesWithOneKey", run: func(s *subject) {
		key, uids := newKey(), sync.Map{}
		count := together(func(int) error {
			uid, err := s.tryCreate(one, key)
			if err == nil {
				uids.Store(uid, true)
			}
			return err
		})
		// "Not now" is an honest answer to the one who comes second.
		if count[codes.OK] == 0 || count[codes.OK]+count[codes.Unavailable] != crowd {
			s.Errorf("creates with one key ended with %v", count)
		}
		n := 0
		uids.Range(func(any, any) bool { n++; return true })
		if listed := len(s.list("")); n != 1 || listed != 1 {
			s.Errorf("creates with one key returned %d uids and left %d records", n, listed)
		}
	}},
	{name: "Updates", ifCompares: true, run: func(s *subject) {
		uid := s.create(one)
		winner := sync.Map{}
		count := together(func(i int) error {
			data := fmt.Sprintf(`{"winner":%d}`, i)
			err := s.update(uid, data, one, newKey())
			if err == nil {
				winner.Store("data", data)
			}
			return err
		})
		if count[codes.OK] != 1 || count[codes.Aborted] != crowd-1 {
			s.Fatalf("of %d updates that expect the same one must win and the others be ABORTED; they ended with %v", crowd, count)
		}
		data, _ := winner.Load("data")
		s.wantRecord(uid, data.(string))
	}},
	{name: "UpdatesWithOneKey", ifCompares: true, ifRemembers: true, run: func(s *subject) {
		uid, key := s.create(one), newKey()
		count := together(func(int) error { return s.update(uid, two, one, key) })
		if count[codes.OK] == 0 || count[codes.OK]+count[codes.Unavailable] != crowd {
			s.Errorf("updates with one key ended with %v", count)
		}
		s.wantRecord(uid, two)
	}},
	{name: "Deletes", run: func(s *subject) {
		uid := s.create(one)
		count := together(func(int) error { return s.delete(uid, one, newKey()) })
		if count[codes.OK] != 1 || count[codes.NotFound] != crowd-1 {
			s.Errorf("of %d deletes one must succeed and the others be NOT_FOUND; they ended with %v", crowd, count)
		}
		s.wantNone(uid)
	}},
}
