package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Headers of a request.
const (
	signatureHeader = "Tandem-Signature"
	keyHeader       = "Idempotency-Key"
)

// minSecret is how many bytes a secret has at least.
const minSecret = 16

// sign makes the value of the signature header: the time, and a signature of time
// and body with each secret.
func sign(secrets [][]byte, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	out := "t=" + t
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(t + "."))
		mac.Write(body)
		out += ",v1=" + hex.EncodeToString(mac.Sum(nil))
	}
	return out
}

// idempotencyKey is one key for what a change does, whatever characters its own has.
func idempotencyKey(operation, dataset, key string) string {
	h := sha256.New()
	for _, text := range []string{operation, dataset, key} {
		h.Write([]byte(strconv.Itoa(len(text)) + ":" + text))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// readSecrets reads a file of one or two secrets, a line each.
func readSecrets(path string) ([][]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("secretFile: %w", err)
	}
	var secrets [][]byte
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
		case len(line) < minSecret:
			return nil, fmt.Errorf("secretFile: %s: a secret has %d characters or more; `openssl rand -hex 32` makes one", path, minSecret)
		default:
			secrets = append(secrets, []byte(line))
		}
	}
	if len(secrets) == 0 || len(secrets) > 2 {
		return nil, fmt.Errorf("secretFile: %s holds %d secrets; it has one, or two during a change of secrets, a line each", path, len(secrets))
	}
	return secrets, nil
}

// secrets keeps what was last read of each file, for when it can't be read: while it
// is being replaced, say.
type secrets struct {
	mu    sync.Mutex
	known map[string][][]byte
}

// get reads the secrets of a file. err tells that it could not; the ones known from
// before are returned all the same, where there are any.
func (s *secrets) get(path string) ([][]byte, error) {
	list, err := readSecrets(path)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.known[path] = list
		return list, nil
	}
	if known := s.known[path]; known != nil {
		return known, errors.Join(err, errors.New("the secrets read before stay in use"))
	}
	return nil, err
}
