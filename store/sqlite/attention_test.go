package sqlite

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store"
)

// beforeAttention takes the schema of a file back to version 6.
const beforeAttention = beforeUnderWay + `; DROP TABLE owed;
	DROP INDEX orders_attention;
	ALTER TABLE orders RENAME COLUMN attention TO exhausted;
	UPDATE orders SET retrying = exhausted & 2 <> 0, exhausted = exhausted & 1;
	CREATE INDEX orders_exhausted ON orders (id) WHERE exhausted = 1;
	CREATE INDEX orders_retrying ON orders (id) WHERE retrying = 1;
	PRAGMA user_version = 6`

// TestMigrationFindsWhatNeedsAttention migrates a file of version 6, which had columns for exhausted and retrying orders
// only. The orders in the other states are found in their records, also beside a record that cannot be read.
func TestMigrationFindsWhatNeedsAttention(t *testing.T) {
	t.Parallel()
	c := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now())}
	s := open(t, c)
	for id, change := range map[string]func(*approval.Approval){
		"pending":  func(*approval.Approval) {},
		"retrying": func(a *approval.Approval) { retry(a) },
		"nobody":   func(a *approval.Approval) { a.Undeliverable = true },
		"both": func(a *approval.Approval) {
			a.Undeliverable = true
			retry(a)
		},
		"exhausted":  func(a *approval.Approval) { end(a, approval.Approved, approval.CallbackExhausted) },
		"too late":   func(a *approval.Approval) { end(a, approval.Rejected, approval.CallbackTooLate) },
		"timed out":  func(a *approval.Approval) { end(a, approval.TimedOut, approval.CallbackTooLate) },
		"cancelled":  func(a *approval.Approval) { end(a, approval.Cancelled, approval.CallbackTooLate) },
		"answered":   func(a *approval.Approval) { end(a, approval.Approved, approval.CallbackDelivered) },
		"unreadable": func(*approval.Approval) {},
		"says it": func(a *approval.Approval) {
			end(a, approval.Approved, approval.CallbackDelivered)
			a.Title = `"too_late"`
		},
	} {
		mustUpdate(t, s, id, func(o *approval.Order) error {
			if err := addRequest(o); err != nil {
				return err
			}
			o.Approvals[0].Undeliverable = false
			change(o.Approvals[0])
			return nil
		})
	}
	execute(t, c.Path, "UPDATE orders SET record = x'7b' WHERE id = CAST('unreadable' AS BLOB)")
	before, err := s.Stats(t.Context())
	require.NoError(t, err)
	require.Equal(t, []int{1, 2, 2, 2}, []int{before.Exhausted, before.Retrying, before.Undeliverable, before.Unanswered})
	want := listStates(t, s)
	require.NoError(t, s.Close())
	writeAsJSON(t, c)
	execute(t, c.Path, beforeAttention)

	s = open(t, c)
	after, err := s.Stats(t.Context())
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.Equal(t, want, listStates(t, s))
	require.Equal(t, []string{"timed out", "too late"}, want[store.StateUnanswered])
}

func retry(a *approval.Approval) {
	a.Notifications = append(a.Notifications, &approval.Notification{
		ID:        "n",
		State:     approval.NotificationPending,
		LastError: "timeout",
	})
}

func end(a *approval.Approval, status approval.Status, state approval.CallbackState) {
	a.Status = status
	a.Callback.State = state
}

// listStates returns the IDs of the orders in each state.
func listStates(t *testing.T, s *Store) map[store.State][]string {
	t.Helper()
	out := map[store.State][]string{}
	for _, state := range store.States() {
		orders, next, err := s.List(t.Context(), store.OrderQuery{State: state})
		require.NoError(t, err)
		require.Empty(t, next)
		for _, o := range orders {
			out[state] = append(out[state], o.ID)
		}
	}
	return out
}
