// Package outbound is what is known of a call that we made: how far its request
// came, and what its error means. Whether it may have been applied decides what
// is done next, and an error's text must hold nothing of what was sent.
package outbound

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http/httptrace"
	"sync/atomic"
)

// Wire sees how far one HTTP request came, which the error does not tell.
type Wire struct {
	dialled atomic.Bool // net/http asked for a connection
	reached atomic.Bool // and got one, so a byte of the request may have been sent
}

// Watch returns a context for the request that w sees. A client that is not
// net/http's is not seen.
func (w *Wire) Watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { w.dialled.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { w.reached.Store(true) },
	})
}

// Unsent says that surely no byte of the request was sent: no connection was
// made, or its TLS handshake failed.
func (w *Wire) Unsent() bool { return w.dialled.Load() && !w.reached.Load() }

// Down marks an error that says that the other end cannot be reached, does not
// answer, or is broken (5xx): the next call will most likely fail too. A refusal is
// the answer of one that is well.
func Down(err error) error {
	if err == nil {
		return nil
	}
	return &downError{err}
}

type downError struct{ error }

func (e *downError) Unwrap() error { return e.error }

// IsDown says whether err was marked by Down.
func IsDown(err error) bool {
	_, is := errors.AsType[*downError](err)
	return is
}

// Why returns what may be said of the error of a request: an error of the
// context, of DNS, of the connection or of a certificate. Those name a host or
// an address, which the network shows to everybody. Anything else may quote the
// request or its answer and becomes the text of otherwise.
func Why(ctx context.Context, err error, otherwise string) error {
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

// NotSent says of the error of a request that surely no byte of it was sent: no
// address, no connection, or a certificate that is not theirs.
func NotSent(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	return errors.As(err, &dns) || errors.As(err, &cert) || (errors.As(err, &op) && op.Op == "dial")
}
