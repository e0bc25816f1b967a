package gateway

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"github.com/rs/cors"
)

// requestIDHeader names a request in the log and to the caller. A proxy's is kept.
const requestIDHeader = "X-Request-Id"

type requestIDKey struct{}

// middleware wraps the routes: the first is the outermost.
func (g *Gateway) middleware(h http.Handler) (http.Handler, error) {
	compress, err := gzhttp.NewWrapper(gzhttp.MinSize(1400), gzhttp.EnableZstd(true))
	if err != nil {
		return nil, err
	}
	h = g.bounded(h)
	h = compress(h)
	h = g.corsHandler(h)
	h = g.recovered(h)
	h = g.accessLog(h)
	return withRequestID(h), nil
}

// bounded ends the work for a request that takes too long. What it had stored by
// then stays stored: the device sends again, and is recognised.
func (g *Gateway) bounded(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), g.cfg.RequestTimeout)
		defer cancel()
		h.ServeHTTP(w, r.WithContext(ctx))
	})
}

// corsHandler answers preflights and lets pages of the allowed origins call.
func (g *Gateway) corsHandler(h http.Handler) http.Handler {
	if len(g.cfg.CORSOrigins) == 0 {
		return h
	}
	return cors.New(cors.Options{
		AllowedOrigins: g.cfg.CORSOrigins,
		AllowedMethods: []string{http.MethodGet, http.MethodPost},
		AllowedHeaders: []string{"*"},
		ExposedHeaders: []string{requestIDHeader},
		MaxAge:         600,
	}).Handler(h)
}

func withRequestID(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(requestIDHeader)
		if !plainID(id) {
			var b [8]byte
			_, _ = rand.Read(b[:]) // never fails
			id = hex.EncodeToString(b[:])
		}
		w.Header().Set(requestIDHeader, id)
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id)))
	})
}

// plainID keeps what could break a log line out of it.
func plainID(id string) bool {
	if id == "" || len(id) > 100 {
		return false
	}
	for _, c := range []byte(id) {
		if c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

func (g *Gateway) accessLog(h http.Handler) http.Handler {
	if !g.cfg.AccessLog {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		rec := &recorder{ResponseWriter: w}
		whole := false
		defer func() {
			g.log.LogAttrs(r.Context(), slog.LevelInfo, "http",
				slog.String("method", r.Method), slog.String("path", r.URL.EscapedPath()),
				slog.Int("status", rec.status()), slog.Int64("bytes", rec.written), slog.Bool("whole", whole),
				slog.Duration("took", time.Since(start)), slog.String("remote", r.RemoteAddr),
				slog.Any("request", r.Context().Value(requestIDKey{})))
		}()
		h.ServeHTTP(rec, r)
		whole = true
	})
}

// recovered answers 500 where a handler panics, and logs where. Where a part of
// the answer is on its way it breaks the connection instead.
func (g *Gateway) recovered(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &recorder{ResponseWriter: w}
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p) // how a handler breaks the connection
			}
			g.log.Error("request panicked", "panic", p, "path", r.URL.EscapedPath(),
				"request", r.Context().Value(requestIDKey{}), "stack", string(debug.Stack()))
			if rec.code != 0 {
				panic(http.ErrAbortHandler)
			}
			writeError(w, http.StatusInternalServerError, "internal error; the server's log has it under request "+w.Header().Get(requestIDHeader))
		}()
		h.ServeHTTP(rec, r)
	})
}

// recorder notes status and size of an answer.
type recorder struct {
	http.ResponseWriter
	code    int
	written int64
}

func (r *recorder) WriteHeader(code int) {
	if r.code == 0 {
		r.code = code
	}
	r.ResponseWriter.WriteHeader(code)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.code == 0 {
		r.code = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(p)
	r.written += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) status() int {
	if r.code == 0 {
		return http.StatusOK
	}
	return r.code
}
