package outbound

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/approval-relay/approval-relay/approval"
)

// Client sends a request; every client of the SDK's has one of these.
type Client interface {
	Do(*http.Request) (*http.Response, error)
}

// Call is one call of the SDK's, in one attempt. It sees how far its request came, which the errors of the SDK
// do not tell: the failure to get credentials is the error of another request.
type Call struct {
	progress Progress
	next     Client
	called   atomic.Bool // the request was given to the HTTP client
	status   int         // the HTTP status of the answer, 0 if there was none
}

// Watch returns a client that c sees, to be put in the place of next for this
// call. The call must make one attempt.
func (c *Call) Watch(next Client) Client {
	c.next = next
	return c
}

// Do implements Client. It sends the request with its body in memory: the SDK
// closes its own body when the answer is there, which a fast server can make too
// early.
func (c *Call) Do(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	c.called.Store(true)
	r = r.WithContext(c.progress.Observe(r.Context()))
	r.Body = io.NopCloser(bytes.NewReader(body))
	resp, err := c.next.Do(r)
	if resp != nil {
		c.status = resp.StatusCode
	}
	return resp, err
}

// unsent says that surely no byte of the request was sent.
func (c *Call) unsent() bool {
	return c.next != nil && (!c.called.Load() || c.progress.Unsent())
}

// apiError is what we keep of an error of the SDK's: its text may quote the
// request, so it goes no further.
type apiError struct {
	code    string
	status  int
	request string // AWS's request ID, for their support
}

// Error names the error code, the HTTP status and the request.
func (e *apiError) Error() string {
	return fmt.Sprintf("%s (HTTP %d, request %s)", e.code, e.status, e.request)
}

// Codes are error codes of a service that mean something of their own.
type Codes struct {
	// Closed say that the other end no longer waits for what is sent.
	Closed []string
	// Permanent are faults of the request itself.
	Permanent []string
}

// throttled say that nothing was done, whatever the HTTP status.
func throttled() []string {
	return []string{
		"ThrottlingException", "Throttling", "ThrottledException", "RequestThrottledException", "TooManyRequestsException",
		"RequestLimitExceeded", "KmsThrottlingException", "KmsThrottling", "SlowDown", "BandwidthLimitExceeded",
	}
}

// Judge says what an error of the call means:
//
//   - a Closed code: approval.ErrClosed;
//   - a Permanent code: Permanent;
//   - throttled, no connection, no credentials, or refused with any other 4xx but
//     408, which an operator may mend (no right, an expired token, a wrong clock):
//     NotApplied;
//   - anything else (5xx, a broken or timed-out connection, a 200 that cannot be
//     read): unmarked, it may have been applied.
//
// What was not sent, and anything else, is Down.
func (c *Call) Judge(ctx context.Context, err error, codes Codes) error {
	if err == nil {
		return nil
	}
	if c.unsent() {
		return EndpointFailed(approval.NotApplied(fmt.Errorf("not sent: %w", safeReason(ctx, err, "no credentials to sign with"))))
	}
	e := describe(err, c.status)
	switch {
	case e == nil:
		return EndpointFailed(fmt.Errorf("no answer: %w", safeReason(ctx, err, "the connection broke or the response is not valid")))
	case slices.Contains(codes.Closed, e.code):
		return fmt.Errorf("%w: %w", approval.ErrClosed, e)
	case slices.Contains(codes.Permanent, e.code):
		return approval.Permanent(e)
	case slices.Contains(throttled(), e.code), e.status >= 400 && e.status < 500 && e.status != http.StatusRequestTimeout:
		return approval.NotApplied(e)
	}
	return EndpointFailed(e)
}

// describe returns what the service answered, or nil if it did not answer in a
// way that can be read.
func describe(err error, status int) *apiError {
	e := &apiError{code: "UnknownError", status: status, request: "unknown"}
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		e.status = response.HTTPStatusCode()
		if plain(response.RequestID) {
			e.request = response.RequestID
		}
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		if plain(api.ErrorCode()) {
			e.code = api.ErrorCode()
		}
		return e
	}
	if e.status == 0 {
		return nil
	}
	return e
}

// plain says whether a text of the other end's is as a code or an ID is.
func plain(s string) bool {
	return s != "" && len(s) <= 80 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:#") == ""
}
