// Package intercept asks the interceptors of a dataset: gRPC services of other teams
// that may refuse a device's request, replace its query_params and meta_data, or
// keep an answer back (proto/interceptor/v1).
//
// It promises that they are asked in their order, each on top of what the one before
// changed, that the first refusal counts, that a call ends within its time, and that
// an interceptor which gives no answer, or none that makes sense, refuses: with "not
// now", since nobody knows what it would have said. Only where the dataset's setting
// says so the request goes on without it.
//
// It is the gateway's Interceptor and knows nothing of HTTP but a status.
package intercept
