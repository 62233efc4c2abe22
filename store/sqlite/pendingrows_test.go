package sqlite

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store"
)

// TestRowsOfPendingApprovals opens and ends approvals of a few orders at random, several of one order at once too, and
// removes orders. After each change the tables are those of the records, and the orders are listed by their IDs.
func TestRowsOfPendingApprovals(t *testing.T) {
	t.Parallel()
	c := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now())}
	s := open(t, c)
	random := rand.New(rand.NewPCG(3, 4))
	ids := []string{"\x00", "\x01", "0", "a", "a\x00b", "\U0010ffff", "'; x", "ü", "1e3"}
	for step := range 400 {
		id := ids[random.IntN(len(ids))]
		mustUpdate(t, s, id, func(o *approval.Order) error {
			for range 1 + random.IntN(2) {
				changeAtRandom(o, random, fmt.Sprint(step, random.Int()))
			}
			return nil
		})
		requirePendingRows(t, s, ids)
		if step%100 == 50 {
			require.NoError(t, s.Close())
			if step > 200 {
				execute(t, c.Path, beforeJoin)
			}
			s = open(t, c)
		}
	}
}

// changeAtRandom requests an approval, ends some, or removes all.
func changeAtRandom(o *approval.Order, random *rand.Rand, token string) {
	pending := slices.DeleteFunc(slices.Clone(o.Approvals), func(a *approval.Approval) bool { return a.Status != approval.Pending })
	switch n := random.IntN(10); {
	case n < 5 && len(pending) < 4:
		a := &approval.Approval{Status: approval.Pending, RequestedAt: startTime.Add(time.Duration(random.IntN(5)-2) * time.Hour)}
		a.ID, a.Workflow, a.Token = "id "+token, []string{"", "v", "\x00", "1"}[random.IntN(4)], approval.NewToken(token)
		o.Approvals = append(o.Approvals, a)
	case n < 9:
		for _, a := range pending[:random.IntN(len(pending)+1)] {
			a.Status = approval.Cancelled
		}
	default:
		o.Approvals = nil
	}
}

func requirePendingRows(t *testing.T, s *Store, ids []string) {
	t.Helper()
	require.NoError(t, s.CheckRecords(t.Context(), false, func(f store.Fault) { t.Error(f.Text) }))
	var want, got []string
	for _, id := range slices.Sorted(slices.Values(ids)) {
		if o, err := s.Get(t.Context(), id); err == nil && len(o.PendingApprovals()) > 0 {
			want = append(want, id)
		}
	}
	query := store.OrderQuery{State: store.StatePending, Limit: 2}
	for {
		orders, next, err := s.List(t.Context(), query)
		require.NoError(t, err)
		for _, o := range orders {
			got = append(got, o.ID)
		}
		if next == "" {
			break
		}
		query.After = next
	}
	require.Equal(t, want, got)
}
