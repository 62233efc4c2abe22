// Package awscall is what the channels share that call AWS: one attempt of the
// SDK's, and what its error means.
package awscall

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
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

// Call is one call. It sees how far its request came, which the errors of the SDK
// do not tell: the failure to get credentials is the error of another request.
type Call struct {
	next    Client
	called  atomic.Bool // the request was given to the HTTP client
	dialled atomic.Bool // which asked for a connection
	reached atomic.Bool // and got one, so a byte may have been sent
	status  int         // the HTTP status of the answer, 0 if there was none
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
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		GetConn: func(string) { c.dialled.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { c.reached.Store(true) },
	}))
	r.Body = io.NopCloser(bytes.NewReader(body))
	resp, err := c.next.Do(r)
	if resp != nil {
		c.status = resp.StatusCode
	}
	return resp, err
}

// unsent says that surely no byte of the request was sent.
func (c *Call) unsent() bool {
	return c.next != nil && (!c.called.Load() || c.dialled.Load() && !c.reached.Load())
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

// Judge says what an error of the call means:
//
//   - one of these codes: Permanent, the request itself is at fault;
//   - throttled, no connection, no credentials, or refused with any other 4xx but
//     408, which an operator may mend: NotApplied;
//   - anything else (5xx, a broken or timed-out connection, a 200 that cannot be
//     read): unmarked, it may have been applied.
func (c *Call) Judge(ctx context.Context, err error, permanent ...string) error {
	if err == nil {
		return nil
	}
	if c.unsent() {
		return approval.NotApplied(fmt.Errorf("not sent: %w", why(ctx, err, "no credentials to sign with")))
	}
	e := describe(err, c.status)
	switch {
	case e == nil:
		return fmt.Errorf("no answer: %w", why(ctx, err, "the connection broke, or what came could not be read"))
	case slices.Contains(permanent, e.code):
		return approval.Permanent(e)
	case e.status >= 400 && e.status < 500 && e.status != http.StatusRequestTimeout, strings.Contains(e.code, "Throttl"):
		return approval.NotApplied(e)
	}
	return e
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

// why returns what may be said of the error of a request: one of the context, of
// DNS, of the connection or of a certificate. Those name a host or an address,
// which the network shows to everybody. Anything else may quote the request or
// its answer and becomes the text of otherwise.
func why(ctx context.Context, err error, otherwise string) error {
	var op *net.OpError
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &dns):
		return dns
	case errors.As(err, &cert):
		return cert
	case errors.As(err, &op):
		return op
	}
	return errors.New(otherwise)
}
