package inbound

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// counts keeps what an observer was told.
type counts struct {
	mu                       sync.Mutex
	open, displaced, refused int
}

func (c *counts) ConnectionsOpen(n int) { c.mu.Lock(); c.open = n; c.mu.Unlock() }
func (c *counts) ConnectionDisplaced()  { c.mu.Lock(); c.displaced++; c.mu.Unlock() }
func (c *counts) ConnectionRefused()    { c.mu.Lock(); c.refused++; c.mu.Unlock() }

// fakeConn is a connection from an address.
type fakeConn struct {
	net.Conn
	address string
	closed  bool
}

func (f *fakeConn) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(f.address))
}
func (f *fakeConn) Close() error { f.closed = true; return nil }

func TestTheLongestWaitingConnectionGivesWay(t *testing.T) {
	t.Parallel()
	seen := &counts{}
	c := NewConnections(2, seen)
	first, second, third := &fakeConn{address: "192.0.2.1:1"}, &fakeConn{address: "192.0.2.1:2"}, &fakeConn{address: "192.0.2.1:3"}
	c.add(first)
	c.add(second)
	require.False(t, first.closed)
	require.NotNil(t, c.add(third))
	require.True(t, first.closed)
	require.False(t, second.closed)
	require.Equal(t, counts{open: 2, displaced: 1}, counts{open: seen.open, displaced: seen.displaced, refused: seen.refused})
}

// The remote with the most connections gives way, also if another has waited longer.
func TestAFloodDisplacesItself(t *testing.T) {
	t.Parallel()
	c := NewConnections(4, &counts{})
	other := &fakeConn{address: "[2001:db8:1::1]:1"}
	c.add(other)
	for i := range 100 {
		// Addresses of one /64 are one remote.
		c.add(&fakeConn{address: netip.AddrPortFrom(netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0, 2, 15: byte(i)}), 1).String()})
	}
	require.False(t, other.closed)
	require.Equal(t, 4, c.open)
}

func TestWorkingConnectionsStay(t *testing.T) {
	t.Parallel()
	seen := &counts{}
	c := NewConnections(2, seen)
	a, b, surplus := &fakeConn{address: "192.0.2.1:1"}, &fakeConn{address: "192.0.2.1:2"}, &fakeConn{address: "192.0.2.9:3"}
	workA := c.add(a)
	c.add(b).setWaiting(false)
	workA.setWaiting(false)
	require.Nil(t, c.add(surplus), "handlers are at work for all others")
	require.True(t, surplus.closed)
	require.Equal(t, 1, seen.refused)
	workA.setWaiting(true)
	require.NotNil(t, c.add(&fakeConn{address: "192.0.2.9:4"}))
	require.True(t, a.closed)
	require.False(t, b.closed)
	require.NoError(t, workA.Close(), "closed again, by its server")
	require.Equal(t, 2, c.open)
}

func TestFewerConnectionsAfterAReload(t *testing.T) {
	t.Parallel()
	c := NewConnections(10, &counts{})
	for range 10 {
		c.add(&fakeConn{address: "192.0.2.1:1"})
	}
	c.SetMax(3)
	c.add(&fakeConn{address: "192.0.2.2:1"})
	require.Equal(t, 3, c.open)
}

// serve serves a handler within limits, and returns its address.
func serve(t *testing.T, c *Connections, h http.Handler) (address string) {
	t.Helper()
	server := httptest.NewUnstartedServer(c.Handler(h))
	server.Listener = c.Listener(server.Listener)
	server.Config.ConnContext = c.Context
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// dial opens a connection and sends a text.
func dial(t *testing.T, address, text string) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, err = io.WriteString(conn, text)
	require.NoError(t, err)
	return conn
}

// Connections that send nothing, half of a request, a part of a body, or nothing after an answer take no place from
// those that send a request.
func TestStalledConnectionsTakeNoPlace(t *testing.T) {
	t.Parallel()
	const limit = 20
	seen := &counts{}
	address := serve(t, NewConnections(limit, seen), serveBodies(NewBodies(1<<20, clock), "", reader(false)))
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for range 3 * limit {
		for _, text := range []string{
			"",
			"POST / HTTP/1.1\r\nHost: x\r\n",
			"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf",
			"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		} {
			dial(t, address, text)
		}
		resp, err := client.Get("http://" + address) //nolint:noctx // of a test
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.NoError(t, resp.Body.Close())
	}
	seen.mu.Lock()
	defer seen.mu.Unlock()
	require.LessOrEqual(t, seen.open, limit)
	require.GreaterOrEqual(t, seen.displaced, 10*limit)
}

// All dialects of HTTP/1 are served within the limits.
func TestDialects(t *testing.T) {
	t.Parallel()
	address := serve(t, NewConnections(100, &counts{}), serveBodies(NewBodies(1<<20, clock), "", reader(true)))
	for name, text := range map[string]string{
		"HTTP/1.0":   "POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}",
		"chunked":    "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
		"trailer":    "POST / HTTP/1.1\r\nHost: x\r\nTrailer: X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: y\r\n\r\n",
		"line feeds": "POST / HTTP/1.1\nHost: x\nContent-Length: 2\n\n{}",
		"no body":    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
	} {
		require.Equal(t, http.StatusOK, status(t, dial(t, address, text)), name)
	}
	conn := dial(t, address, "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
	require.Equal(t, http.StatusContinue, status(t, conn))
	_, err := io.WriteString(conn, "{}")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status(t, conn))
}
