package app

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/refusal"
)

// Requests that net/http answers by itself are listed. Good requests are not, nor are connections without a request.
func TestUnreadRequests(t *testing.T) {
	t.Parallel()
	recorded := make(refusalChannel, 10)
	served := make(chan string, 10)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { served <- r.URL.Path }))
	server.Config.MaxHeaderBytes = 4 << 10
	server.Config.ReadHeaderTimeout = 3 * time.Second // longer than a busy machine takes to send a request
	unread := &unreadRequests{source: "public", refusals: recorded}
	unread.attach(server.Config)
	server.Start()
	t.Cleanup(server.Close)

	for name, c := range map[string]struct {
		sent, answer string
		refused      bool
	}{
		"nothing":           {"", "", false},
		"large headers":     {"GET / HTTP/1.1\r\nHost: relay\r\nCookie: " + strings.Repeat("x", 20<<10) + "\r\n\r\n", "431", true},
		"not HTTP":          {"HELLO\r\n\r\n", "400", true},
		"half of a request": {"GET / HTTP/1.1\r\nHost:", "", true},
		"good":              {"GET /good HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n", "200", false},
	} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String()) //nolint:noctx // of a test
		require.NoError(t, err)
		_, err = io.WriteString(conn, c.sent)
		require.NoError(t, err, name)
		if c.sent == "" {
			require.NoError(t, conn.Close())
			continue
		}
		line, _ := bufio.NewReader(conn).ReadString('\n')
		require.Contains(t, line, c.answer, name)
		_, _ = io.Copy(io.Discard, conn) // until the server has closed the connection
		require.NoError(t, conn.Close())
		if !c.refused {
			continue
		}
		got := <-recorded
		require.Equal(t, refusal.Incomplete, got.Code, name)
		require.Equal(t, "127.0.0.1", got.Remote, name)
		require.Contains(t, got.Detail, "larger than 16 KiB")
	}
	server.Close() // it waits for its connections
	require.Empty(t, recorded)
	require.Len(t, served, 1)
}
