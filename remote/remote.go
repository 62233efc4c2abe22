// Package remote finds the client of an HTTP request: its address, and whether it speaks TLS. Behind proxies that the
// configuration trusts, the server puts what they say in the context of the request; all limits and logs use Address.
package remote

import (
	"context"
	"net/http"
	"net/netip"
)

type contextKey struct{}

// WithAddress returns a context with the address of the client.
func WithAddress(ctx context.Context, address netip.Addr) context.Context {
	return context.WithValue(ctx, contextKey{}, address)
}

// Address returns the address of the client: that of WithAddress, or else the peer of the connection. The zero address
// means that it is unknown.
func Address(r *http.Request) netip.Addr {
	if address, ok := r.Context().Value(contextKey{}).(netip.Addr); ok {
		return address
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().Unmap().WithZone("")
}

// Text returns the address of the client as text, or "" if it is unknown.
func Text(r *http.Request) string {
	if address := Address(r); address.IsValid() {
		return address.String()
	}
	return ""
}

type secureKey struct{}

// WithTLS returns a context of a request that the client sent over TLS to a proxy.
func WithTLS(ctx context.Context) context.Context { return context.WithValue(ctx, secureKey{}, true) }

// IsTLS reports whether the client speaks TLS, to us or to a proxy that is trusted.
func IsTLS(r *http.Request) bool {
	behindProxy, _ := r.Context().Value(secureKey{}).(bool)
	return r.TLS != nil || behindProxy
}
