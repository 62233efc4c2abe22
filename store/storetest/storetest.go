// Package storetest tests the contract of store.Store. Every adapter passes the same suite, also the in-memory store,
// so that code that works with one of them works with all.
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

// Run runs the suite. The function open returns a new, empty store and closes it at the end of the test. If the store
// implements store.DeadLetters, Run tests that contract too.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, part := range []struct {
		name  string
		tests map[string]func(*testing.T, store.Store)
	}{
		{"Update", updateTests()},
		{"UpdateUnsynced", unsyncedTests()},
		{"Typed", typedTests()},
		{"IDs", idTests()},
		{"Claim", claimTests()},
		{"List", listTests()},
		{"Stats", statsTests()},
		{"DeadLetters", deadLetterTests()},
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

// RunClaims runs the tests of Claim. An adapter that finds due orders in several ways runs them for each.
func RunClaims(t *testing.T, open func(t *testing.T) store.Store) {
	for name, test := range claimTests() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// testingT is the part of *testing.T that *rapid.T has too.
type testingT interface {
	require.TestingT
	Helper()
	Context() context.Context
}

var start = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func at(d time.Duration) time.Time { return start.Add(d) }

func environmentAt(d time.Duration) approval.Environment {
	return approval.Environment{Now: at(d), Lease: time.Minute, Jitter: 0.5}
}

// newRequest returns an approval request. Before the deadline, nothing is due for it.
func newRequest(token string, deadline time.Duration, change ...func(*approval.Request)) approval.Request {
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

func inWorkflow(name string) func(*approval.Request) {
	return func(a *approval.Request) { a.Workflow = name }
}
func atStep(name string) func(*approval.Request) { return func(a *approval.Request) { a.Step = name } }

// addRequest returns a transition that adds a request.
func addRequest(a approval.Request) func(*approval.Order) error {
	return func(o *approval.Order) error {
		_, _, err := o.AddRequest(a, environmentAt(0))
		return err
	}
}

// dueAt returns a transition after which the order is due at that time: the deadline of its only approval.
func dueAt(d time.Duration) func(*approval.Order) error {
	return func(o *approval.Order) error {
		if len(o.Approvals) == 0 {
			if err := addRequest(newRequest("token of "+o.ID, time.Hour))(o); err != nil {
				return err
			}
		}
		o.Approvals[0].Deadline = at(d)
		return nil
	}
}

// addVote adds a vote to an approval, and returns the number of its votes.
func addVote(o *approval.Order) int {
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

// removeOrder is a transition that leaves the order empty.
func removeOrder(o *approval.Order) error {
	o.Approvals = nil
	o.Unmatched = nil
	return nil
}

func mustUpdate(t testingT, s store.Store, orderID string, transition func(*approval.Order) error) {
	t.Helper()
	require.NoError(t, s.Update(t.Context(), orderID, transition))
}

func mustGet(t testingT, s store.Store, orderID string) *approval.Order {
	t.Helper()
	o, err := s.Get(t.Context(), orderID)
	require.NoError(t, err)
	return o
}

func requireNotStored(t testingT, s store.Store, orderID string) {
	t.Helper()
	o, err := s.Get(t.Context(), orderID)
	require.ErrorIs(t, err, approval.ErrNotFound)
	require.Nil(t, o)
}

// encodeOrder returns everything that is stored of an order as text, with its tokens.
func encodeOrder(t testingT, o *approval.Order) string {
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

// listAll returns all orders that the query selects. It reads them page by page.
func listAll(t testingT, s store.Store, q store.OrderQuery) []*approval.Order {
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
	require.Fail(t, "the list does not end")
	return nil
}

func orderIDs(orders []*approval.Order) []string {
	out := []string{}
	for _, o := range orders {
		out = append(out, o.ID)
	}
	return out
}

// runConcurrently calls f in n goroutines and waits for them.
func runConcurrently(n int, f func(worker int)) {
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { f(i) })
	}
	group.Wait()
}
