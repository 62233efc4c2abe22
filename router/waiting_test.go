package router

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/store/memory"
)

// engine is a sweeper with a dispatcher, over a store in memory. Its actions end when the test says so.
type engine struct {
	*watcher
	store      *counted
	dispatcher *Dispatcher
	sweeper    *Sweeper

	mu      sync.Mutex
	running map[string]func() // the end of each action, by order
	now     int               // actions that run
	most    int               // actions that ran at the same time
	order   []string          // the orders of the actions, as they began
}

// newEngine returns an engine with so many slots for each output. Run it with start.
func newEngine(t *testing.T, slots int) *engine {
	t.Helper()
	e := &engine{watcher: newWatcher(), store: &counted{Store: memory.New()}, running: map[string]func(){}}
	e.dispatcher = newDispatcher(e.watcher, slots)
	e.sweeper = newSweeper(e.store, e.watcher)
	e.sweeper.Dispatcher = e.dispatcher
	e.sweeper.Transitions = transitions(e.store.Store, e.watcher, e.dispatcher)
	return e
}

// start runs the engine for the rest of the bubble.
func (e *engine) start(t *testing.T) (stop func()) {
	t.Helper()
	r, err := message.NewRouter(message.RouterConfig{}, nil)
	require.NoError(t, err)
	for _, topic := range []string{TopicNotifications, TopicCallbacks} {
		r.AddConsumerHandler(topic, topic, e.dispatcher, e.carryOut).
			AddMiddleware(e.dispatcher.releaseCapacity, recoverPanics)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var parts sync.WaitGroup
	parts.Go(func() { _ = r.Run(ctx) })
	<-r.Running()
	parts.Go(func() { _ = e.sweeper.Run(ctx) })
	return func() {
		cancel()
		e.endAll()
		parts.Wait()
	}
}

// carryOut holds an action until it is ended, and records that it succeeded. Every third action panics in the end.
func (e *engine) carryOut(msg *message.Message) error {
	m, _ := handlers.ActionOf(msg.Context())
	end := make(chan struct{})
	e.mu.Lock()
	e.now++
	e.most = max(e.most, e.now)
	n := len(e.order)
	e.order = append(e.order, m.OrderID)
	e.running[fmt.Sprint(m.OrderID, m.Notification)] = sync.OnceFunc(func() { close(end) })
	e.mu.Unlock()
	<-end
	e.mu.Lock()
	e.now--
	e.mu.Unlock()
	record := func(o *approval.Order, env approval.Environment) ([]approval.Action, error) {
		if m.Kind == approval.ActionNotify {
			return o.RecordNotificationResult(m, approval.Result{Kind: approval.ResultOK}, env), nil
		}
		return o.RecordCallbackResult(m, approval.Result{Kind: approval.ResultOK}, env), nil
	}
	if err := e.sweeper.Transitions.Run(context.WithoutCancel(msg.Context()), m.OrderID, record); err != nil {
		return err
	}
	if n%3 == 2 {
		panic("odd")
	}
	return nil
}

// end ends a single action, any of those that run. It reports whether there was one.
func (e *engine) end() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for key, end := range e.running {
		delete(e.running, key)
		end()
		return true
	}
	return false
}

func (e *engine) endAll() {
	for e.end() {
		continue
	}
}

// The actions under way of one channel are never more than its limit, although many orders with many approvers are due
// at once; and each is carried out as soon as a slot is free, without a pause.
func TestBoundOfASlowChannel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const slots, orders, people = 8, 30, 20
		e := newEngine(t, slots)
		for i := range orders {
			ask(t, e.store.Store, fmt.Sprint("o", i), time.Now().Add(time.Hour), func(r *approval.Request) {
				r.Channels = []string{"mail"}
				r.NotificationRetry = r.CallbackRetry
				for j := range people {
					r.Approvers = append(r.Approvers, approval.Approver{ID: fmt.Sprint("p", j), Nonce: "n"})
				}
			})
		}
		stop := e.start(t)
		time.Sleep(2 * time.Second) // a sweep
		synctest.Wait()
		began := time.Now()
		for done := range orders * people {
			require.Len(t, e.running, min(slots, orders*people-done), "a free slot is used at once")
			require.True(t, e.end())
			synctest.Wait()
		}
		require.Equal(t, began, time.Now(), "nothing waited for a sweep")
		require.Equal(t, slots, e.most)
		require.Equal(t, slots, e.watcher.most)
		require.Zero(t, e.watcher.running[approval.ActionNotify])
		require.Zero(t, e.waiting[approval.ActionNotify])
		for i := range orders {
			for _, n := range get(t, e.store.Store, fmt.Sprint("o", i)).Approvals[0].Notifications {
				require.Equal(t, approval.NotificationSent, n.State)
				require.Equal(t, 1, n.Attempts)
			}
		}
		stop()
	})
}

// An order that waits for capacity is not claimed again before its lease has ended, stores nothing while it waits, and is
// advanced when something else of it is due.
func TestAnOrderThatWaitsForCapacity(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, 1)
		stored := &stores{Store: e.store.Store}
		e.sweeper.Transitions.Orders = stored
		ask(t, e.store.Store, "running", time.Now().Add(time.Second))
		ask(t, e.store.Store, "waits", time.Now().Add(2*time.Second))
		ask(t, e.store.Store, "waits", time.Now().Add(7*time.Second), func(r *approval.Request) {
			r.Step = "other"
			r.Token = approval.NewToken("other")
		})
		stop := e.start(t)
		time.Sleep(5500 * time.Millisecond)
		synctest.Wait()
		require.Equal(t, []string{"running"}, e.order)
		require.Equal(t, 1, e.waiting[approval.ActionCallback])
		require.EqualValues(t, 2, stored.n.Load(), "each timed out; what finds no capacity stores nothing")
		waits := get(t, e.store.Store, "waits")
		require.Equal(t, approval.TimedOut, waits.Approvals[0].Status)
		require.Zero(t, waits.Approvals[0].Callback.Attempts)
		require.Equal(t, approval.Pending, waits.Approvals[1].Status)

		time.Sleep(2500 * time.Millisecond)
		synctest.Wait()
		require.Equal(t, approval.TimedOut, get(t, e.store.Store, "waits").Approvals[1].Status, "at its own time")
		require.Equal(t, 1, e.waiting[approval.ActionCallback], "an order waits once")
		require.True(t, e.end())
		synctest.Wait()
		require.Equal(t, []string{"running", "waits"}, e.order)
		require.True(t, e.end())
		synctest.Wait()
		require.Equal(t, []string{"running", "waits", "waits"}, e.order)
		stop()
	})
}

// If the process that an order waits in dies, another one finds the order when the lease of the claim has ended.
func TestWhatWaitsInADeadProcessIsFoundByAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dead := newEngine(t, 1)
		ask(t, dead.store.Store, "running", time.Now().Add(time.Second))
		ask(t, dead.store.Store, "waits", time.Now().Add(2*time.Second))
		stop := dead.start(t)
		time.Sleep(4 * time.Second)
		synctest.Wait()
		require.Equal(t, 1, dead.waiting[approval.ActionCallback])
		stop()

		other := newEngine(t, 1)
		other.store.Store = dead.store.Store
		other.sweeper.Transitions.Orders = dead.store.Store
		stop = other.start(t)
		time.Sleep(dead.sweeper.Lease + time.Second)
		synctest.Wait()
		require.Equal(t, []string{"waits"}, other.order)
		stop()
	})
}

// slowOrder is a store that is slow for some orders: the partition of a table that is throttled.
type slowOrder struct {
	*memory.Store
	isSlow func(orderID string) bool
	wait   time.Duration
}

func (s *slowOrder) Update(ctx context.Context, id string, f func(*approval.Order) error) error {
	if s.isSlow(id) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(s.wait):
		}
	}
	return s.Store.Update(ctx, id, f)
}

func (s *slowOrder) UpdateUnsynced(ctx context.Context, orderID string, f func(*approval.Order) error) error {
	return s.Update(ctx, orderID, f)
}

// Orders that the store is slow for delay no other order, be they more than are advanced at once.
func TestSlowOrdersDelayNoOther(t *testing.T) {
	t.Parallel()
	for _, slow := range []int{1, 9, 10, 200} {
		synctest.Test(t, func(t *testing.T) {
			c, w := &counted{Store: memory.New()}, newWatcher()
			for i := range slow {
				ask(t, c.Store, fmt.Sprint("slow", i), time.Now().Add(time.Second))
			}
			ask(t, c.Store, "other", time.Now().Add(2*time.Second))
			s := newSweeper(c, w)
			s.Transitions.Orders = &slowOrder{
				Store:  c.Store,
				isSlow: func(id string) bool { return id != "other" },
				wait:   25 * time.Second,
			}
			late := time.Duration(slow*5/4/s.Batch+3) * time.Second
			sweep(t, s, 2*time.Second+late)
			require.Equal(t, approval.TimedOut, get(t, c.Store, "other").Approvals[0].Status, "%d slow orders", slow)
		})
	}
}

// An order that waits for one channel is advanced for anything else that becomes due, also if another process made it
// due: then the claim of the sweeper finds it.
func TestAnOrderThatWaitsIsAdvancedForWhatOthersMadeDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, 1)
		stop := e.start(t)
		for _, id := range []string{"running", "waits"} {
			ask(t, e.store.Store, id, time.Now().Add(time.Hour), func(r *approval.Request) {
				r.Channels = []string{"mail"}
				r.NotificationRetry = r.CallbackRetry
			})
			time.Sleep(2 * time.Second)
		}
		synctest.Wait()
		require.Equal(t, 1, e.waiting[approval.ActionNotify])
		require.NoError(t, e.store.Update(t.Context(), "waits", func(o *approval.Order) error { // by another process
			o.Cancel(o.Approvals[0].ID, "ann", "", approval.Environment{Now: time.Now()})
			return nil
		}))
		time.Sleep(e.sweeper.Lease + 2*time.Second)
		synctest.Wait()
		stop()
		require.Equal(t, []string{"running", "waits"}, e.order, "its callback")
	})
}
