package app

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// While the program is shutting down, each answer ends its connection, so that the client's next request goes to another
// worker. Before, connections are kept.
func TestConnectionsEndDuringTheShutdown(t *testing.T) {
	t.Parallel()
	a := &App{}
	server := httptest.NewServer(a.endConnections(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }))
	defer server.Close()
	for _, ending := range []bool{false, true} {
		a.ending.Store(ending)
		answer, err := server.Client().Get(server.URL)
		require.NoError(t, err)
		text, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, "ok", string(text))
		require.Equal(t, ending, answer.Close)
	}
}
