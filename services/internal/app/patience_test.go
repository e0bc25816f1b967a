package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	driver "go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/tandem-sync/tandem/services/internal/config"
	"github.com/tandem-sync/tandem/services/internal/store"
)

var errAway = fmt.Errorf("dial: %w", store.ErrUnavailable)

// What is away is tried again and again, with a line of the log at first and one
// each minute.
func TestPatiently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		start, tries := time.Now(), 0
		got, err := patiently(t.Context(), slog.New(slog.NewTextHandler(&log, nil)), "MongoDB", mongodbError("mongodb://u:hush@h", "mongodbUrl"),
			func(context.Context) (int, error) {
				tries++
				if time.Since(start) < 150*time.Second {
					return 0, errAway
				}
				return 42, nil
			})
		if got != 42 || err != nil {
			t.Errorf("got %d, %v", got, err)
		}
		if tries < 30 || tries > 40 {
			t.Errorf("%d tries in 150 s, want one each 5 s and some more at the beginning", tries)
		}
		if n := strings.Count(log.String(), "does not answer"); n != 3 {
			t.Errorf("%d lines, want 3:\n%s", n, &log)
		}
		if !strings.Contains(log.String(), "MongoDB answers") || strings.Contains(log.String(), "hush") || !strings.Contains(log.String(), "mongodbUrl") {
			t.Errorf("log:\n%s", &log)
		}
	})
}

// A stop is heard while waiting; what no waiting mends is told at once.
func TestPatienceEnds(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	judge := mongodbError("mongodb://u:hush@h", "mongodbUrl")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		start := time.Now()
		_, err := patiently(ctx, quiet, "MongoDB", judge, func(context.Context) (int, error) { return 0, errAway })
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Hour {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		refused := driver.CommandError{Code: 18, Message: "Authentication failed for hush"}
		bounded, end := context.WithTimeout(t.Context(), time.Hour)
		defer end()
		_, err = patiently(bounded, quiet, "MongoDB", judge, func(context.Context) (int, error) { return 0, refused })
		if err == nil || time.Since(start) != time.Hour || !strings.Contains(err.Error(), "mongodbUrl") || strings.Contains(err.Error(), "hush") {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
	})
}

func TestMayPass(t *testing.T) {
	for _, err := range []error{
		errAway, fmt.Errorf("x: %w", &net.DNSError{Err: "no such host", Name: "h", IsNotFound: true}), io.ErrUnexpectedEOF,
		context.DeadlineExceeded, driver.CommandError{Labels: []string{"NetworkError"}},
	} {
		if !mayPass(err) {
			t.Errorf("%v: taken for lasting", err)
		}
	}
	for _, err := range []error{errors.New("bad"), driver.CommandError{Code: 13}, driver.CommandError{Code: 18}} {
		if mayPass(err) {
			t.Errorf("%v: waited for", err)
		}
	}
}

// Two processes never hold leases under one name; the one process of a data folder
// always has the same.
func TestHolder(t *testing.T) {
	n := &Node{}
	if n.holder() != "all" {
		t.Error(n.holder())
	}
	n.cfg = config.Config{Store: config.Store{MongodbURL: "mongodb://h"}}
	if a, b := n.holder(), n.holder(); a == b || !strings.HasPrefix(a, hostname()+"-") {
		t.Errorf("%s and %s", a, b)
	}
}
