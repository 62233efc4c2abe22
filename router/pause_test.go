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
		e.dispatcher = NewDispatcher(Limits{Concurrency: slotsOf(2 * orders), PerURLTarget: 1, IsPaused: isPaused}, e.watcher, e.logger())
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

		before := e.store.leases()
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		require.Len(t, e.order, sent)
		require.LessOrEqual(t, e.store.leases()-before, 24*orders, "one every few minutes")
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

// A worker that was not running when the workflow was resumed finds the held orders within minutes.
func TestResumedWhileNoWorkerRan(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var paused atomic.Bool
		paused.Store(true)
		records := &counted{Store: memory.New()}
		start := func() (*engine, func()) {
			e := &engine{watcher: newWatcher(), store: records, running: map[string]func(){}}
			e.dispatcher = NewDispatcher(Limits{
				Concurrency:  slotsOf(10),
				PerURLTarget: 1,
				IsPaused:     func(string) bool { return paused.Load() },
			}, e.watcher, e.logger())
			e.sweeper = newSweeper(e.store, e.watcher)
			e.sweeper.Dispatcher = e.dispatcher
			e.sweeper.Transitions = transitions(e.store.Store, e.watcher, e.dispatcher)
			e.sweeper.Transitions.Hold = e.dispatcher.Hold
			return e, e.start(t)
		}
		ask(t, records.Store, "o1", time.Now().Add(30*24*time.Hour), func(r *approval.Request) {
			r.Channels = []string{"mail"}
			r.NotificationRetry = r.CallbackRetry
			r.Approvers = []approval.Approver{{ID: "ann", Nonce: "n"}}
		})
		_, stop := start()
		time.Sleep(3 * 24 * time.Hour)
		synctest.Wait()
		stop()
		paused.Store(false)
		e, stop := start()
		for range 11 * 60 {
			time.Sleep(time.Second)
			synctest.Wait()
			e.endAll()
		}
		synctest.Wait()
		require.Len(t, e.order, 1)
		stop()
	})
}
