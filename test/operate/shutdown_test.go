package operate

import (
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// After SIGTERM the worker is not ready at once, and serves both addresses for the delay. Then it ends. A second SIGTERM
// ends the delay.
func TestShutdownDelay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.aws.SQS.CreateQueue("orders")
	k := w.start(t, w.config(t, oneWorkflow+"shutdown: {delay: 10m}\n"))
	k.terminate(t)
	await(t, "it is not ready", func() bool {
		status, _ := k.readiness(t)
		return status == http.StatusServiceUnavailable
	})
	stays(t, 3*time.Second, "it serves", func() bool {
		status, _ := httpDo(t, "GET", "http://"+k.public+"/healthz", "")
		return status == http.StatusOK && k.metric(t, "approval_relay_clock_uncertain") != ""
	})
	w.ask(t, k, "orders", "A-1", time.Hour, 0)
	require.NoError(t, k.cmd.Process.Signal(syscall.SIGTERM), "a second one ends the delay")
	require.NoError(t, k.awaitEnd(t))

	k = w.start(t, w.config(t, oneWorkflow+"shutdown: {delay: 1s}\n"))
	k.terminate(t)
	require.NoError(t, k.awaitEnd(t))
}
