package gateway

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// httpError is an answer with a 4xx or 5xx status.
type httpError struct {
	status int
	msg    string
}

func (e *httpError) Error() string { return e.msg }

// readBody reads a request's body, decompressed. The limit holds for both
// sizes, so that a small compressed body can't fill the memory.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	plain, err := decompressor(r.Header.Get("Content-Encoding"), http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		return nil, badBody(err, limit)
	}
	defer plain.Close()
	body, err := io.ReadAll(io.LimitReader(plain, limit+1))
	switch {
	case err != nil:
		return nil, badBody(err, limit)
	case int64(len(body)) > limit:
		return nil, tooLarge(limit)
	}
	return body, nil
}

func tooLarge(limit int64) error {
	return &httpError{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than the limit of %d bytes (setting bodyLimit)", limit)}
}

// badBody tells what was wrong with a body that could not be read to its end.
func badBody(err error, limit int64) error {
	var known *httpError
	var cut *http.MaxBytesError
	switch {
	case errors.As(err, &known):
		return err
	case errors.As(err, &cut), errors.Is(err, zstd.ErrDecoderSizeExceeded), errors.Is(err, zstd.ErrWindowSizeExceeded):
		return tooLarge(limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &httpError{http.StatusRequestTimeout, "the body took too long to arrive (setting readTimeout)"}
	}
	return &httpError{http.StatusBadRequest, "can't read the body: " + err.Error()}
}

func decompressor(encoding string, body io.Reader) (io.ReadCloser, error) {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "", "identity":
		return io.NopCloser(body), nil
	case "gzip", "x-gzip":
		return gzip.NewReader(body)
	case "br":
		return io.NopCloser(brotli.NewReader(body)), nil
	case "zstd":
		z, err := zstd.NewReader(body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}
	return nil, &httpError{http.StatusUnsupportedMediaType, fmt.Sprintf("Content-Encoding %q is not offered; gzip, br and zstd are", encoding)}
}
