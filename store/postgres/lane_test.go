package postgres

import (
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
)

// TestSlowTransactionDelaysNoOther keeps a transaction waiting for a lock. Updates of other orders are stored meanwhile, and
// those of the same order after it.
func TestSlowTransactionDelaysNoOther(t *testing.T) {
	t.Parallel()
	c := newConfig(t)
	c.Connections = 8 // two lanes
	s := open(t, c)
	require.NoError(t, s.Update(t.Context(), "slow", addVote("1")))
	tx, err := s.pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), s.sql("SELECT id FROM relay.orders WHERE id = 'slow' FOR UPDATE"))
	require.NoError(t, err)
	begun := make(chan struct{})
	var once sync.Once
	var group sync.WaitGroup
	group.Go(func() {
		assert.NoError(t, s.Update(t.Context(), "slow", func(o *approval.Order) error {
			once.Do(func() { close(begun) })
			return addVote("2")(o)
		}))
	})
	<-begun
	group.Go(func() { assert.NoError(t, s.Update(t.Context(), "slow", addVote("3"))) })
	for range 3 {
		require.NoError(t, s.Update(t.Context(), "quick", addVote("v")))
	}
	require.Equal(t, 3, countVotes(t, s, "quick"))
	require.Equal(t, 1, countVotes(t, s, "slow"))
	require.NoError(t, tx.Commit(t.Context()))
	group.Wait()
	require.Equal(t, 3, countVotes(t, s, "slow"))
}

// TestUpdatesOfAnOrderShareAWrite stores several updates of an order in a batch: each of them sees those before it, and one
// that fails changes nothing.
func TestUpdatesOfAnOrderShareAWrite(t *testing.T) {
	t.Parallel()
	errRefused := errors.New("refused")
	var commits []Commit
	c := newConfig(t)
	c.Observe = func(c Commit) { commits = append(commits, c) }
	s := open(t, c)
	l := &lane{lanes: s.lanes}
	b := &batch{lane: l, store: s}
	var updates []*update
	for _, transition := range []func(*approval.Order) error{
		addVote("1"),
		func(o *approval.Order) error { return errors.Join(addVote("refused")(o), errRefused) },
		addVote("2"),
		func(*approval.Order) error { panic("broken") },
		func(o *approval.Order) error {
			if len(o.Approvals[0].Votes) != 2 {
				return errRefused
			}
			return addVote("3")(o)
		},
	} {
		u := s.newUpdate(t.Context(), "o", transition)
		u.result = make(chan outcome, 1)
		updates = append(updates, u)
		b.add(u)
	}
	l.commit(b)
	for i, u := range updates {
		out := <-u.result
		require.Equal(t, i == 1, errors.Is(out.err, errRefused), i)
		require.Equal(t, i == 3, out.panicked != nil, i)
	}
	require.Equal(t, 3, countVotes(t, s, "o"))
	row := s.lanes.recent.find("o")
	require.Empty(t, row.earlier, "a single write")
	require.Len(t, commits, 1)
	require.Equal(t, len(updates), commits[0].Updates)
	require.NoError(t, s.CheckRecords(t.Context(), false, failOnFault(t)))
}
