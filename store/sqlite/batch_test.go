package sqlite

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store"
)

// openBlocked opens a store in a synctest bubble and blocks its writer until release is called. Operations wait in the
// queue meanwhile, and synctest.Wait returns when they do.
func openBlocked(t *testing.T, c Config) (s *Store, release func()) {
	t.Helper()
	s, err := Open(t.Context(), c)
	require.NoError(t, err)
	gate := make(chan struct{})
	go func() {
		assert.NoError(t, s.Update(t.Context(), "gate", func(o *approval.Order) error {
			<-gate
			return addRequest(o)
		}))
	}()
	synctest.Wait()
	release = sync.OnceFunc(func() {
		close(gate)
		synctest.Wait()
	})
	t.Cleanup(func() {
		release()
		_ = s.Close()
	})
	return s, release
}

func TestUpdatesShareACommit(t *testing.T) {
	t.Parallel()
	c := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now())}
	synctest.Test(t, func(t *testing.T) {
		var commits []Commit
		c.Observe = func(c Commit) { commits = append(commits, c) }
		s, release := openBlocked(t, c)
		var done atomic.Int64
		for i := range 2*maxBatch + 1 { // a full batch, a full queue, and another that waits for the queue
			go func() {
				assert.NoError(t, s.Update(t.Context(), orderName(i%100), requestOrVote))
				done.Add(1)
			}()
		}
		synctest.Wait()
		require.Empty(t, commits)
		require.Zero(t, done.Load(), "acknowledged is what is durable")
		release()
		require.NoError(t, s.Close())
		require.EqualValues(t, 2*maxBatch+1, done.Load())
		updates := 0
		for _, c := range commits {
			require.NoError(t, c.Err)
			require.LessOrEqual(t, c.Updates, maxBatch)
			updates += c.Updates
		}
		require.Equal(t, 2*maxBatch+2, updates)
		require.LessOrEqual(t, len(commits), 5, "the gate's and a few: %v", commits)
		require.Equal(t, maxBatch, commits[1].Updates)
	})
	s := open(t, c)
	requirePending(t, s, 101)
}

// TestNeighboursInABatch has an operation of every failing kind in a commit with others.
func TestNeighboursInABatch(t *testing.T) {
	t.Parallel()
	c := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now())}
	failure := errors.New("not today")
	synctest.Test(t, func(t *testing.T) {
		s, release := openBlocked(t, c)
		vary := func(i int) error {
			switch i % 4 {
			case 0:
				return s.Update(t.Context(), orderName(i), func(o *approval.Order) error {
					_ = addRequest(o)
					return failure
				})
			case 1:
				assert.PanicsWithValue(t, i, func() {
					_ = s.Update(t.Context(), orderName(i), func(*approval.Order) error { panic(i) })
				})
			case 2:
				return s.Update(t.Context(), "\xff", addRequest)
			}
			return s.Update(t.Context(), orderName(i), addRequest)
		}
		var results [100]error
		for i := range results {
			go func() { results[i] = vary(i) }()
		}
		synctest.Wait()
		release()
		require.NoError(t, s.Close())
		for i, err := range results {
			switch i % 4 {
			case 0:
				require.Same(t, failure, err)
			case 2:
				require.True(t, approval.IsPermanent(err), "%v", err)
			default:
				require.NoError(t, err)
			}
		}
	})
	s := open(t, c)
	requirePending(t, s, 51) // with the gate
}

// TestCancelledWaiterIsFree cancels updates that wait for the writer: each of them returns at once and is not stored.
// An update that has started is not withdrawn.
func TestCancelledWaiterIsFree(t *testing.T) {
	t.Parallel()
	c := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now())}
	synctest.Test(t, func(t *testing.T) {
		s, release := openBlocked(t, c)
		ctx, cancel := context.WithCancel(t.Context())
		var told atomic.Int64
		for i := range 2 * maxBatch { // half of them do not fit the queue
			go func() {
				assert.ErrorIs(t, s.Update(ctx, orderName(i), addRequest), context.Canceled)
				told.Add(1)
			}()
		}
		synctest.Wait()
		require.Zero(t, told.Load())
		cancel()
		synctest.Wait()
		require.EqualValues(t, 2*maxBatch, told.Load(), "while the writer is held up")
		release()
		require.NoError(t, s.Close())
	})
	s := open(t, c)
	requirePending(t, s, 1) // the gate
}

// TestCloseStoresAcceptedUpdates closes a store while its writer is blocked. The writer then has a choice: to go on with
// its queue, or to end. Go chooses at random, so that the test repeats it until both were chosen almost certainly.
func TestCloseStoresAcceptedUpdates(t *testing.T) {
	t.Parallel()
	for range 12 {
		closeStoresAcceptedUpdates(t)
	}
}

func closeStoresAcceptedUpdates(t *testing.T) {
	t.Helper()
	c := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now())}
	acknowledged := &ledger{}
	synctest.Test(t, func(t *testing.T) {
		s, release := openBlocked(t, c)
		var refused atomic.Int64
		for i := range 2 * maxBatch {
			go func() {
				err := s.Update(t.Context(), orderName(i), addRequest)
				if err == nil {
					acknowledged.add(orderName(i))
				} else {
					assert.ErrorIs(t, err, errClosed)
					refused.Add(1)
				}
			}()
		}
		synctest.Wait()
		go func() { assert.NoError(t, s.Close()) }()
		synctest.Wait()
		require.ErrorIs(t, s.Update(t.Context(), "late", addRequest), errClosed)
		release()
		require.NoError(t, s.Close())
		require.EqualValues(t, maxBatch, refused.Load(), "those that the queue had no room for")
		require.ErrorIs(t, s.Update(t.Context(), "late", addRequest), errClosed)
	})
	s := open(t, c)
	stored := acknowledged.copy()
	require.Len(t, stored, maxBatch)
	requireAcknowledged(t, s, stored, 1)
	requirePending(t, s, maxBatch+1)
}

// TestFailedTransactionIsUndone fails a transaction half-way: all callers get the error, the transaction stores
// nothing, and the next transaction succeeds.
func TestFailedTransactionIsUndone(t *testing.T) {
	t.Parallel()
	c := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now())}
	failure := errors.New("the disk is on fire")
	synctest.Test(t, func(t *testing.T) {
		s, release := openBlocked(t, c)
		var before, after error
		go func() { before = s.Update(t.Context(), "before", addRequest) }()
		synctest.Wait()
		go func() {
			assert.ErrorIs(t, s.submit(t.Context(), singleStep(func(context.Context) error { return failure })), failure)
		}()
		synctest.Wait()
		go func() { after = s.Update(t.Context(), "after", addRequest) }()
		synctest.Wait()
		release()
		require.ErrorIs(t, before, failure)
		require.ErrorIs(t, after, failure)
		require.NoError(t, s.Update(t.Context(), "next", addRequest))
		require.NoError(t, s.Close())
	})
	s := open(t, c)
	requirePending(t, s, 2) // the gate and the next
	requireOrder(t, s, "next", 0)
}

// TestCheckSharesATransaction checks the records between updates of the same transaction. The counts, which the writer
// writes once for each transaction, are those of the updates before.
func TestCheckSharesATransaction(t *testing.T) {
	t.Parallel()
	c := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now())}
	synctest.Test(t, func(t *testing.T) {
		s, release := openBlocked(t, c)
		for _, f := range []func() error{
			func() error { return s.Update(t.Context(), "before", addRequest) },
			func() error {
				return s.CheckRecords(t.Context(), true, func(f store.Fault) { assert.Empty(t, f) })
			},
			func() error { return s.Update(t.Context(), "after", addRequest) },
		} {
			go func() { assert.NoError(t, f()) }()
			synctest.Wait()
		}
		release()
		require.NoError(t, s.Close())
	})
	s := open(t, c)
	requirePending(t, s, 3)
	require.NoError(t, s.CheckRecords(t.Context(), false, func(f store.Fault) { assert.Empty(t, f) }))
}
