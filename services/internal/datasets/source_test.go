package datasets_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandem-sync/tandem/services/internal/config"
	"github.com/tandem-sync/tandem/services/internal/datasets"
)

// lines collects log lines.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) with(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), text)
}

// watched is a source whose loop runs in virtual time.
type watched struct {
	*datasets.Source
	t    *testing.T
	path string
	log  *lines
	told []*datasets.Snapshot
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// watch opens path and runs its loop until the test of the bubble ends.
func watch(t *testing.T, path string) *watched {
	t.Helper()
	w := &watched{t: t, path: path, log: &lines{}}
	under := config.Default().Datasets
	under.File = path
	var err error
	w.Source, err = datasets.Open(datasets.Options{Under: under, Log: slog.New(slog.NewTextHandler(w.log, nil)), Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	w.Subscribe(func(s *datasets.Snapshot) { w.told = append(w.told, s) })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		w.Run(ctx)
		close(done)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return w
}

// looks lets n looks at the file pass.
func (w *watched) looks(n int) {
	w.t.Helper()
	<-time.After(time.Duration(n)*time.Second + time.Millisecond) // the bubble's time
	synctest.Wait()
}

// frequency is that of dataset a, in seconds; 0 when a is not listed.
func (w *watched) frequency() float64 {
	for _, id := range w.Current().IDs() {
		if id == "a" {
			d, _ := w.Current().Dataset("a")
			return d.Sync.SyncFrequency.Seconds()
		}
	}
	return 0
}

func TestReload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d.yaml")
	write(t, path, "datasets: {a: {syncFrequency: 1}}\n")
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, path)
		first := w.Current()
		if w.frequency() != 1 || w.Problem() != nil || len(w.told) != 1 || w.Loaded().Datasets != 1 || len(w.Loaded().Digest) != 64 {
			t.Fatalf("at first: %v, %v, told %d times, %+v", w.frequency(), w.Problem(), len(w.told), w.Loaded())
		}
		w.looks(5)
		if w.Current() != first {
			t.Error("taken over again without a change")
		}

		write(t, path, "datasets: {a: {syncFrequency: 2}}\n")
		w.looks(2)
		if w.frequency() != 2 || len(w.told) != 2 || w.told[1] != w.Current() {
			t.Errorf("changed: %v, told %d times", w.frequency(), len(w.told))
		}
		if d, _ := first.Dataset("a"); d.Sync.SyncFrequency != time.Second {
			t.Error("a snapshot changed")
		}

		write(t, path, "datasets: {a: {syncFrequence: 3}}\n")
		w.looks(20)
		want := path + ":1: datasets.a.syncFrequence: unknown setting; did you mean syncFrequency?"
		if p := w.Problem(); w.frequency() != 2 || p == nil || p.Err.Error() != want || p.Digest == w.Loaded().Digest {
			t.Errorf("bad: %v, %+v", w.frequency(), p)
		}
		if n := w.log.with("datasets file refused"); n != 1 {
			t.Errorf("refused %d times in the log, want once per content", n)
		}
		write(t, path, "datasets: {a: {syncFrequence: 4}}\n")
		w.looks(3)
		if n := w.log.with("datasets file refused"); n != 2 {
			t.Errorf("refused %d times in the log, want once per content", n)
		}

		write(t, path, "datasets: {a: {syncFrequency: 2}}\n")
		w.looks(2)
		if w.Problem() != nil || len(w.told) != 2 {
			t.Errorf("mended: %v, told %d times", w.Problem(), len(w.told))
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		w.looks(2)
		if p := w.Problem(); p == nil || !strings.Contains(p.Err.Error(), "no such file") || w.frequency() != 2 {
			t.Errorf("gone: %v, %v", p, w.frequency())
		}
		write(t, path, "datasets: {b: {}}\n")
		w.looks(2)
		if w.Problem() != nil || w.frequency() != 0 {
			t.Errorf("back: %v, %v", w.Problem(), w.Current().IDs())
		}
	})
}

// A file that is being written is not taken for a short one: each of these
// beginnings would be a file of its own.
func TestHalfWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d.yaml")
	write(t, path, "datasets:\n  a: {syncFrequency: 1}\n")
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, path)
		for _, text := range []string{"", "datasets:\n", "datasets:\n  b: {}\n", "datasets:\n  b: {}\n  a: {}\n"} {
			write(t, path, text)
			w.looks(1)
			if w.frequency() != 1 || w.Problem() != nil {
				t.Errorf("%q was taken for the file: %v, %v", text, w.frequency(), w.Problem())
			}
		}
		w.looks(1)
		if w.frequency() != 10 {
			t.Error("the whole file is not in force")
		}
	})
}

// TestConfigMap swaps links as Kubernetes does when a ConfigMap that is mounted changes.
func TestConfigMap(t *testing.T) {
	dir := t.TempDir()
	publish := func(version, text string) {
		t.Helper()
		if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, version, "d.yaml"), text)
		if err := os.Symlink(version, filepath.Join(dir, "..data_tmp")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	publish("..2026_01", "datasets: {a: {syncFrequency: 1}}\n")
	path := filepath.Join(dir, "d.yaml")
	if err := os.Symlink(filepath.Join("..data", "d.yaml"), path); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, path)
		publish("..2026_02", "datasets: {a: {syncFrequency: 2}}\n")
		if err := os.RemoveAll(filepath.Join(dir, "..2026_01")); err != nil {
			t.Fatal(err)
		}
		w.looks(2)
		if w.frequency() != 2 || w.Problem() != nil {
			t.Errorf("got %v, %v", w.frequency(), w.Problem())
		}
	})
}

func TestStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d.yaml")
	under := config.Default().Datasets
	under.File = path
	open := func() error {
		_, err := datasets.Open(datasets.Options{Under: under, Log: slog.New(slog.DiscardHandler)})
		return err
	}
	if err := open(); err == nil || !strings.Contains(err.Error(), "setting datasetsFile") || !strings.Contains(err.Error(), path) {
		t.Errorf("no file: %v", err)
	}
	write(t, path, "datasets:\n  a: {adapter: x}\n  b: {adapter: 'b:1', adapterTls: {caFile: /absent}}\n")
	if err := open(); err == nil || err.Error() != path+`:2: datasets.a.adapter: "x" is no HOST:PORT; expected HOST:PORT or nothing` {
		t.Errorf("bad file: %v", err)
	}
	write(t, path, "datasets:\n  b:\n    adapter: 'b:1'\n    adapterTls:\n      caFile: /absent\n")
	if err := open(); err == nil || err.Error() != path+":5: datasets.b.adapterTls.caFile: open /absent: no such file or directory" {
		t.Errorf("no certificate: %v", err)
	}
	write(t, path, "defaults:\n  interceptor: i:1\n  interceptorTls: {certFile: /absent, keyFile: /absent}\ndatasets:\n  b: {}\n")
	if err := open(); err == nil || err.Error() != path+":3: defaults.interceptorTls.certFile: open /absent: no such file or directory" {
		t.Errorf("no certificate of the defaults: %v", err)
	}
}
