// Package webhook is the adapter in front of a team's own HTTP service: each call
// of the adapter contract is one signed POST of a JSON object (api/webhook/openapi.yaml).
//
// Promises:
//
//   - What was not answered clearly is "not now", and the change waits. Only what the
//     service itself says in so many words ends a change: a 2xx, a refusal (400, 413,
//     422), or `{"error": "not_found"}` with 404. A 404 without that is taken for a
//     wrong address, since any proxy can say it, and is never taken for a deletion.
//   - A list that ends early is an error, never a shorter list.
//   - Each repetition of a call, by this package or by Tandem, has the same
//     idempotency key; calls of different operations or datasets never share one.
//   - A signature covers all that the service acts on. Secrets are read from their
//     file for each request, so that they can be replaced at any time.
//   - Redirects are not followed, answers are bounded, lists are handed on as they
//     come in.
//
// What the service can do (compare and write, remember keys) is said in the
// settings: the package believes it.
//
// It knows nothing of what is behind the service.
package webhook
