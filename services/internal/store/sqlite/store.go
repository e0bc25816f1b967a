package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/tandem-sync/tandem/services/internal/clock"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// Options say where the database is and how long it remembers.
type Options struct {
	// Path of the database file; its directory is made when missing. "" or
	// ":memory:" keeps all in memory, and forgets it at Close.
	Path string
	// Clock gives the times that are stored. Default: clock.System.
	Clock clock.Clock
	// QueueTTL is how long done messages are kept, as a log and to recognise
	// changes that are sent again. Default: 24 hours.
	QueueTTL time.Duration
	// AliasTTL is how long it is remembered which record a made-up uid became.
	// Default: 30 days.
	AliasTTL time.Duration
	// Logger gets what an operator should know. Default: none.
	Logger *slog.Logger
}

// readers is the number of connections that read beside the writer.
const readers = 4

// Store is the embedded engine. It implements store.Store.
type Store struct {
	options Options
	db      *sql.DB
	conns   []*conn // all that were opened
	lock    *fileLock
	writer  *writer
	readers chan *conn    // idle ones; nil in memory, where the writer reads as well
	closing chan struct{} // closed by Close
	closed  sync.Once
}

var _ store.Store = (*Store)(nil)

// Open opens the database, makes it when there is none, and brings its schema up
// to date. It fails when another process has it open, or when a newer version of
// Tandem wrote it.
func Open(ctx context.Context, options Options) (*Store, error) {
	options = withDefaults(options)
	s := &Store{options: options, closing: make(chan struct{})}
	if err := s.open(ctx); err != nil {
		return nil, translate("open "+options.Path, errors.Join(err, s.release()))
	}
	return s, nil
}

func withDefaults(o Options) Options {
	if o.Path == "" {
		o.Path = ":memory:"
	}
	if o.Clock == nil {
		o.Clock = clock.System
	}
	if o.QueueTTL <= 0 {
		o.QueueTTL = 24 * time.Hour
	}
	if o.AliasTTL <= 0 {
		o.AliasTTL = 30 * 24 * time.Hour
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func (s *Store) open(ctx context.Context) error {
	inMemory := s.options.Path == ":memory:"
	dsn := ":memory:"
	if !inMemory {
		path, err := filepath.Abs(s.options.Path)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if s.lock, err = lockFile(ctx, path); err != nil {
			return err
		}
		dsn = (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String()
	}
	var err error
	if s.db, err = sql.Open("sqlite", dsn); err != nil {
		return err
	}
	s.db.SetMaxIdleConns(0) // each connection is taken once and kept
	writing, err := s.connect(ctx, writerPragmas)
	if err != nil {
		return err
	}
	var mode string
	if err := writing.raw.QueryRowContext(ctx, "PRAGMA journal_mode=WAL").Scan(&mode); err != nil {
		return err
	}
	if !inMemory && mode != "wal" {
		return fmt.Errorf("the file system of %s does not offer what SQLite's WAL mode needs (journal mode %s)", s.options.Path, mode)
	}
	if err := migrate(ctx, writing, s.options.Logger); err != nil {
		return err
	}
	if !inMemory { // a second connection to :memory: would be another, empty database
		var idle [readers]*conn
		for i := range idle {
			if idle[i], err = s.connect(ctx, readerPragmas); err != nil {
				return err
			}
		}
		s.readers = make(chan *conn, readers)
		for _, c := range idle {
			s.readers <- c
		}
	}
	s.writer = startWriter(writing, s.options.Clock)
	return nil
}

var (
	writerPragmas = []string{
		"synchronous=FULL", // what a device was promised survives a power cut
		"busy_timeout=10000",
		"cache_size=-32000",
		"temp_store=MEMORY",
		"journal_size_limit=67108864",
	}
	readerPragmas = []string{"busy_timeout=10000", "cache_size=-8000", "temp_store=MEMORY", "query_only=1"}
)

func (s *Store) connect(ctx context.Context, pragmas []string) (*conn, error) {
	c, err := newConn(ctx, s.db)
	if err != nil {
		return nil, err
	}
	s.conns = append(s.conns, c)
	for _, pragma := range pragmas {
		if _, err := c.raw.ExecContext(ctx, "PRAGMA "+pragma); err != nil {
			return nil, fmt.Errorf("%s: %w", pragma, err)
		}
	}
	return c, nil
}

// write runs do in the writer, with a transaction's guarantees. do must not keep
// or call anything of the store outside the session.
func (s *Store) write(ctx context.Context, what string, do func(session) error) error {
	return translate(what, s.writer.submit(ctx, do))
}

// read runs do on a connection that only reads.
func (s *Store) read(ctx context.Context, what string, do func(session) error) error {
	if s.readers == nil {
		return s.write(ctx, what, do)
	}
	select { // a closed store says so even where a reader is idle
	case <-s.closing:
		return translate(what, store.ErrUnavailable)
	default:
	}
	select {
	case c := <-s.readers:
		defer func() { s.readers <- c }()
		return translate(what, do(session{ctx: ctx, conn: c, now: s.options.Clock().UnixMilli()}))
	case <-s.closing:
		return translate(what, store.ErrUnavailable)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Ping tells whether the store answers.
func (s *Store) Ping(ctx context.Context) error {
	return s.read(ctx, "ping", func(tx session) error {
		_, err := tx.exists("SELECT 1")
		return err
	})
}

// Close lets what was accepted finish; all that comes later gets
// store.ErrUnavailable. Closing twice does nothing.
func (s *Store) Close() error {
	var err error
	s.closed.Do(func() { err = s.release() })
	return translate("close", err)
}

// release gives back whatever Open took, in reverse.
func (s *Store) release() error {
	close(s.closing)
	if s.writer != nil {
		s.writer.stop()
	}
	for range cap(s.readers) {
		<-s.readers // waits for reads under way
	}
	var errs []error
	for _, c := range s.conns {
		errs = append(errs, c.close())
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.unlock())
	}
	return errors.Join(errs...)
}
