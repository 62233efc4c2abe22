package inbound

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func clock() time.Time { return time.Now() }

// reader answers with the size of a body, or with the error of reading it.
func reader(marks bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		switch {
		case errors.Is(err, ErrBusy):
			w.WriteHeader(http.StatusServiceUnavailable)
		case errors.Is(err, ErrSlow):
			w.WriteHeader(http.StatusRequestTimeout)
		case err != nil:
			w.WriteHeader(http.StatusBadRequest)
		case marks:
			MarkVerified(r)
			fallthrough
		default:
			_, _ = fmt.Fprint(w, len(body))
		}
	})
}

// status reads the status of an answer.
func status(t *testing.T, conn net.Conn) int {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	_ = resp.Body.Close()
	return resp.StatusCode
}

func head(path string, length int) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", path, length)
}

// A body that stalls gives up its memory for a body that arrives.
func TestStalledBodiesGiveWay(t *testing.T) {
	t.Parallel()
	memory := NewBodies(10_000, clock)
	server := httptest.NewServer(serveBodies(memory, "s", reader(false)))
	t.Cleanup(server.Close)
	address := server.Listener.Addr().String()
	var stalled []net.Conn
	for range 3 {
		conn := dial(t, address, head("/", 5000)+strings.Repeat("x", 3000))
		stalled = append(stalled, conn)
		want := int64(3000 * len(stalled))
		require.Eventually(t, func() bool { return memory.Used() == want }, time.Minute, time.Millisecond)
	}
	conn := dial(t, address, head("/", 4000)+strings.Repeat("y", 4000))
	require.Equal(t, http.StatusOK, status(t, conn))
	require.Equal(t, http.StatusServiceUnavailable, status(t, stalled[0]), "the oldest of them")
	_, err := io.WriteString(stalled[2], strings.Repeat("x", 2000))
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status(t, stalled[2]), "it can still be completed")
}

func TestABodyLargerThanTheMemory(t *testing.T) {
	t.Parallel()
	memory := NewBodies(1000, clock)
	server := httptest.NewServer(serveBodies(memory, "s", reader(false)))
	t.Cleanup(server.Close)
	conn := dial(t, server.Listener.Addr().String(), head("/", 2000)+strings.Repeat("x", 2000))
	require.Equal(t, http.StatusServiceUnavailable, status(t, conn))
	require.Eventually(t, func() bool { return memory.Used() == 0 }, time.Minute, time.Millisecond, "it is given back")
}

// arrive takes part in the memory like a body of which n bytes have arrived.
func arrive(b *Bodies, source, address string, n int64) *body {
	taken := &body{
		owner:   b,
		key:     shareKey{source, prefixOf(addressOf(&fakeConn{address: address}))},
		control: *http.NewResponseController(httptest.NewRecorder()),
		began:   b.now(),
	}
	taken.begin()
	b.take(taken, n)
	return taken
}

// Nobody takes everything: neither one source nor one remote.
func TestTheHeaviestShareGivesWay(t *testing.T) {
	t.Parallel()
	memory := NewBodies(1000, clock)
	small := arrive(memory, "a", "192.0.2.1:1", 100)
	flood := arrive(memory, "a", "192.0.2.2:1", 500)
	arrive(memory, "a", "192.0.2.2:2", 300)
	other := arrive(memory, "b", "192.0.2.2:3", 200) // the same remote at another source
	require.True(t, flood.displaced)
	require.False(t, small.displaced)
	require.False(t, other.displaced)
	whole := arrive(memory, "c", "192.0.2.4:1", 400) // now it is full
	whole.end()
	newest := arrive(memory, "c", "192.0.2.4:2", 350)
	require.True(t, newest.displaced, "its own share is the heaviest that still arrives")
	require.False(t, whole.displaced, "it is being handled")
	require.False(t, small.displaced)
	small.release()
	other.release()
	whole.release()
	newest.release()
	flood.release()
	require.EqualValues(t, 300, memory.Used())
}

// Senders that were verified lately come last, but not if they hold more than their part: a flood may come from the
// address of a sender, such as a proxy's.
func TestVerifiedSharesComeLast(t *testing.T) {
	t.Parallel()
	memory := NewBodies(1000, clock)
	server := httptest.NewServer(serveBodies(memory, "good", reader(true)))
	t.Cleanup(server.Close)
	require.Equal(t, http.StatusOK, status(t, dial(t, server.Listener.Addr().String(), head("/", 10)+"0123456789")))

	good := arrive(memory, "good", "127.0.0.1:1", 240)
	for i := range 20 { // each of them holds less
		arrive(memory, "bad", fmt.Sprintf("192.0.2.%d:1", i), 100)
	}
	require.False(t, good.displaced)
	for range 10 {
		arrive(memory, "good", "127.0.0.1:2", 100)
	}
	require.True(t, good.displaced, "its share is the heaviest by now")
}

// pipes is a listener in memory, so that time can be skipped.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.conns <- server
	return client
}

// trickle sends a body in pieces, one after each pause, and returns the status and the time of the answer.
func trickle(t *testing.T, pieces int, piece string, pause time.Duration) (code int, took time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		listener := &pipes{make(chan net.Conn), make(chan struct{})}
		server := &http.Server{Handler: serveBodies(NewBodies(1<<20, clock), "s", reader(false)), ReadTimeout: 15 * time.Second}
		go func() { _ = server.Serve(listener) }()
		conn, began := listener.dial(), time.Now()
		answered := make(chan struct{})
		go func() {
			defer close(answered)
			code = status(t, conn) //nolint:testifylint // a failure ends this goroutine, and the zero status fails the test
			took = time.Since(began)
		}()
		_, err := io.WriteString(conn, head("/", pieces*len(piece)))
		require.NoError(t, err)
		for range pieces {
			time.Sleep(pause)
			if _, err := io.WriteString(conn, piece); err != nil {
				break
			}
		}
		<-answered
		_ = conn.Close()
		_ = server.Close()
	})
	return code, took
}

func TestBodiesMustArrive(t *testing.T) {
	t.Parallel()
	code, took := trickle(t, 100, "x", time.Second)
	require.Equal(t, http.StatusRequestTimeout, code, "a byte a second")
	require.Equal(t, bodyGrace, took)

	code, _ = trickle(t, 20, strings.Repeat("x", 1<<10), time.Second)
	require.Equal(t, http.StatusOK, code, "a slow line, longer than the server's ReadTimeout")

	code, took = trickle(t, 100, strings.Repeat("x", 1<<10), time.Second)
	require.Equal(t, http.StatusRequestTimeout, code, "it would never end")
	require.Equal(t, maxBodyTime, took)

	code, took = trickle(t, 2, "x", 4*time.Second)
	require.Equal(t, http.StatusRequestTimeout, code, "it stalls in the middle")
	require.Equal(t, bodyGrace, took)

	code, _ = trickle(t, 2, "x", 2*time.Second)
	require.Equal(t, http.StatusOK, code, "a short body may take its time")
}

// serveBodies returns a handler whose requests take the memory of their bodies from b.
func serveBodies(b *Bodies, source string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { b.Serve(w, r, source, next) })
}
