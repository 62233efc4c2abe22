package sqlite

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
)

const (
	busyWorkers = 16
	busyOrders  = 40
	busyUpdates = 60 // per worker
)

// updateConcurrently makes updates from many goroutines, until each of them has made its number of updates or an update
// fails. The ledger has the acknowledged updates.
func updateConcurrently(s *Store, acknowledged *ledger) {
	var group sync.WaitGroup
	for w := range busyWorkers {
		group.Go(func() {
			for i := range busyUpdates {
				id := orderName((w*busyUpdates + i) % busyOrders)
				if s.Update(context.Background(), id, requestOrVote) != nil {
					return
				}
				acknowledged.add(id)
			}
		})
	}
	group.Wait()
}

// TestCopyOfARunningStore copies the file and its log between commits, as a crash would leave them, while updates wait
// and arrive. The copy has all updates that were acknowledged by then.
func TestCopyOfARunningStore(t *testing.T) {
	t.Parallel()
	acknowledged := &ledger{}
	type taken struct {
		path string
		had  map[string]int
	}
	var copies []taken
	commits := 0
	c := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now())}
	c.Observe = func(Commit) { // it runs on the writer's goroutine, so that the files do not change
		if commits++; commits%15 != 0 || len(copies) == 5 {
			return
		}
		to := taken{newPath(t), acknowledged.copy()}
		for _, suffix := range []string{"", "-wal"} {
			b, err := os.ReadFile(c.Path + suffix)
			assert.NoError(t, err)
			assert.NoError(t, os.WriteFile(to.path+suffix, b, 0o600))
		}
		copies = append(copies, to)
	}
	s := open(t, c)
	updateConcurrently(s, acknowledged)
	require.NoError(t, s.Close()) // the observer has seen the last commit
	require.Len(t, copies, 5)
	for _, of := range copies {
		require.NotEmpty(t, of.had)
		s := open(t, Config{Path: of.path, Sealer: c.Sealer})
		requireAcknowledged(t, s, of.had, busyWorkers*busyUpdates)
		mustUpdate(t, s, orderName(0), requestOrVote)
	}
}

// TestCutLog removes the end of the log, as a crash before a sync may do. The store opens with the complete commits
// that are left.
func TestCutLog(t *testing.T) {
	t.Parallel()
	c := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now())}
	s := open(t, c)
	updateConcurrently(s, &ledger{})
	db, err := os.ReadFile(c.Path)
	require.NoError(t, err)
	log, err := os.ReadFile(c.Path + "-wal")
	require.NoError(t, err)
	for part := range 8 {
		path := newPath(t)
		cut := log[:len(log)*part/8]
		require.NoError(t, os.WriteFile(path, db, 0o600))
		require.NoError(t, os.WriteFile(path+"-wal", cut, 0o600))
		s := open(t, Config{Path: path, Sealer: c.Sealer})
		requireAcknowledged(t, s, map[string]int{}, 0) // the counts agree with the orders
		mustUpdate(t, s, "o", addRequest)
	}
}

// TestCloseWhileBusy closes a store while updates arrive. An update without an error is stored. An update with an error
// may be stored or not.
func TestCloseWhileBusy(t *testing.T) {
	t.Parallel()
	acknowledged := &ledger{}
	commits, enough := 0, make(chan struct{})
	c := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now())}
	c.Observe = func(Commit) {
		if commits++; commits == 5 {
			close(enough)
		}
	}
	s := open(t, c)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		updateConcurrently(s, acknowledged)
	}()
	<-enough
	require.NoError(t, s.Close())
	<-ended
	require.ErrorIs(t, s.Update(t.Context(), "o", addRequest), errClosed)
	_, err := s.Get(t.Context(), orderName(0))
	require.Error(t, err)
	require.NotErrorIs(t, err, approval.ErrNotFound)
	requireAcknowledged(t, open(t, Config{Path: c.Path, Sealer: c.Sealer}), acknowledged.copy(), busyWorkers*busyUpdates)
}
