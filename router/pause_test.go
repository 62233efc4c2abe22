package router

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store/memory"
)

// The notifications of a paused workflow wait without being looked for all the time, those of another are sent, and all
// are sent soon after the pause.
func TestPausedWorkflow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const orders = 3 * maxResumed
		var paused atomic.Bool
		paused.Store(true)
		isPaused := func(workflow string) bool { return workflow == "orders" && paused.Load() }
		e := &engine{watcher: newWatcher(), store: &counted{Store: memory.New()}, running: map[string]func(){}}
		e.dispatcher = NewDispatcher(Limits{PerOutput: 2 * orders, PerURLTarget: 1, PerHost: 1, IsPaused: isPaused}, e.watcher, e.logger())
		e.sweeper = newSweeper(e.store, e.watcher)
		e.sweeper.Dispatcher = e.dispatcher
		e.sweeper.Transitions = transitions(e.store.Store, e.watcher, e.dispatcher)
		e.sweeper.Transitions.Hold = e.dispatcher.Hold
		channel := func(r *approval.Request) {
			r.Channels = []string{"mail"}
			r.NotificationRetry = r.CallbackRetry
			r.Approvers = []approval.Approver{{ID: "ann", Nonce: "n"}}
		}
		for i := range orders {
			ask(t, e.store.Store, fmt.Sprint("o", i), time.Now().Add(30*24*time.Hour), channel)
		}
		ask(t, e.store.Store, "refund", time.Now().Add(30*24*time.Hour), channel, func(r *approval.Request) { r.Workflow = "refunds" })
		stop := e.start(t)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.Equal(t, []string{"refund"}, e.order[:1])
		e.endAll()
		synctest.Wait()
		sent := len(e.order)
		require.Equal(t, orders, e.waiting[approval.ActionNotify], "they wait")

		time.Sleep(2 * time.Hour)
		synctest.Wait()
		require.Len(t, e.order, sent)
		paused.Store(false)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		resumed, waiting := len(e.order)-sent, e.waiting[approval.ActionNotify]
		e.endAll()
		synctest.Wait()
		stop()
		require.Equal(t, orders, resumed)
		require.Zero(t, waiting)
	})
}
