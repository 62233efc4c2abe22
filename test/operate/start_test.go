package operate

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// oneWorkflow is a workflow with a queue, whose messages nobody reads.
const oneWorkflow = `
channels: {log: {log: {}}}
targets: {stepfunctions: {stepfunctions: {}}}
workflows:
  orders:
    requests: {sqs: {queue: orders}}
    approvers: [ann@example.com]
    notify: [log]
    callback: {retry: {base: 50ms, cap: 1s}}
`

// A worker that starts while SQS is out of reach, hangs or lacks its queue serves everything else, says what it lacks, and
// takes the messages when the queue is there.
func TestStartWithoutQueues(t *testing.T) {
	t.Parallel()
	for name, endpoint := range map[string]func(*testing.T, *world) string{
		"refused": func(t *testing.T, _ *world) string { return "http://" + freeAddress(t) },
		"hangs":   func(t *testing.T, _ *world) string { return silentServer(t) },
		"missing": func(_ *testing.T, w *world) string { return w.aws.URL() },
		"no name": func(*testing.T, *world) string { return "http://queue.invalid" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			settings := fmt.Sprintf("\naws: {region: us-east-1, endpoint: %q}", endpoint(t, w)) +
				strings.Replace(oneWorkflow, "{stepfunctions: {}}", fmt.Sprintf("{stepfunctions: {endpoint: %q}}", w.aws.URL()), 1)
			k := w.start(t, w.config(t, settings))
			status, _ := httpDo(t, "GET", "http://"+k.public+"/healthz", "")
			require.Equal(t, http.StatusOK, status)
			token := w.ask(t, k, "orders", "A-1", time.Hour, 0)
			k.decide(t, "A-1")
			await(t, "the workflow is answered", func() bool { return w.task(t, token).Effective == 1 })
		})
	}
}

// silentServer accepts connections and never answers.
func silentServer(t *testing.T) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = c.Close() })
		}
	}()
	return "http://" + l.Addr().String()
}

// A worker without the keys of its store, or with those of another, does not start, and tells why. With the right keys it
// starts again.
func TestStartWithWrongKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.config(t, oneWorkflow)
	k := w.start(t, c)
	token := w.ask(t, k, "orders", "A-1", time.Hour, 0)
	k.kill()
	other := newWorld(t)
	other.start(t, other.config(t, oneWorkflow)).kill()

	keys := filepath.Join(w.dir, "keys")
	right, err := os.ReadFile(keys)
	require.NoError(t, err)
	foreign, err := os.ReadFile(filepath.Join(other.dir, "keys"))
	require.NoError(t, err)
	requireRefused := func(text string) {
		t.Helper()
		wrong := w.launch(t, program(t, "plain"), c)
		require.Error(t, wrong.awaitEnd(t))
		require.Contains(t, wrong.logs.String(), text)
	}
	require.NoError(t, os.WriteFile(keys, foreign, 0o600))
	requireRefused("restore the keys that belong to this store")
	require.NoError(t, os.Remove(keys))
	requireRefused("are missing: restore them")

	require.NoError(t, os.WriteFile(keys, right, 0o600))
	k = w.start(t, c)
	k.decide(t, "A-1")
	await(t, "the workflow is answered", func() bool { return w.task(t, token).Effective == 1 })
}
