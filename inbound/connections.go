package inbound

import (
	"container/list"
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// Connections bounds the open connections of a listener. If there are more, the one that has waited for its client the
// longest is closed, among the connections of the remote that has the most of them. A connection waits for its client
// unless a handler is at work for it: before and between requests, while a body arrives, and while an answer is sent.
type Connections struct {
	observe ConnectionObserver

	mu      sync.Mutex
	max     int
	open    int
	remotes map[netip.Prefix]*peer
}

// ConnectionObserver counts connections, for the metrics.
type ConnectionObserver interface {
	// ConnectionsOpen is called with the number of open connections, when it has changed.
	ConnectionsOpen(n int)
	// ConnectionDisplaced is called when a connection that waited for its client was closed in favour of a newer one.
	ConnectionDisplaced()
	// ConnectionRefused is called when a new connection was closed because handlers are at work for all the others.
	ConnectionRefused()
}

// peer is a remote with open connections.
type peer struct {
	open    int
	waiting list.List // of *connection; the first has waited the longest
}

// connection is an accepted connection. Its fields are guarded by the mutex of Connections.
type connection struct {
	net.Conn
	owner   *Connections
	remote  netip.Prefix
	waiting *list.Element // in the peer's list; nil while a handler is at work
	closed  bool
}

// NewConnections returns the bounds of a listener.
func NewConnections(limit int, observe ConnectionObserver) *Connections {
	return &Connections{observe: observe, max: limit, remotes: map[netip.Prefix]*peer{}}
}

// SetMax changes the bound. Connections beyond it are closed when the next one arrives.
func (c *Connections) SetMax(limit int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.max = limit
}

// Listener returns a listener that accepts the connections of another one within the bound.
func (c *Connections) Listener(inner net.Listener) net.Listener { return &listener{inner, c} }

type listener struct {
	net.Listener
	connections *Connections
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	for {
		accepted, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if conn := l.connections.add(accepted); conn != nil {
			return conn, nil
		}
	}
}

// add counts a new connection, and closes another one if there are too many. It closes the new one and returns nil if
// handlers are at work for all others.
func (c *Connections) add(accepted net.Conn) *connection {
	conn := &connection{Conn: accepted, owner: c, remote: prefixOf(addressOf(accepted))}
	var displaced []*connection
	c.mu.Lock()
	for c.open >= c.max {
		oldest := c.longestWaiting()
		if oldest == nil {
			break
		}
		c.remove(oldest)
		displaced = append(displaced, oldest)
	}
	full := c.open >= c.max
	if !full {
		c.insert(conn)
	}
	open := c.open
	c.mu.Unlock()
	for _, d := range displaced {
		_ = d.Conn.Close()
		c.observe.ConnectionDisplaced()
	}
	if full {
		_ = accepted.Close()
		c.observe.ConnectionRefused()
		return nil
	}
	c.observe.ConnectionsOpen(open)
	return conn
}

// longestWaiting returns the connection that has waited for its client the longest, of the remote with the most
// connections that wait. It returns nil if none waits.
func (c *Connections) longestWaiting() *connection {
	var heaviest *peer
	for _, p := range c.remotes {
		if p.waiting.Len() > 0 && (heaviest == nil || p.waiting.Len() > heaviest.waiting.Len()) {
			heaviest = p
		}
	}
	if heaviest == nil {
		return nil
	}
	return heaviest.waiting.Front().Value.(*connection)
}

func (c *Connections) insert(conn *connection) {
	p := c.remotes[conn.remote]
	if p == nil {
		p = &peer{}
		c.remotes[conn.remote] = p
	}
	p.open++
	c.open++
	conn.waiting = p.waiting.PushBack(conn)
}

func (c *Connections) remove(conn *connection) {
	if conn.closed {
		return
	}
	conn.closed = true
	p := c.remotes[conn.remote]
	if conn.waiting != nil {
		p.waiting.Remove(conn.waiting)
		conn.waiting = nil
	}
	c.open--
	if p.open--; p.open == 0 {
		delete(c.remotes, conn.remote)
	}
}

// setWaiting records whether a connection waits for its client, and returns what was recorded before. A nil connection
// is one that nobody counts.
func (conn *connection) setWaiting(waits bool) (before bool) {
	if conn == nil {
		return false
	}
	c := conn.owner
	c.mu.Lock()
	defer c.mu.Unlock()
	before = conn.waiting != nil
	if conn.closed || before == waits {
		return before
	}
	list := &c.remotes[conn.remote].waiting
	if waits {
		conn.waiting = list.PushBack(conn)
		return before
	}
	list.Remove(conn.waiting)
	conn.waiting = nil
	return before
}

// Write implements net.Conn. The connection waits for its client meanwhile: a client that does not read an answer holds
// no handler for long when connections are short.
func (conn *connection) Write(b []byte) (int, error) {
	before := conn.setWaiting(true)
	n, err := conn.Conn.Write(b)
	conn.setWaiting(before)
	return n, err
}

// CloseWrite closes the sending half, as *net.TCPConn does: net/http wants the client to read an early answer.
func (conn *connection) CloseWrite() error {
	if half, ok := conn.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Close implements net.Conn.
func (conn *connection) Close() error {
	c := conn.owner
	c.mu.Lock()
	c.remove(conn)
	open := c.open
	c.mu.Unlock()
	c.observe.ConnectionsOpen(open)
	return conn.Conn.Close()
}

type connectionKey struct{}

// Context is for http.Server.ConnContext. It lets Handler and Bodies find the connection of a request.
func (c *Connections) Context(ctx context.Context, conn net.Conn) context.Context {
	if wrapped, ok := conn.(interface{ NetConn() net.Conn }); ok { // *tls.Conn
		conn = wrapped.NetConn()
	}
	if own, ok := conn.(*connection); ok {
		return context.WithValue(ctx, connectionKey{}, own)
	}
	return ctx
}

// Handler returns a handler during which the connection of a request does not wait for its client.
func (c *Connections) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn := connectionOf(r)
		conn.setWaiting(false)
		defer conn.setWaiting(true)
		next.ServeHTTP(w, r)
	})
}

func connectionOf(r *http.Request) *connection {
	conn, _ := r.Context().Value(connectionKey{}).(*connection)
	return conn
}

// addressOf returns the address of the peer, or the zero address if it has none.
func addressOf(conn net.Conn) netip.Addr {
	if tcp, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

// prefixOf returns the network that one client is taken to have: an IPv4 address, or a /64 of IPv6, because every
// client of IPv6 has at least that many addresses. The zero address has the zero prefix.
func prefixOf(address netip.Addr) netip.Prefix {
	bits := 64
	if address.Is4() {
		bits = 32
	}
	prefix, err := address.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return prefix
}
