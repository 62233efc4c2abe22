package sqlite

import (
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/storetest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, Config{}) })
}

func TestFullOrders(t *testing.T) {
	t.Parallel()
	storetest.RunFull(t, func(t *testing.T) store.Store { return open(t, Config{Limits: storetest.SmallLimits()}) })
}

// open opens a store. Missing fields of the Config get new values.
func open(t *testing.T, c Config) *Store {
	t.Helper()
	if c.Path == "" {
		c.Path = newPath(t)
	}
	if c.Sealer == nil {
		c.Sealer = keys.NewRing(time.Now())
	}
	s, err := Open(t.Context(), c)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func newPath(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "orders.db")
}

var startTime = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// addRequest adds an approval that is due in an hour.
func addRequest(o *approval.Order) error {
	_, _, err := o.AddRequest(approval.Request{
		Token:     approval.NewToken(tokenOf(o.ID)),
		Target:    "sfn",
		Workflow:  "payments",
		Policy:    approval.Policy{Kind: approval.PolicyAny},
		Deadline:  startTime.Add(time.Hour),
		Retention: time.Hour,
	}, approval.Environment{Now: startTime, Lease: time.Minute})
	return err
}

// tokenOf returns the task token of an order's approval.
func tokenOf(orderID string) string { return strings.Repeat("secret of "+orderID+". ", 10) }

// addVote adds a vote, and returns the number of votes.
func addVote(o *approval.Order) int {
	a := o.Approvals[0]
	a.Votes = append(a.Votes, approval.Vote{
		DecisionID: "d",
		Outcome:    approval.Approve,
		By:         "ann",
		Via:        approval.ViaAPI,
		At:         startTime,
	})
	return len(a.Votes)
}

// requestOrVote adds the approval of a new order, and a vote to any other order.
func requestOrVote(o *approval.Order) error {
	if o.IsEmpty() {
		return addRequest(o)
	}
	addVote(o)
	return nil
}

func mustUpdate(t *testing.T, s *Store, orderID string, transition func(*approval.Order) error) {
	t.Helper()
	require.NoError(t, s.Update(t.Context(), orderID, transition))
}

// requireOrder requires that an order has that many votes and its own token.
func requireOrder(t *testing.T, s *Store, orderID string, votes int) {
	t.Helper()
	o, err := s.Get(t.Context(), orderID)
	require.NoError(t, err)
	require.Equal(t, orderID, o.ID)
	require.Len(t, o.Approvals[0].Votes, votes)
	require.Equal(t, tokenOf(orderID), o.Approvals[0].Token.Reveal())
}

// requirePending requires that the counts have that many pending approvals, in a single workflow.
func requirePending(t *testing.T, s *Store, pending int) {
	t.Helper()
	stats, err := s.Stats(t.Context())
	require.NoError(t, err)
	require.Equal(t, pending, stats.Workflows["payments"].Pending)
}

// ledger counts the acknowledged updates by order.
type ledger struct {
	mu   sync.Mutex
	done map[string]int
}

func (l *ledger) add(orderID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done == nil {
		l.done = map[string]int{}
	}
	l.done[orderID]++
}

func (l *ledger) copy() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[string]int{}
	maps.Copy(out, l.done)
	return out
}

// requireAcknowledged requires that all acknowledged updates are stored, and at most the requested number of updates.
// The first update of an order adds its approval, each of the others a vote.
func requireAcknowledged(t *testing.T, s *Store, acknowledged map[string]int, asked int) {
	t.Helper()
	for id, n := range acknowledged {
		o, err := s.Get(t.Context(), id)
		require.NoError(t, err)
		stored := 1 + len(o.Approvals[0].Votes)
		require.GreaterOrEqual(t, stored, n, id)
		require.LessOrEqual(t, stored, asked, id)
		require.Equal(t, tokenOf(id), o.Approvals[0].Token.Reveal())
	}
	orders, _, err := s.List(t.Context(), store.OrderQuery{State: store.StatePending, Limit: 1000})
	require.NoError(t, err)
	requirePending(t, s, len(orders))
}

func orderName(i int) string { return fmt.Sprintf("order-%07d", i) }

func TestOptionalInterfaces(t *testing.T) {
	t.Parallel()
	storetest.RequireOptional(t, &Store{}, storetest.Optional{
		Prober:       true,
		OrphanLister: true,
		DueLister:    true,
		ManyGetter:   true,
		KeyRegister:  true,
		Restored:     true,
	})
}
