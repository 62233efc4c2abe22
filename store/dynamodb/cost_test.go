package dynamodb

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// meter adds up the calls, and the capacity units that DynamoDB reports.
type meter struct {
	mu   sync.Mutex
	used cost
}

// add adds a call that was observed.
func (m *meter) add(call Call) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used.calls++
	m.used.read += call.Read
	m.used.write += call.Written
}

func (m *meter) take() cost {
	m.mu.Lock()
	defer m.mu.Unlock()
	used := m.used
	m.used = cost{}
	return used
}

// metered is a store whose calls and units are counted, without the costs of a worker itself.
type metered struct {
	t     *testing.T
	s     *Store
	m     *meter
	now   time.Time
	total cost
}

// cost is a number of calls and their units.
type cost struct{ calls, read, write float64 }

func (c cost) String() string {
	return fmt.Sprintf("%.2f calls, %.2f read, %.2f written", c.calls, c.read, c.write)
}

func newMetered(t *testing.T) *metered {
	t.Helper()
	m := &meter{}
	s := open(t, Config{ObserveCall: m.add})
	f := &metered{t: t, s: s, m: m, now: startTime}
	s.upkeep.recount.beganAt, s.upkeep.foldedAt = time.Now(), time.Now()
	_, err := s.Claim(t.Context(), startTime, 10, time.Second)
	require.NoError(t, err)
	m.take()
	return f
}

// measure returns what f costs.
func (f *metered) measure(name string, call func()) cost {
	f.m.take()
	call()
	c := f.m.take()
	f.total = cost{f.total.calls + c.calls, f.total.read + c.read, f.total.write + c.write}
	f.t.Logf("%s: %s", name, c)
	return c
}

// step updates an order, and returns the actions that have begun.
func (f *metered) step(
	name, orderID string, transition func(o *approval.Order, env approval.Environment) []approval.Action,
) (actions []approval.Action) {
	f.t.Helper()
	ctx := f.t.Context()
	if name == "request" {
		ctx = store.ExpectNew(ctx)
	}
	f.measure(name, func() {
		require.NoError(f.t, f.s.Update(ctx, orderID, func(o *approval.Order) error {
			actions = transition(o, approval.Environment{Now: f.now, Lease: 30 * time.Second})
			return nil
		}))
		if len(actions) > 0 { // for the call
			_, err := f.s.GetRecent(f.t.Context(), orderID)
			require.NoError(f.t, err)
		}
	})
	f.now = f.now.Add(time.Second)
	return actions
}

// claim claims the orders that are due after a time.
func (f *metered) claim(name string, wait time.Duration) []string {
	f.t.Helper()
	f.now = f.now.Add(wait)
	var ids []string
	f.measure(name, func() {
		f.s.scans.began = time.Time{}
		var err error
		ids, err = f.s.Claim(f.t.Context(), f.now, 100, time.Second)
		require.NoError(f.t, err)
		f.s.upkeep.group.Wait()
	})
	return ids
}

// costRequest is the request of docs/sizing.md: one approver, and a token of 700 characters.
func costRequest() approval.Request {
	return approval.Request{
		Token:     approval.NewToken(string(randomText(700))),
		Target:    "stepfunctions",
		Workflow:  "orders",
		Policy:    approval.Policy{Kind: approval.PolicyAny},
		Approvers: []approval.Approver{{ID: "ann@example.com", Nonce: "0123456789abcdef"}},
		Channels:  []string{"mail"},
		Title:     "Order 0001",
		Details:   []approval.Field{{Name: "total", Value: "1200"}},
		Deadline:  startTime.Add(time.Hour),
		Retention: 24 * time.Hour,
	}
}

// request adds the request, changed by f.
func (f *metered) request(orderID string, change func(*approval.Request)) []approval.Action {
	f.t.Helper()
	return f.step("request", orderID, func(o *approval.Order, env approval.Environment) []approval.Action {
		r := costRequest()
		change(&r)
		_, actions, err := o.AddRequest(r, env)
		require.NoError(f.t, err)
		return actions
	})
}

// notified records that a notification was sent.
func (f *metered) notified(orderID string, action approval.Action) {
	f.t.Helper()
	f.step("notified", orderID, func(o *approval.Order, env approval.Environment) []approval.Action {
		o.RecordNotificationResult(action, approval.Result{Kind: approval.ResultOK}, env)
		return nil
	})
}

// advanced advances an order.
func (f *metered) advanced(name, orderID string) []approval.Action {
	f.t.Helper()
	return f.step(name, orderID, func(o *approval.Order, env approval.Environment) []approval.Action { return o.Advance(env) })
}

// TestCost checks the calls and the capacity units of an approval in docs/sizing.md, from the request to the removal.
func TestCost(t *testing.T) {
	t.Parallel()
	f := newMetered(t)
	const id = "order-0001"
	actions := f.request(id, func(*approval.Request) {})
	require.Len(t, actions, 1)
	f.notified(id, actions[0])
	before := f.total
	actions = f.step("decided", id, func(o *approval.Order, env approval.Environment) []approval.Action {
		_, actions, err := o.Decide(approval.Decision{
			ID:      "d",
			Via:     approval.ViaAPI,
			Source:  "api",
			By:      "ann@example.com",
			Outcome: approval.Approve,
		}, approval.UnmatchedRetention{}, env)
		require.NoError(t, err)
		return actions
	})
	require.Len(t, actions, 1)
	require.LessOrEqual(t, f.total.calls-before.calls, 2.0, "calls from the decision to the callback")
	f.step("answered", id, func(o *approval.Order, env approval.Environment) []approval.Action {
		o.RecordCallbackResult(actions[0], approval.Result{Kind: approval.ResultOK}, env)
		return nil
	})
	require.LessOrEqual(t, f.total.calls, 4.0, "calls from the request to the answer")
	require.Zero(t, f.total.read, "units read from the request to the answer")

	require.Empty(t, f.claim("scan", 2*time.Hour), "the token was erased with the answer")
	require.Empty(t, f.claim("removed", 48*time.Hour))
	t.Logf("in all: %s", f.total)
	_, err := f.s.Get(t.Context(), id)
	require.ErrorIs(t, err, approval.ErrNotFound)
	require.LessOrEqual(t, f.total.write, 24.0)
	scans := 2 * 0.5 // each is shared by hundreds of orders
	require.LessOrEqual(t, f.total.read-scans, 1.0)
}

// TestCostOfAReminder checks what a reminder costs: its begin, which is a claim too, and its end.
func TestCostOfAReminder(t *testing.T) {
	t.Parallel()
	f := newMetered(t)
	const id = "order-0001"
	actions := f.request(id, func(r *approval.Request) {
		r.Deadline = startTime.Add(24 * time.Hour)
		for i := range 5 {
			r.Reminders = append(r.Reminders, startTime.Add(time.Duration(i+1)*time.Hour))
		}
	})
	f.notified(id, actions[0])
	f.total = cost{}
	const reminders = 5
	for range reminders {
		require.Equal(t, []string{id}, f.claim("scan", time.Hour))
		actions := f.advanced("reminder", id)
		require.Len(t, actions, 1)
		f.notified(id, actions[0])
	}
	require.LessOrEqual(t, f.total.write/reminders, 10.0)
	require.LessOrEqual(t, f.total.read/reminders, 1.0)
}

// TestCostOfADeadLetter checks what a dead letter costs until it is deleted.
func TestCostOfADeadLetter(t *testing.T) {
	t.Parallel()
	f := newMetered(t)
	var id string
	put := f.measure("put", func() {
		var err error
		id, err = f.s.PutDeadLetter(t.Context(), store.DeadLetter{Source: "s", Body: randomText(1000), At: startTime})
		require.NoError(t, err)
	})
	require.LessOrEqual(t, put.write, 4.0)
	require.LessOrEqual(t, put.calls, 3.0)
	deleted := f.measure("deleted", func() { require.NoError(t, f.s.DeleteDeadLetter(t.Context(), id)) })
	require.LessOrEqual(t, deleted.write, 3.0)
	require.LessOrEqual(t, deleted.read, 1.0)
}

// randomText returns a text that is as incompressible as a task token.
func randomText(n int) []byte {
	b := randomBytes(n)
	for i := range b {
		b[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[b[i]&63]
	}
	return b
}

// TestCostOfAHeartbeat checks the capacity units of a heartbeat in docs/sizing.md. A heartbeat that the target accepts
// stores nothing beside the time of the next one.
func TestCostOfAHeartbeat(t *testing.T) {
	t.Parallel()
	f := newMetered(t)
	const id, interval = "order-0001", 4 * time.Minute
	actions := f.request(id, func(r *approval.Request) {
		r.Deadline = startTime.Add(24 * time.Hour)
		r.HeartbeatInterval = interval
	})
	f.notified(id, actions[0])
	f.total = cost{}
	const heartbeats = 5
	for range heartbeats {
		f.claim("scan", interval)
		for _, action := range f.advanced("heartbeat", id) {
			o, err := f.s.GetRecent(t.Context(), id)
			require.NoError(t, err)
			require.True(t, o.HeartbeatChangesNothing(action, approval.Result{Kind: approval.ResultOK}))
		}
	}
	require.LessOrEqual(t, f.total.write/heartbeats, 4.0)
	require.LessOrEqual(t, f.total.read/heartbeats, 1.0)
}
