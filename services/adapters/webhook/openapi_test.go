package webhook

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"
)

// schema is as much of JSON Schema as api/webhook/openapi.yaml uses for requests.
type schema struct {
	Ref        string            `yaml:"$ref"`
	Type       string            `yaml:"type"`
	Const      string            `yaml:"const"`
	Pattern    string            `yaml:"pattern"`
	Required   []string          `yaml:"required"`
	Properties map[string]schema `yaml:"properties"`
}

// described holds requests and answers against the description. Errors are told by
// the test that made it.
type described struct {
	*testing.T
	schemas  map[string]schema
	statuses map[string]yaml.Node

	mu   sync.Mutex
	seen map[string]bool
}

func newDescribed(t *testing.T) *described {
	t.Helper()
	text, err := os.ReadFile("../../../api/webhook/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]struct {
			Post struct {
				Responses map[string]yaml.Node `yaml:"responses"`
			} `yaml:"post"`
		} `yaml:"paths"`
		Components struct {
			Schemas map[string]schema `yaml:"schemas"`
		} `yaml:"components"`
	}
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	return &described{T: t, schemas: doc.Components.Schemas, statuses: doc.Paths["/"].Post.Responses, seen: map[string]bool{}}
}

// watch checks what goes to a service and comes from it.
func (d *described) watch(next http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // it has gone
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		d.check(r, body)
		out := &statusOf{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(out, r)
		if _, ok := d.statuses[strconv.Itoa(out.status)]; !ok {
			d.Errorf("status %d is not described", out.status)
		}
	}
}

type statusOf struct {
	http.ResponseWriter
	status int
}

func (s *statusOf) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

func (d *described) check(r *http.Request, body []byte) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil {
		d.Errorf("the body is no JSON object: %.200s", body)
		return
	}
	var operation, key, dataset string
	_ = json.Unmarshal(fields["operation"], &operation)
	_ = json.Unmarshal(fields["idempotencyKey"], &key)
	_ = json.Unmarshal(fields["dataset"], &dataset)
	d.mu.Lock()
	d.seen[operation] = true
	d.mu.Unlock()
	s, ok := d.schemas[operation]
	if !ok {
		d.Errorf("operation %q is not described", operation)
		return
	}
	if r.Header.Get(keyHeader) != key {
		d.Errorf("%s: header %s is not the key of the body", operation, keyHeader)
	}
	if r.URL.Path != "/tandem/"+dataset+"/"+operation {
		d.Errorf("%s of %s went to %s", operation, dataset, r.URL.Path)
	}
	for _, name := range s.Required {
		if _, ok := fields[name]; !ok {
			d.Errorf("%s: %s is missing in %.200s", operation, name, body)
		}
	}
	for name, raw := range fields {
		property, ok := s.Properties[name]
		if !ok {
			d.Errorf("%s: %s is not described", operation, name)
			continue
		}
		if ref, ok := strings.CutPrefix(property.Ref, "#/components/schemas/"); ok {
			property = d.schemas[ref]
		}
		if why := property.violated(raw); why != "" {
			d.Errorf("%s: %s: %s: %.100s", operation, name, why, raw)
		}
	}
}

func (s schema) violated(raw json.RawMessage) string {
	var text string
	isText := json.Unmarshal(raw, &text) == nil && raw[0] == '"'
	_, notInteger := strconv.ParseInt(string(raw), 10, 64)
	switch {
	case s.Const != "" && text != s.Const:
		return "not " + s.Const
	case s.Type == "string" && !isText, s.Type == "object" && raw[0] != '{', s.Type == "integer" && notInteger != nil:
		return "not of type " + s.Type
	case s.Pattern != "" && !regexp.MustCompile(s.Pattern).MatchString(text):
		return "does not match " + s.Pattern
	}
	return ""
}

// complete checks that all operations were seen, but for those named.
func (d *described) complete(but ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, name := range but {
		d.seen[name] = true
	}
	for name, s := range d.schemas {
		if s.Properties["operation"].Const != "" && !d.seen[name] {
			d.Errorf("no request of operation %s", name)
		}
	}
}
