package outbound

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// Service is an AWS service as Send calls it. Options are the options of the SDK's client, such as sfn.Options.
type Service[Options any] struct {
	// Prepare changes the options of a call: it sets aws.NopRetryer and puts call.ObserveClient in front of the HTTP client.
	// The SDK has no interface for that, so each adapter has these two lines.
	Prepare func(o *Options, call *Call)
	// Codes are the error codes of the service with a meaning of their own.
	Codes Codes
	// Timeout bounds a call: an endpoint may accept the connection and then stay silent.
	Timeout time.Duration
}

// SendOnce calls an operation, a method of the SDK's client, and returns its outcome, see Call.judgeError. It makes a single
// attempt: a retry by the SDK would hide that the call may have been applied, and the SDK's retry budget fails every
// call once throttling has used it up. The retries are the order's own.
func SendOnce[In, Out, Options any](
	ctx context.Context,
	service Service[Options],
	operation func(context.Context, *In, ...func(*Options)) (*Out, error),
	in *In,
) (*Out, error) {
	ctx, cancel := WithinTimeout(ctx, service.Timeout)
	defer cancel()
	var call Call
	out, err := operation(ctx, in, func(o *Options) { service.Prepare(o, &call) })
	return out, call.judgeError(ctx, err, service.Codes)
}

// HTTPClient is the interface by which the clients of the SDK send their requests.
type HTTPClient interface {
	Do(request *http.Request) (*http.Response, error)
}

// Call records a call of the SDK, made in a single attempt: how far its request got. The errors of the SDK do not contain
// that, and the failure to get credentials is the error of another request.
type Call struct {
	progress Progress
	next     HTTPClient
	signed   atomic.Bool // the request was given to the HTTP client
	status   int         // the HTTP status of the response, 0 without a response
}

// ObserveClient returns an HTTP client that c records, to be used in place of next for this call.
func (c *Call) ObserveClient(next HTTPClient) HTTPClient {
	c.next = next
	return c
}

// Do implements HTTPClient. It sends the request with its body in memory: the SDK closes its own body when the response
// is there, and a fast server can answer before the body is read. A request with GetBody has it in memory.
func (c *Call) Do(r *http.Request) (*http.Response, error) {
	body := r.Body
	if body != nil && r.GetBody == nil {
		all, err := io.ReadAll(body)
		if err != nil {
			return nil, err
		}
		body = io.NopCloser(bytes.NewReader(all))
	}
	c.signed.Store(true)
	r = r.WithContext(c.progress.ObserveRequest(r.Context()))
	r.Body = body
	resp, err := c.next.Do(r)
	if resp != nil {
		c.status = resp.StatusCode
	}
	return resp, err
}

// isUnsent reports whether certainly no byte of the request was sent.
func (c *Call) isUnsent() bool {
	return c.next != nil && (!c.signed.Load() || c.progress.IsUnsent())
}
