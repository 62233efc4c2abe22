package outbound

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/approval-relay/approval-relay/setup"
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
	Connections   setup.Connections
	RootCAs       *x509.CertPool // nil means the system's
	Resolver      *net.Resolver  // nil means Go's own
}

const (
	// handshakeTimeout bounds the dial to an address that drops packets, and the TLS handshake with a port that is
	// open and silent.
	handshakeTimeout = 5 * time.Second
	// keptPerHost is the number of idle connections that a client with few calls keeps.
	keptPerHost = 8
	// maxKeptHosts bounds the idle connections to all hosts, because callback URLs name many: as many as a few busy hosts
	// have.
	maxKeptHosts = 4
	// idleTimeout is shorter than the usual time after which load balancers close an idle connection, a minute: a call
	// that is sent as the other end closes stays without an answer.
	idleTimeout = 50 * time.Second
	// pingAfter and pingTimeout find a connection of HTTP/2 that is dead without having been closed. All calls to its host
	// share it.
	pingAfter   = 5 * time.Second
	pingTimeout = 5 * time.Second
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
	kept := cmp.Or(c.Connections.Kept, keptPerHost)
	return &http.Client{
		Timeout: c.Timeout,
		Transport: &http.Transport{
			Proxy:                  nil,
			DialContext:            CountDials(dialer.DialContext, c.Connections.Opened),
			ForceAttemptHTTP2:      true, // a transport with a dialer of its own speaks HTTP/1.1 otherwise
			HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.RootCAs},
			TLSHandshakeTimeout:    handshakeTimeout,
			MaxResponseHeaderBytes: maxResponse,
			MaxIdleConns:           maxKeptHosts * kept,
			MaxIdleConnsPerHost:    kept,
			IdleConnTimeout:        idleTimeout,
			DisableCompression:     true, // answers are short, and most of them are not read
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Send sends a request as client.Do does, for a client such as that of NewClient: it follows no redirects and keeps no
// cookies, so Send leaves out the copies of the request that client.Do makes for both. A client with a Timeout of its own
// needs client.Do for it. Unlike an error of client.Do, its error has no URL in its text.
func Send(client *http.Client, req *http.Request) (*http.Response, error) {
	if client.Timeout > 0 {
		return client.Do(req)
	}
	if u := req.URL.User; u != nil && req.Header.Get("Authorization") == "" {
		password, _ := u.Password()
		req.SetBasicAuth(u.Username(), password)
	}
	return client.Transport.RoundTrip(req)
}

// Sender sends the requests of the AWS SDK by Send.
type Sender struct{ Client *http.Client }

// Do implements HTTPClient.
func (s Sender) Do(req *http.Request) (*http.Response, error) { return Send(s.Client, req) }

// DialFunc opens a connection, as net.Dialer.DialContext does.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// CountDials returns the function that dials, and calls opened for each new connection, unless it is nil.
func CountDials(dial DialFunc, opened func()) DialFunc {
	if opened == nil {
		return dial
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err == nil {
			opened()
		}
		return conn, err
	}
}

// CloseResponse closes a response after its status was read. It reads a bounded part of the body first, so that the
// connection can be used again.
func CloseResponse(resp *http.Response) {
	if resp.Body == http.NoBody {
		return
	}
	_, _ = io.CopyN(io.Discard, resp.Body, maxResponse)
	_ = resp.Body.Close()
}
