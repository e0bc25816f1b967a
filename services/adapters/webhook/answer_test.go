package webhook

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
	"github.com/tandem-sync/tandem/services/internal/backend"
)

// client speaks to an adapter on a service, so that errors are seen as Tandem sees them.
func client(t *testing.T, h http.HandlerFunc, o Options) adapterv1.AdapterServiceClient {
	t.Helper()
	cc, stop := backend.InProcess(open1(t, serve(t, h), o))
	t.Cleanup(stop)
	return adapterv1.NewAdapterServiceClient(cc)
}

func inDataset() *adapterv1.Context { return &adapterv1.Context{Dataset: "d"} }

func TestAnswersOfTheService(t *testing.T) {
	const html = "text/html"
	const text = "text/plain; charset=utf-8"
	const object = "application/json"
	for _, c := range []struct {
		status     int
		kind, body string
		want       codes.Code
		says       string
		logged     bool
	}{
		{200, object, `{"data":{"a":1}}`, codes.OK, "", false},
		{201, object, `{"data":{"a":1}}`, codes.OK, "", false},
		{200, object, `{}`, codes.Unavailable, `"data" is missing`, true},
		{200, object, `{"data":[]}`, codes.Unavailable, `"data" is missing`, true},
		{200, html, `<p>Welcome</p>`, codes.Unavailable, "answered 200, but", true},
		{204, "", ``, codes.Unavailable, "answered 204, but", true},
		{202, "", ``, codes.Unavailable, "202", false},
		{301, "", ``, codes.Unavailable, "https://elsewhere.example/", true},
		{307, "", ``, codes.Unavailable, "redirects are not followed", true},
		{404, object, `{"error":"not_found"}`, codes.NotFound, "", false},
		{404, html, `<h1>Not Found</h1>`, codes.Unavailable, "url is wrong", true},
		{404, object, `{"error":"Not Found","message":"Cannot POST /"}`, codes.Unavailable, "url is wrong", true},
		{404, "", ``, codes.Unavailable, "url is wrong", true},
		{409, "", ``, codes.Aborted, "", false},
		{400, object, `{"message":"Too late today."}`, codes.InvalidArgument, "Too late today.", false},
		{422, text, "No.\n", codes.InvalidArgument, "No.", false},
		{422, html, `<h1>No</h1>`, codes.InvalidArgument, "without a reason (422)", false},
		{413, "", ``, codes.InvalidArgument, "413", false},
		{401, "", ``, codes.Unavailable, "compare the secrets", true},
		{403, object, `{"message":"who are you"}`, codes.Unavailable, "who are you", true},
		{405, "", ``, codes.Unavailable, "405", true},
		{410, "", ``, codes.Unavailable, "410", true},
		{418, "", ``, codes.Unavailable, "418", true},
		{408, "", ``, codes.Unavailable, "408", false},
		{429, "", ``, codes.Unavailable, "429", false},
		{500, text, `stack`, codes.Unavailable, "500", true},
		{501, "", ``, codes.Unimplemented, "", false},
		{502, "", ``, codes.Unavailable, "502", false},
		{503, "", ``, codes.Unavailable, "503", false},
		{504, "", ``, codes.Unavailable, "504", false},
		{507, "", ``, codes.Unavailable, "507", true},
	} {
		var log bytes.Buffer
		tandem := client(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", c.kind)
			w.Header().Set("Location", "https://elsewhere.example/")
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		}, Options{Retries: -1, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		_, err := tandem.Read(t.Context(), &adapterv1.ReadRequest{Context: inDataset(), Uid: "u"})
		if status.Code(err) != c.want || !strings.Contains(fmt.Sprint(err), c.says) {
			t.Errorf("%d %s: got %v, want %v with %q", c.status, c.body, err, c.want, c.says)
		}
		if strings.Contains(fmt.Sprint(err), "<h1>") {
			t.Errorf("%d: a page is shown to the user: %v", c.status, err)
		}
		if logged := strings.Contains(log.String(), "level=ERROR"); logged != c.logged {
			t.Errorf("%d %s: logged %v: %s", c.status, c.body, logged, &log)
		}
	}
}

// A success without what it should say may have been one: the change waits.
func TestAnswersThatSayTooLittle(t *testing.T) {
	body, page := "", false
	tandem := client(t, func(w http.ResponseWriter, _ *http.Request) {
		if page {
			body = "<html>Please log in</html>"
		}
		_, _ = io.WriteString(w, body)
	}, Options{Retries: -1})
	ctx := t.Context()
	for _, body = range []string{``, `{}`, `{"uid":""}`, `{"uid":5}`, `{"removed":-1}`, `{"collisions":null}`, `null`} {
		errs := map[string]error{}
		_, errs["create"] = tandem.Create(ctx, &adapterv1.CreateRequest{Context: inDataset(), Data: []byte(`{}`), IdempotencyKey: "k"})
		_, errs["listCollisions"] = tandem.ListCollisions(ctx, &adapterv1.ListCollisionsRequest{Context: inDataset()})
		_, errs["removeCollision"] = tandem.RemoveCollision(ctx, &adapterv1.RemoveCollisionRequest{Context: inDataset(), Hash: "h"})
		for name, err := range errs {
			if status.Code(err) != codes.Unavailable {
				t.Errorf("%s, %s: %v", name, body, err)
			}
		}
	}
	page = true
	if _, err := tandem.Delete(ctx, &adapterv1.DeleteRequest{Context: inDataset(), Uid: "u", IdempotencyKey: "k"}); status.Code(err) != codes.Unavailable {
		t.Error("a page to log in is taken for a delete:", err)
	}
	page, body = false, "done"
	// These have nothing to say.
	if _, err := tandem.Update(ctx, &adapterv1.UpdateRequest{Context: inDataset(), Uid: "u", Data: []byte(`{}`), IdempotencyKey: "k"}); err != nil {
		t.Error(err)
	}
}

func TestAnswerTooLarge(t *testing.T) {
	tandem := client(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"data":{"x":"`+strings.Repeat("x", 5000)+`"}}`)
	}, Options{MaxResponse: 4096})
	_, err := tandem.Read(t.Context(), &adapterv1.ReadRequest{Context: inDataset(), Uid: "u"})
	if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "maxResponseBytes") {
		t.Error(err)
	}
}
