package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/inbound"
	"github.com/approval-relay/approval-relay/metrics"
)

// The memory for bodies, in bytes. Signed bodies have a few kB mostly, so this suffices for hundreds at once. The garbage
// collector lets it take twice as much.
const (
	publicBodies   = 8 << 20
	operatorBodies = 32 << 20
)

// inboundLimits are what strangers can use of the program. They last from the start to the end; a reload changes their
// numbers.
type inboundLimits struct {
	public, operator addressLimits
	rate             *inbound.Rate
	failures         *inbound.Failures
}

// addressLimits are the limits of one address.
type addressLimits struct {
	connections *inbound.Connections
	bodies      *inbound.Bodies
	tls         *inbound.TLS // nil if the address serves http
}

func newInboundLimits(c *config.Config, m *metrics.Metrics, files int, log *slog.Logger) (inboundLimits, error) {
	public, operator := connectionLimits(c, files)
	if public < c.Public.MaxConnections || operator < c.Operator.MaxConnections {
		log.Warn("fewer connections than configured: the process may open too few files (ulimit -n)",
			"files", files, "public", public, "operator", operator)
	}
	l := inboundLimits{
		public:   newAddressLimits("public", public, publicBodies, c.Public.TLS, m),
		operator: newAddressLimits("operator", operator, operatorBodies, c.Operator.TLS, m),
		rate:     inbound.NewRate(c.Public.Rate, c.Public.Burst),
		failures: inbound.NewFailures(),
	}
	m.RegisterBodies(l.public.bodies.Used, l.operator.bodies.Used)
	apply, err := l.prepare(c)
	if err != nil {
		return inboundLimits{}, err
	}
	apply()
	return l, nil
}

func newAddressLimits(name string, connections int, bodies int64, settings *inbound.TLSSettings, m *metrics.Metrics) addressLimits {
	a := addressLimits{
		connections: inbound.NewConnections(connections, m.Listener(name)),
		bodies:      inbound.NewBodies(bodies, time.Now),
	}
	if settings != nil {
		a.tls = &inbound.TLS{}
	}
	return a
}

// prepare returns a function that puts the limits of a configuration in force. It has read the certificates.
func (l *inboundLimits) prepare(c *config.Config) (apply func(), err error) {
	var applies []func()
	for _, address := range []struct {
		field    string
		limits   addressLimits
		settings *inbound.TLSSettings
	}{{"public.tls", l.public, c.Public.TLS}, {"operator.tls", l.operator, c.Operator.TLS}} {
		if address.settings == nil || address.limits.tls == nil {
			continue
		}
		load, err := address.limits.tls.Prepare(address.settings)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", address.field, err)
		}
		applies = append(applies, load)
	}
	return func() {
		for _, load := range applies {
			load()
		}
		public, operator := connectionLimits(c, fileLimit())
		l.public.connections.SetMax(public)
		l.operator.connections.SetMax(operator)
		l.rate.Set(c.Public.Rate, c.Public.Burst)
	}, nil
}

// connectionLimits returns the limits of connections, such that files are left for the store and for our own calls: the
// public address gets at most six tenths of them, and the operator's address two tenths.
func connectionLimits(c *config.Config, files int) (public, operator int) {
	return min(c.Public.MaxConnections, files*6/10), min(c.Operator.MaxConnections, files*2/10)
}

// fileLimit returns the number of files that the process may open. Go has raised it to the hard limit.
func fileLimit() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024
	}
	return int(min(limit.Cur, 10_000_000))
}

// listen opens an address within its limits.
func (l addressLimits) listen(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return l.connections.Listener(listener), nil
}

// serve serves a listener. HTTP/2 is not served: one connection of it carries any number of requests.
func (l addressLimits) serve(server *http.Server, listener net.Listener) error {
	inner := server.ConnContext
	server.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		return l.connections.Context(inner(ctx, conn), conn)
	}
	server.Handler = l.connections.Handler(server.Handler)
	if l.tls != nil {
		listener = tls.NewListener(listener, l.tls.Config())
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
