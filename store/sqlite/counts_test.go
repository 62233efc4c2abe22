package sqlite

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store"
)

// requestIn requests an approval in a workflow.
func requestIn(workflow string) func(*approval.Order) error {
	return func(o *approval.Order) error {
		_, _, err := o.AddRequest(approval.Request{
			Token: approval.NewToken(tokenOf(o.ID)), Target: "sfn", Workflow: workflow, Deadline: startTime.Add(time.Hour),
			Approvers: []approval.Approver{{ID: "ann", Nonce: "n"}}, Policy: approval.Policy{Kind: approval.PolicyAny},
		}, approval.Environment{Now: startTime})
		return err
	}
}

func cancel(o *approval.Order) error {
	o.Approvals[0].Status = approval.Cancelled
	return nil
}

// TestCountsOfANewProcess closes the file and opens it again: the counts are those of its rows.
func TestCountsOfANewProcess(t *testing.T) {
	t.Parallel()
	c := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now())}
	s := open(t, c)
	for i := range 7 {
		mustUpdate(t, s, fmt.Sprint("a", i), requestIn("a"))
	}
	mustUpdate(t, s, "b", requestIn(""))
	mustUpdate(t, s, "a0", cancel)
	require.Error(t, s.Update(t.Context(), "none", func(o *approval.Order) error {
		return errors.Join(requestIn("a")(o), errors.New("refused"))
	}))
	for range 3 {
		stats, err := s.Stats(t.Context())
		require.NoError(t, err)
		require.Equal(t, map[string]store.WorkflowStats{
			"a": {Pending: 6, Oldest: startTime.UTC()},
			"":  {Pending: 1, Oldest: startTime.UTC()},
		}, stats.Workflows)
		require.NoError(t, s.Close())
		s = open(t, c)
	}
	mustUpdate(t, s, "b", cancel)
	stats, err := s.Stats(t.Context())
	require.NoError(t, err)
	require.NotContains(t, stats.Workflows, "")
}

// TestCountsBegin changes the rows after the snapshot, which does not have the changes: the writer adds them itself.
func TestCountsBegin(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	mustUpdate(t, s, "1", requestIn("w"))
	var p pendingCounts
	require.NoError(t, p.begin(t.Context(), s.reads))
	mustUpdate(t, s, "2", requestIn("w"))
	p.changes["w"]++
	p.commit()
	got, err := p.read(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]int{"w": 2}, got)
	p.close()

	p = pendingCounts{}
	require.NoError(t, p.begin(t.Context(), s.reads))
	p.close() // it may cancel the counting, and waits for its end
	if _, err := p.read(t.Context()); err != nil {
		require.ErrorContains(t, err, "count the pending approvals")
	}
	require.NoError(t, s.Close())
	require.ErrorContains(t, new(pendingCounts).begin(t.Context(), s.reads), "count the pending approvals")
}

// TestCheckCountsAnew repairs the table of pending approvals: the counts are those of the records then.
func TestCheckCountsAnew(t *testing.T) {
	t.Parallel()
	c := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now())}
	s := open(t, c)
	mustUpdate(t, s, "1", requestIn("w"))
	mustUpdate(t, s, "2", requestIn("w"))
	require.NoError(t, s.Close())
	execute(t, c.Path, `DELETE FROM pending WHERE workflow <> 'w'; INSERT INTO pending VALUES ('w', 5, 'a'), ('v', 5, 'a')`)
	s = open(t, c)
	requireCounts := func(want map[string]int) {
		t.Helper()
		got, err := s.counts.read(t.Context())
		require.NoError(t, err)
		for workflow, n := range got {
			assert.Equal(t, want[workflow], n, workflow)
		}
		require.Equal(t, want["w"], got["w"])
	}
	requireCounts(map[string]int{"w": 3, "v": 1})
	faults := 0
	require.NoError(t, s.CheckRecords(t.Context(), true, func(store.Fault) { faults++ }))
	require.Equal(t, 1, faults)
	requireCounts(map[string]int{"w": 2})
	orders, _, err := s.List(t.Context(), store.OrderQuery{ByAge: true})
	require.NoError(t, err)
	require.Len(t, orders, 2)
	require.NoError(t, s.CheckRecords(t.Context(), true, func(f store.Fault) { t.Error(f.Text) }))
	requireCounts(map[string]int{"w": 2})
}

// TestMigrationJoinsPending upgrades a file of version 9: counts and lists are as before.
func TestMigrationJoinsPending(t *testing.T) {
	t.Parallel()
	c := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now())}
	s := open(t, c)
	for i := range 5 {
		mustUpdate(t, s, fmt.Sprint(9-i), requestIn(fmt.Sprint("w", i%2)))
	}
	mustUpdate(t, s, "9", cancel)
	read := func() (store.Stats, []*approval.Order) {
		stats, err := s.Stats(t.Context())
		require.NoError(t, err)
		orders, _, err := s.List(t.Context(), store.OrderQuery{ByAge: true})
		require.NoError(t, err)
		return stats, orders
	}
	stats, orders := read()
	require.Len(t, orders, 4)
	require.NoError(t, s.Close())
	execute(t, c.Path, beforeJoin)
	s = open(t, c)
	statsAfter, ordersAfter := read()
	require.Equal(t, stats, statsAfter)
	require.Equal(t, orders, ordersAfter)
	require.NoError(t, s.CheckRecords(t.Context(), false, func(f store.Fault) { t.Error(f.Text) }))
}
