package operate

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A copy of a worker's store, taken by the command while requests come in, is sound. A worker on the restored file has all
// that was stored before the copy, and answers.
func TestBackupOfARunningWorker(t *testing.T) {
	t.Parallel()
	const orders = 300
	w := newWorld(t)
	w.aws.SQS.CreateQueue("orders")
	c := w.config(t, oneWorkflow)
	k := w.start(t, c)
	first := w.ask(t, k, "orders", "before-1", time.Hour, 0)
	var group sync.WaitGroup
	for part := range 4 {
		group.Go(func() {
			for i := range orders / 4 {
				token := w.aws.StepFunctions.OpenTask(time.Hour, 0)
				httpDo(t, "POST", "http://"+k.operator+"/v1/requests?workflow=orders", requestBody(fmt.Sprintf("during-%d-%d", part, i), token))
			}
		})
	}
	copied := filepath.Join(w.dir, "copy.db")
	out := k.command(t, "backup", "--to="+copied)
	require.Contains(t, out, "and sound: ")
	require.Contains(t, k.logs.String(), `"level":"WARN","msg":"a copy of the store is sent","by":"olga"`)
	group.Wait()
	after := k.command(t, "backup", "--to="+filepath.Join(w.dir, "after.db"))
	require.Contains(t, after, fmt.Sprintf("sound: %d orders, %d pending approvals, 0 dead letters", orders+1, orders+1))
	k.kill()

	keys := "--keys=" + filepath.Join(w.dir, "keys")
	restored := filepath.Join(w.dir, "restored.db")
	out = run(t, "restore", copied, "--to="+restored, keys)
	require.Contains(t, out, "the copy is sound: ")
	require.Contains(t, run(t, "store", "check", restored, keys), "restored.db is sound")
	require.Contains(t, run(t, "store", "stats", restored, keys), " pending\n")
	k = w.start(t, w.config(t, fmt.Sprintf("\nstore: {sqlite: %q}\n", restored)+oneWorkflow))
	k.decide(t, "before-1")
	await(t, "the workflow is answered", func() bool { return w.task(t, first).Effective == 1 })
	k.terminate(t)
	require.NoError(t, k.awaitEnd(t))
	stats := run(t, "store", "stats", restored, keys)
	require.Contains(t, stats, "workflow orders: 1 approved, ")
	require.Contains(t, stats, ", 0 unreadable")
}
