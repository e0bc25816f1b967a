package device

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
)

// HTTP is a Transport over the real protocol.
type HTTP struct {
	Client *http.Client
	URL    func() string // of the server, without a path; asked for each request
}

// Do posts one request. Every answer but 200 is an error.
func (h HTTP) Do(ctx context.Context, dataset string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL()+"/mbaas/sync/"+dataset, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := h.Client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d: %.500s", resp.StatusCode, answer)
	}
	return answer, nil
}
