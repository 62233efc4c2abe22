package postgres

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
)

// TestReturnedClaims returns the claims of a worker that stops: others claim its orders at once, but neither the order
// that it has updated nor the order of another worker.
func TestReturnedClaims(t *testing.T) {
	t.Parallel()
	c := newConfig(t)
	leaving, busy, next := open(t, c), open(t, c), open(t, c)
	claim := func(s *Store, now time.Time, limit int) []string {
		t.Helper()
		ids, err := s.Claim(t.Context(), now, limit, time.Minute)
		require.NoError(t, err)
		return ids
	}
	deadline := start.Add(time.Hour) // of addVote
	for i := range 4 {
		require.NoError(t, busy.Update(t.Context(), fmt.Sprint("o", i), func(o *approval.Order) error {
			if err := addVote("v")(o); err != nil {
				return err
			}
			o.Approvals[0].Deadline = deadline.Add(time.Duration(i) * time.Second)
			return nil
		}))
	}
	now := deadline.Add(10 * time.Second)
	require.Equal(t, []string{"o0"}, claim(busy, now, 1))
	require.Equal(t, []string{"o1", "o2", "o3"}, claim(leaving, now.Add(time.Millisecond), 10))
	require.NoError(t, next.Update(t.Context(), "o1", func(o *approval.Order) error {
		o.Approvals[0].Deadline = now.Add(time.Hour)
		return nil
	}))

	now = now.Add(time.Second)
	require.Empty(t, claim(next, now, 10))
	require.NoError(t, leaving.ReturnClaims(t.Context(), now))
	require.ElementsMatch(t, []string{"o2", "o3"}, claim(next, now, 10))
	require.NoError(t, leaving.ReturnClaims(t.Context(), now), "again")
	require.Empty(t, claim(next, now, 10))
	require.NoError(t, next.CheckRecords(t.Context(), false, failOnFault(t)))
}

// TestClaimsAreForgottenAfterTheirLease keeps no claim whose lease has ended.
func TestClaimsAreForgottenAfterTheirLease(t *testing.T) {
	t.Parallel()
	var c claims
	for i := range 100 {
		now := start.Add(time.Duration(i) * time.Second)
		c.add(now, now.Add(10*time.Second))
	}
	require.Len(t, c.take(), 11)
	require.Empty(t, c.take())
}

// TestCloseStoresWhatWasAccepted closes a store while updates wait behind another one. Their callers get the truth.
func TestCloseStoresWhatWasAccepted(t *testing.T) {
	t.Parallel()
	c := newConfig(t)
	c.Connections = 4 // a single lane
	s := open(t, c)
	var ids []string
	for i := range 9 {
		ids = append(ids, fmt.Sprint("o", i))
	}
	begun, goOn := make(chan struct{}), make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		assert.NoError(t, s.Update(t.Context(), ids[0], func(o *approval.Order) error {
			close(begun)
			<-goOn
			return addVote("v")(o)
		}))
	})
	<-begun
	for _, id := range ids[1:] {
		group.Go(func() { assert.NoError(t, s.Update(t.Context(), id, addVote("v"))) })
	}
	for len(s.lanes.queue) < len(ids)-1 {
		runtime.Gosched()
	}
	group.Go(func() { assert.NoError(t, s.Close()) })
	<-s.closed
	close(goOn)
	group.Wait()
	again := open(t, c)
	for _, id := range ids {
		require.Equal(t, 1, countVotes(t, again, id))
	}
}
