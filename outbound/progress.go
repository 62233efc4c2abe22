package outbound

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http/httptrace"
	"sync/atomic"

	"github.com/approval-relay/approval-relay/approval"
)

// Progress records how far an HTTP request got. The error of the request does not contain that. The zero value is
// ready for use.
type Progress struct {
	dialled   atomic.Bool // net/http asked for a connection
	connected atomic.Bool // and has got one, so a byte of the request may have been sent
}

// ObserveRequest returns a context for the request that p records. A client that does not use net/http is not seen.
func (p *Progress) ObserveRequest(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { p.dialled.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { p.connected.Store(true) },
	})
}

// IsUnsent reports whether certainly no byte of the request was sent, because the connection or its TLS handshake failed.
func (p *Progress) IsUnsent() bool { return p.dialled.Load() && !p.connected.Load() }

// JudgeFailure returns the outcome of a request that failed with err and without a response:
//
//   - the guard refused the address: ErrForbiddenAddress, NotApplied;
//   - no connection was made: NotApplied, and the endpoint is failing;
//   - anything else: unmarked, because the request may have been applied, and the endpoint is failing.
func (p *Progress) JudgeFailure(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrForbiddenAddress):
		return approval.NotApplied(ErrForbiddenAddress)
	case p.IsUnsent():
		return EndpointFailed(approval.NotApplied(unsentError(approval.ReasonConnectionFailed,
			safeReason(ctx, err, "no connection"))))
	}
	return EndpointFailed(noAnswerError(ctx, err))
}

func unsentError(code approval.ReasonCode, reason error) error {
	return approval.WithReasonCode(code, fmt.Errorf("not sent: %w", reason))
}

func noAnswerError(ctx context.Context, err error) error {
	reason := safeReason(ctx, err, "the connection broke or the response is not valid")
	return approval.WithReasonCode(approval.ReasonNoAnswer, fmt.Errorf("no answer: %w", reason))
}

// EndpointFailed marks err as the failure of an endpoint that cannot be reached, does not answer or is broken (5xx): the
// next call will most likely fail too. A refusal is the answer of a healthy endpoint and is not marked.
func EndpointFailed(err error) error {
	if err == nil {
		return nil
	}
	return &endpointError{err}
}

type endpointError struct{ error }

func (e *endpointError) Unwrap() error { return e.error }

// IsEndpointFailure reports whether err was marked by EndpointFailed.
func IsEndpointFailure(err error) bool {
	_, is := errors.AsType[*endpointError](err)
	return is
}

// safeReason returns the part of a request's error that may be stored and shown: an error of the context, of DNS, of the
// connection or of a certificate. They name a host or an address, and the network shows these to everybody. Any other error
// may quote the request or the response, and is replaced by the text of otherwise.
func safeReason(ctx context.Context, err error, otherwise string) error {
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
