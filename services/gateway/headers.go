package gateway

import (
	"net/http"
	"strings"
)

// interceptorHeaders are the headers that interceptors get, beside those that begin
// with "x-": who is calling and with what. What belongs to the connection or to the
// browser (cookies among it) stays here.
var interceptorHeaders = map[string]bool{
	"authorization": true, "user-agent": true, "accept-language": true, "origin": true, "forwarded": true,
	"traceparent": true, "tracestate": true,
}

// headers picks the headers for interceptors: names in lower case, several values
// of one name joined with ", ".
func headers(r *http.Request) map[string]string {
	picked := map[string]string{}
	for name, values := range r.Header {
		name = strings.ToLower(name)
		if interceptorHeaders[name] || strings.HasPrefix(name, "x-") {
			picked[name] = strings.Join(values, ", ")
		}
	}
	return picked
}
