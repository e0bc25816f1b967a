package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tandem-sync/tandem/services/internal/backend"
	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/stats"
	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/wire"
)

func (g *Gateway) routes() http.Handler {
	mux := http.NewServeMux()
	for _, path := range []string{"/sync/{dataset}", "/mbaas/sync/{dataset}"} {
		mux.HandleFunc("POST "+path, g.sync)
	}
	figures := func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, g.stats.Snapshot()) }
	get := map[string]http.HandlerFunc{
		"/mbaas/sync/stats": figures,
		"/sys/info/stats":   figures,
		"/sys/info/ping":    func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, "OK") },
		"/healthz":          func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, "OK") },
		"/readyz":           g.ready,
		"/version": func(w http.ResponseWriter, _ *http.Request) {
			writeJSON(w, http.StatusOK, map[string]string{"version": g.cfg.Version})
		},
	}
	for path, h := range get {
		mux.HandleFunc("GET "+path, h)
	}
	return jsonErrors(mux)
}

// jsonErrors turns the router's own answers (404, 405) into JSON strings.
func jsonErrors(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		probe := &headerOnly{header: http.Header{}}
		h.ServeHTTP(probe, r)
		if probe.code == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", probe.header.Get("Allow"))
			writeError(w, probe.code, fmt.Sprintf("%s %s: method not allowed; allowed: %s", r.Method, r.URL.Path, probe.header.Get("Allow")))
			return
		}
		writeError(w, http.StatusNotFound, fmt.Sprintf("%s %s: no such path; devices use POST /sync/{datasetId}", r.Method, r.URL.Path))
	})
}

// headerOnly takes an answer and keeps its status and header.
type headerOnly struct {
	header http.Header
	code   int
}

func (h *headerOnly) Header() http.Header         { return h.header }
func (h *headerOnly) Write(p []byte) (int, error) { return len(p), nil }
func (h *headerOnly) WriteHeader(code int)        { h.code = code }

func (g *Gateway) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if err := g.store.Ping(ctx); err != nil {
		writeError(w, http.StatusServiceUnavailable, "the store does not answer: "+err.Error())
		return
	}
	writeJSON(w, http.StatusOK, "OK")
}

// sync answers POST /sync/{dataset}: it decodes the request and hands it to its fn.
func (g *Gateway) sync(w http.ResponseWriter, r *http.Request) {
	dataset := r.PathValue("dataset")
	if err := g.call(w, r, dataset); err != nil {
		g.fail(w, r, dataset, err)
	}
}

func (g *Gateway) call(w http.ResponseWriter, r *http.Request, dataset string) error {
	if err := wire.CheckDatasetID(dataset); err != nil {
		return err
	}
	cfg, known := g.datasets.Dataset(dataset)
	if !known {
		return &httpError{http.StatusNotFound, fmt.Sprintf("dataset %q is not configured (setting datasets), and allowUnknownDatasets is false", dataset)}
	}
	body, err := readBody(w, r, g.cfg.BodyLimit)
	if err != nil {
		return err
	}
	req, err := wire.DecodeRequest(body, dataset)
	if err != nil {
		return err
	}
	if req.DroppedCount > 0 {
		g.log.Warn("dropped what can't be answered", "dataset", dataset, "cuid", req.CUID, "count", req.DroppedCount, "first", req.Dropped[0])
	}
	if g.queryFields != nil {
		if err := checkFields(dataset, req.QueryParams, g.queryFields(dataset)); err != nil {
			return err
		}
	}
	if g.interceptor != nil {
		req.Headers = headers(r)
		if err := g.interceptor.Request(r.Context(), dataset, &req); err != nil {
			return err
		}
		if err := rebind(&req, dataset); err != nil {
			return fmt.Errorf("after the request interceptor: %w", err)
		}
	}
	defer g.stats.ObserveSince(stats.APITime, string(req.Fn), time.Now())
	return g.dispatch(w, r, call{dataset: dataset, cfg: cfg, Request: req})
}

// rebind lets all parts of a request follow what an interceptor changed of it:
// the view follows query_params, changes and acknowledgements follow the request.
func rebind(req *wire.Request, dataset string) error {
	if len(req.QueryParams) == 0 {
		req.QueryParams = json.RawMessage("{}")
	}
	if !record.IsObject(req.QueryParams) {
		return errors.New("query_params must be a JSON object")
	}
	id, err := record.DatasetClientID(dataset, req.QueryParams)
	if err != nil {
		return fmt.Errorf("query_params: %w", err)
	}
	req.ClientID = id
	for i := range req.Changes {
		c := &req.Changes[i]
		c.ClientID, c.CUID, c.MetaData = id, req.CUID, req.MetaData
	}
	for i := range req.Acks {
		req.Acks[i].CUID = req.CUID
	}
	return nil
}

// call is one request of a device, decoded.
type call struct {
	wire.Request
	dataset string
	cfg     record.SyncConfig
}

func (g *Gateway) dispatch(w http.ResponseWriter, r *http.Request, c call) error {
	switch c.Fn {
	case wire.FnSync:
		return g.handleSync(w, r, c)
	case wire.FnSyncRecords:
		return g.handleSyncRecords(w, r, c)
	case wire.FnListCollisions:
		return g.handleListCollisions(w, r, c)
	case wire.FnRemoveCollision:
		return g.handleRemoveCollision(w, r, c)
	}
	return fmt.Errorf("fn %q has no handler", c.Fn)
}

// respond runs the response interceptor before an answer goes out.
func (g *Gateway) respond(ctx context.Context, c call, answer wire.Summary) error {
	if g.interceptor == nil {
		return nil
	}
	return g.interceptor.Response(ctx, c.dataset, &c.Request, answer)
}

// refusal is an error that devices meet in the ordinary course of things. The
// protocol answers it with a 500, but nothing is wrong with the server.
type refusal string

func (r refusal) Error() string { return string(r) }

// fail answers an error: what the caller can mend with a 4xx, what will pass with a 503,
// the rest with a 500, always as a JSON string (protocol section 2).
func (g *Gateway) fail(w http.ResponseWriter, r *http.Request, dataset string, err error) {
	var wireErr *wire.Error
	var httpErr *httpError
	var away interface{ Unavailable() string }
	var refused refusal
	status, msg := http.StatusInternalServerError, "Error: "+err.Error()
	switch {
	case errors.As(err, &wireErr):
		status, msg = wireErr.Status, wireErr.Msg
	case errors.As(err, &httpErr):
		status, msg = httpErr.status, httpErr.msg
	case errors.As(err, &away):
		status, msg = http.StatusServiceUnavailable, away.Unavailable()
		w.Header().Set("Retry-After", "1")
	case errors.Is(err, store.ErrTooLarge):
		status = http.StatusRequestEntityTooLarge
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, context.DeadlineExceeded), backend.IsNotNow(err):
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "1")
	case errors.Is(err, context.Canceled) && r.Context().Err() != nil:
		panic(http.ErrAbortHandler) // the device has gone; an empty 200 would be a lie
	}
	switch {
	case errors.As(err, &refused):
		g.log.Info("request refused", "dataset", dataset, "reason", err, "request", r.Context().Value(requestIDKey{}))
	case status >= http.StatusInternalServerError:
		g.log.Error("request failed", "dataset", dataset, "status", status, "err", err, "request", r.Context().Value(requestIDKey{}))
	}
	writeError(w, status, msg)
}

func errorBody(msg string) []byte { return wire.ErrorBody(msg) }

func writeError(w http.ResponseWriter, status int, msg string) {
	writeRaw(w, status, errorBody(msg))
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, errorBody("can't encode the answer: "+err.Error())
	}
	writeRaw(w, status, body)
}

func writeRaw(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the device may have gone
}
