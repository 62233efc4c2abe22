package outbound

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// ClientConfig configures the HTTP client of a channel or target. The zero value calls public addresses only.
type ClientConfig struct {
	// Timeout bounds a request, from dialling to the end of the response body. If it is zero, only the context of
	// the request bounds it.
	Timeout time.Duration
	// AllowInternal opens internal addresses, except for those that no configuration opens, see Guard.
	AllowInternal bool
	// AllowedPorts lists the ports that are called; if it is empty, every port is.
	AllowedPorts []uint16
	// AllowedPrefixes lists internal addresses that are called nevertheless, such as the addresses of a cluster.
	AllowedPrefixes []netip.Prefix
	// IsOwnListener reports whether the program itself listens at an address. Such an address is never called. Nil
	// means that the program does not listen.
	IsOwnListener func(netip.AddrPort) bool
	RootCAs       *x509.CertPool // nil means the system's
	Resolver      *net.Resolver  // nil means Go's own
}

const (
	// handshakeTimeout bounds the dial to an address that drops packets, and the TLS handshake with a port that is
	// open and silent.
	handshakeTimeout = 5 * time.Second
	// maxIdlePerHost is as large as the number of calls that a channel or target has in progress, so that a burst of
	// them does not need a TLS handshake for each call.
	maxIdlePerHost = 128
	// maxIdle bounds the idle connections to all hosts: callback URLs name many hosts.
	maxIdle = 256
	// maxResponse bounds how much of a response is read, in bytes.
	maxResponse = 64 << 10
)

// NewClient returns the HTTP client for calls to addresses from the configuration or from a request.
//
// Its guard checks each address after the name was resolved and before the first packet is sent, so a name cannot
// change its address between the check and the call. It never uses a proxy from the environment: the guard would see
// the address of the proxy, and the proxy would call the internal address. It does not follow redirects, because the
// receiver chooses their destination: the response is the redirect itself.
func NewClient(c ClientConfig) *http.Client {
	dialer := &net.Dialer{
		Timeout:  handshakeTimeout,
		Resolver: c.Resolver,
		Control:  NewGuard(c).checkDial,
	}
	return &http.Client{
		Timeout: c.Timeout,
		// The transport speaks HTTP/1.1, because it has its own dialer: a connection serves a single request at
		// a time, and when it breaks, other requests are not affected.
		Transport: &http.Transport{
			Proxy:                  nil,
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.RootCAs},
			TLSHandshakeTimeout:    handshakeTimeout,
			MaxResponseHeaderBytes: maxResponse,
			MaxIdleConns:           maxIdle,
			MaxIdleConnsPerHost:    maxIdlePerHost,
			IdleConnTimeout:        time.Minute,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// CloseResponse closes a response after its status was read. It reads a bounded part of the body first, so that the
// connection can be used again.
func CloseResponse(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, maxResponse)
	_ = resp.Body.Close()
}
