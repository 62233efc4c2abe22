package router

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
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

// The orders that an earlier process held are advanced soon after their workflow is resumed, or soon after the start if it
// was resumed while no process ran. Those that wait for their reminder are left alone, and so are those of a workflow that
// is still paused.
func TestHeldByAnEarlierProcess(t *testing.T) {
	t.Parallel()
	for _, resumedBefore := range []bool{false, true} {
		t.Run(fmt.Sprint("resumed before the start: ", resumedBefore), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const orders = 3 * maxResumed
				var paused atomic.Bool
				paused.Store(true)
				isPaused := func(workflow string) bool { return workflow == "refunds" || paused.Load() }
				records := &counted{Store: memory.New()}
				for i := range orders {
					askByMail(t, records.Store, fmt.Sprint("o", i), "orders")
				}
				askByMail(t, records.Store, "refund", "refunds")
				_, stop := startPaused(t, records, orders, isPaused)
				time.Sleep(3 * time.Hour) // so that the records tell to look again after ten minutes
				synctest.Wait()
				stop()
				paused.Store(!resumedBefore)
				e, stop := startPaused(t, records, orders, isPaused)
				defer stop()
				e.sweeper.DueBy = func(ctx context.Context, until time.Time) (ids []string, err error) {
					found, _, err := records.List(ctx, store.OrderQuery{Limit: 1000})
					for _, o := range found {
						if due := o.NextDue(); !due.IsZero() && !due.After(until) {
							ids = append(ids, o.ID)
						}
					}
					return ids, err
				}
				e.sweeper.AwaitHeld(t.Context())
				if !resumedBefore {
					require.Empty(t, e.order)
					paused.Store(false)
				}
				time.Sleep(2 * time.Second)
				synctest.Wait()
				require.Len(t, e.order, orders)
				require.Equal(t, 1, e.waiting[approval.ActionNotify], "the refund")
				e.endAll()
				synctest.Wait()
			})
		})
	}
}

// askByMail stores an order whose approver is told by mail.
func askByMail(t *testing.T, records *memory.Store, orderID, workflow string) {
	t.Helper()
	ask(t, records, orderID, time.Now().Add(30*24*time.Hour), func(r *approval.Request) {
		r.Workflow = workflow
		r.Channels = []string{"mail"}
		r.NotificationRetry = r.CallbackRetry
		r.Approvers = []approval.Approver{{ID: "ann", Nonce: "n"}}
	})
}

// startPaused starts a process on these records.
func startPaused(t *testing.T, records *counted, orders int, isPaused func(string) bool) (e *engine, stop func()) {
	t.Helper()
	e = &engine{watcher: newWatcher(), store: records, running: map[string]func(){}}
	e.dispatcher = NewDispatcher(Limits{Concurrency: slotsOf(2 * orders), PerURLTarget: 1, IsPaused: isPaused}, e.watcher, e.logger())
	e.sweeper = newSweeper(e.store, e.watcher)
	e.sweeper.Dispatcher = e.dispatcher
	e.sweeper.Transitions = transitions(e.store.Store, e.watcher, e.dispatcher)
	e.sweeper.Transitions.Hold = e.dispatcher.Hold
	return e, e.start(t)
}
