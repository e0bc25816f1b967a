package gateway

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
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
	plain, err := decompressor(r.Header.Get("Content-Encoding"), http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		return nil, err
	}
	defer plain.Close()
	body, err := io.ReadAll(io.LimitReader(plain, limit+1))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge), err == nil && int64(len(body)) > limit:
		return nil, &httpError{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than the limit of %d bytes (setting bodyLimit)", limit)}
	case err != nil:
		return nil, &httpError{http.StatusBadRequest, "can't read the body: " + err.Error()}
	}
	return body, nil
}

func decompressor(encoding string, body io.Reader) (io.ReadCloser, error) {
	bad := func(err error) error {
		return &httpError{http.StatusBadRequest, "can't decompress the body: " + err.Error()}
	}
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "", "identity":
		return io.NopCloser(body), nil
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(body)
		if err != nil {
			return nil, bad(err)
		}
		return z, nil
	case "br":
		return io.NopCloser(brotli.NewReader(body)), nil
	case "zstd":
		z, err := zstd.NewReader(body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
		if err != nil {
			return nil, bad(err)
		}
		return z.IOReadCloser(), nil
	}
	return nil, &httpError{http.StatusUnsupportedMediaType, fmt.Sprintf("Content-Encoding %q is not offered; gzip, br and zstd are", encoding)}
}
