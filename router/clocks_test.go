package router

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/clock"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/store/memory"
)

// slowCall is the time of a call: within the lease of an action, and so long that the other worker
// sweeps several times meanwhile.
const slowCall = 9 * time.Second

// machines are workers on one store whose clocks differ, and the calls that they made.
type machines struct {
	store *memory.Store

	mu    sync.Mutex
	calls map[string]int // attempts, by action
	under map[string]int // attempts under way
	twice []string       // actions that were begun while they were under way
}

// callOf identifies an action over its attempts.
func callOf(kind approval.ActionKind, orderID, notification string) string {
	return fmt.Sprint(kind, " ", orderID, " ", notification)
}

// begin records the begin of a call, and returns its number.
func (m *machines) begin(key string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls[key]++
	m.under[key]++
	if m.under[key] > 1 {
		m.twice = append(m.twice, key)
	}
	return m.calls[key]
}

func (m *machines) end(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.under[key]--
}

func (m *machines) ClockUncertain(bool) {}

// run runs a worker on a machine whose clock is wrong. It is corrected by the Date of the answers that it gets, unless
// there is no reference.
func (m *machines) run(ctx context.Context, t *testing.T, wrong time.Duration, hasReference bool) (stopped func()) {
	t.Helper()
	w, began := newWatcher(), time.Now()
	wall := func() time.Time { return time.Now().Add(wrong) }
	c := clock.New(clock.Config{
		Log:      slog.New(slog.DiscardHandler),
		Observer: m,
		Wall:     wall,
		Elapsed:  func() time.Duration { return time.Since(began) },
	})
	answered := func(took time.Duration) {
		if hasReference {
			c.ClockSkew(wall().Sub(time.Now().Truncate(time.Second).Add(time.Second/2)), took)
		}
	}
	answered(0) // the start asks for the time
	d := newDispatcher(w, 100)
	tr := transitions(m.store, w, d)
	tr.Now = c.Now
	s := newSweeper(&counted{Store: m.store}, w)
	s.Transitions, s.Dispatcher = tr, d
	r, err := message.NewRouter(message.RouterConfig{}, nil)
	require.NoError(t, err)
	for _, topic := range []string{TopicNotifications, TopicCallbacks} {
		r.AddConsumerHandler(topic, topic, d, func(msg *message.Message) error {
			defer answered(slowCall)
			return m.carryOut(msg, tr)
		}).AddMiddleware(d.releaseCapacity, recoverPanics)
	}
	var parts sync.WaitGroup
	parts.Go(func() { _ = r.Run(ctx) })
	<-r.Running()
	parts.Go(func() { _ = s.Run(ctx) })
	return parts.Wait
}

// carryOut makes a slow call as the handlers do. The first attempt of each action fails, so that it is due again.
func (m *machines) carryOut(msg *message.Message, tr *handlers.Transitions) error {
	a, _ := handlers.ActionOf(msg.Context())
	ctx := context.WithoutCancel(msg.Context())
	order, err := m.store.Get(ctx, a.OrderID)
	if err != nil {
		return err
	}
	key := callOf(a.Kind, a.OrderID, a.Notification)
	if a.Kind == approval.ActionNotify {
		if _, n := order.CurrentNotification(a, tr.Now()); n == nil {
			return nil
		}
	} else if _, current := order.CurrentAnswer(a, tr.Now()); !current {
		return nil
	}
	result := approval.Result{Kind: approval.ResultOK}
	if n := m.begin(key); n == 1 {
		result = approval.ResultOf(approval.NotApplied(errOdd))
	}
	time.Sleep(slowCall)
	m.end(key)
	return tr.Run(ctx, a.OrderID, func(o *approval.Order, env approval.Environment) ([]approval.Action, error) {
		switch a.Kind {
		case approval.ActionNotify:
			return o.RecordNotificationResult(a, result, env), nil
		case approval.ActionHeartbeat:
			return o.RecordHeartbeatResult(a, result, env), nil
		default:
			return o.RecordCallbackResult(a, result, env), nil
		}
	})
}

// ask stores decided approvals, whose callbacks are due, and pending ones with heartbeats and an approver to notify.
func (m *machines) ask(t *testing.T, orders int) {
	t.Helper()
	for i := range orders {
		ask(t, m.store, fmt.Sprint("pending", i), time.Now().Add(time.Hour), func(r *approval.Request) {
			r.HeartbeatInterval = time.Minute
			r.Channels = []string{"mail"}
			r.NotificationRetry = r.CallbackRetry
			r.Approvers = []approval.Approver{{ID: "ann", Nonce: "n"}}
		})
		id := fmt.Sprint("decided", i)
		ask(t, m.store, id, time.Now().Add(time.Hour))
		require.NoError(t, m.store.Update(t.Context(), id, func(o *approval.Order) error {
			d := approval.Decision{ID: "d", Outcome: approval.Approve, By: "ann", Via: approval.ViaOperator, ReceivedAt: time.Now()}
			_, _, err := o.Decide(d, approval.UnmatchedRetention{}, approval.Environment{Now: time.Now()})
			return err
		}))
	}
}

// Two workers on one store whose machines are four minutes apart begin nothing that the other has under way, and repeat
// nothing that succeeded, because the answers of AWS correct both. Nothing is late either: leases, retries and heartbeats
// mean the same to both.
//
// Without a reference they do call twice: to the machine that is ahead, the lease of the other has ended when it began. The
// test shows that as well, so that the first part can fail.
func TestWorkersWhoseClocksDiffer(t *testing.T) {
	t.Parallel()
	const orders = 20
	for name, c := range map[string]struct {
		ahead        time.Duration
		hasReference bool
	}{
		"ahead":               {240 * time.Second, true},
		"behind":              {-240 * time.Second, true},
		"a day ahead":         {24 * time.Hour, true},
		"without a reference": {240 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := &machines{store: memory.New(), calls: map[string]int{}, under: map[string]int{}}
				ctx, cancel := context.WithCancel(t.Context())
				stopFirst := m.run(ctx, t, 0, c.hasReference)
				m.ask(t, orders)
				time.Sleep(slowCall / 3) // the first calls are under way when the second worker starts
				stopSecond := m.run(ctx, t, c.ahead, c.hasReference)
				time.Sleep(10 * time.Minute)
				cancel()
				stopFirst()
				stopSecond()
				if !c.hasReference {
					require.NotEmpty(t, m.twice)
					return
				}
				require.Empty(t, m.twice)
				for i := range orders {
					a := get(t, m.store, fmt.Sprint("decided", i)).Approvals[0]
					require.Equal(t, approval.CallbackDelivered, a.Callback.State)
					require.Equal(t, 2, m.calls[callOf(approval.ActionCallback, fmt.Sprint("decided", i), "")], "one that failed, and one that succeeded")
					pending := fmt.Sprint("pending", i)
					told := get(t, m.store, pending).Approvals[0].Notifications[0]
					require.Equal(t, 2, m.calls[callOf(approval.ActionNotify, pending, told.ID)])
					beats := m.calls[callOf(approval.ActionHeartbeat, pending, "")]
					require.InDelta(t, 10, beats, 3, "a heartbeat in three quarters of a minute, to a minute")
				}
			})
		})
	}
}
