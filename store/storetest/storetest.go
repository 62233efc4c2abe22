// Package storetest is the contract of store.Store as a suite. Every adapter passes it, the one in memory too: what
// runs on one runs on all.
package storetest

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// Run runs the suite. open returns a new and empty store, and has it closed when the test ends. A store that is
// store.DeadLetters too is held to that.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, part := range []struct {
		name  string
		tests map[string]func(*testing.T, store.Store)
	}{
		{"Update", updateTests()}, {"IDs", idTests()}, {"Claim", claimTests()}, {"List", listTests()}, {"Stats", statsTests()},
		{"DeadLetters", letterTests()},
	} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			for name, test := range part.tests {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					test(t, open(t))
				})
			}
		})
	}
}

// tb is what *testing.T and *rapid.T have in common.
type tb interface {
	require.TestingT
	Helper()
	Context() context.Context
}

var start = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func at(d time.Duration) time.Time { return start.Add(d) }

func turn(d time.Duration) approval.Environment {
	return approval.Environment{Now: at(d), Lease: time.Minute, Jitter: 0.5}
}

// ask asks for an approval that has nothing to do before its deadline.
func ask(token string, deadline time.Duration, change ...func(*approval.Request)) approval.Request {
	a := approval.Request{
		Token:         approval.NewToken(token),
		Target:        "sfn",
		Workflow:      "payments",
		Policy:        approval.Policy{Kind: approval.PolicyAny},
		Deadline:      at(deadline),
		Retention:     time.Hour,
		CallbackRetry: approval.RetrySchedule{Base: time.Second, Cap: time.Minute, MaxAge: time.Hour},
	}
	for _, f := range change {
		f(&a)
	}
	return a
}

func workflow(name string) func(*approval.Request) {
	return func(a *approval.Request) { a.Workflow = name }
}
func step(name string) func(*approval.Request) { return func(a *approval.Request) { a.Step = name } }

// request is the transition that records an ask.
func request(a approval.Request) func(*approval.Order) error {
	return func(o *approval.Order) error {
		_, _, err := o.AddRequest(a, turn(0))
		return err
	}
}

// dueAt is a transition after which the order is due at that time: it has one pending approval, with that deadline.
func dueAt(d time.Duration) func(*approval.Order) error {
	return func(o *approval.Order) error {
		if len(o.Approvals) == 0 {
			if err := request(ask("token of "+o.ID, time.Hour))(o); err != nil {
				return err
			}
		}
		o.Approvals[0].Deadline = at(d)
		return nil
	}
}

// vote adds a vote; it returns how many there are then.
func vote(o *approval.Order) int {
	a := o.Approvals[0]
	a.Votes = append(a.Votes, approval.Vote{
		DecisionID: "d",
		Outcome:    approval.Approve,
		By:         "ann",
		Via:        approval.ViaAPI,
		At:         start,
	})
	return len(a.Votes)
}

// forget leaves the order empty.
func forget(o *approval.Order) error {
	o.Approvals, o.Unmatched = nil, nil
	return nil
}

func update(t tb, s store.Store, orderID string, transition func(*approval.Order) error) {
	t.Helper()
	require.NoError(t, s.Update(t.Context(), orderID, transition))
}

func get(t tb, s store.Store, orderID string) *approval.Order {
	t.Helper()
	o, err := s.Get(t.Context(), orderID)
	require.NoError(t, err)
	return o
}

func requireNone(t tb, s store.Store, orderID string) {
	t.Helper()
	o, err := s.Get(t.Context(), orderID)
	require.ErrorIs(t, err, approval.ErrNotFound)
	require.Nil(t, o)
}

// text is all that is stored of an order, its tokens too.
func text(t tb, o *approval.Order) string {
	t.Helper()
	b, err := json.MarshalIndent(o, "", " ")
	require.NoError(t, err)
	var out strings.Builder
	out.WriteString(string(b))
	for _, a := range o.Approvals {
		out.WriteString("\n" + a.ID + ": " + a.Token.Reveal())
	}
	return out.String()
}

// list returns all orders that the query selects, page by page.
func list(t tb, s store.Store, q store.Query) []*approval.Order {
	t.Helper()
	var out []*approval.Order
	for range 10_000 {
		orders, next, err := s.List(t.Context(), q)
		require.NoError(t, err)
		require.LessOrEqual(t, len(orders), q.PageSize())
		out = append(out, orders...)
		if next == "" {
			return out
		}
		q.After = next
	}
	require.Fail(t, "a list without an end")
	return nil
}

func ids(orders []*approval.Order) []string {
	out := []string{}
	for _, o := range orders {
		out = append(out, o.ID)
	}
	return out
}

// together runs f in that many goroutines and waits for them.
func together(n int, f func(worker int)) {
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { f(i) })
	}
	group.Wait()
}
