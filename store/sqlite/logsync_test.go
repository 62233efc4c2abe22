package sqlite

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
)

// TestPowerLossAfterAnUnsyncedEnd loses the end of an attempt: it copies the file and its log as they were at the last
// sync. The copy has all updates that were acknowledged as durable. The attempt whose end was lost is begun again, and known as
// possibly applied.
func TestPowerLossAfterAnUnsyncedEnd(t *testing.T) {
	t.Parallel()
	var synced string // a copy as a loss of power leaves it at least
	commits := make(chan struct{})
	var unsynced []bool
	var s *Store
	c := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now())}
	c.Observe = func(Commit) { // it runs on the writer's goroutine, so that the files do not change
		defer func() { commits <- struct{}{} }()
		if unsynced = append(unsynced, s.sync.isUnsynced.Load()); s.sync.isUnsynced.Load() {
			return
		}
		synced = newPath(t)
		for _, suffix := range []string{"", "-wal"} {
			b, err := os.ReadFile(c.Path + suffix)
			assert.NoError(t, err)
			assert.NoError(t, os.WriteFile(synced+suffix, b, 0o600))
		}
	}
	s = open(t, c)
	env := approval.Environment{Now: startTime, Lease: time.Minute}
	var begun []approval.Action
	mustUpdate(t, s, "o", addRequest)
	<-commits
	mustUpdate(t, s, "o", func(o *approval.Order) error {
		begun = decideForTest(o, env)
		return nil
	})
	<-commits
	require.Len(t, begun, 1)
	end := func(o *approval.Order) error {
		o.RecordCallbackResult(begun[0], approval.Result{Kind: approval.ResultOK}, env)
		return nil
	}
	require.NoError(t, s.UpdateUnsynced(t.Context(), "o", end))
	<-commits
	o, err := s.Get(t.Context(), "o")
	require.NoError(t, err)
	require.Equal(t, approval.CallbackDelivered, o.Approvals[0].Callback.State)
	require.Equal(t, []bool{false, false, true}, unsynced)

	lost := open(t, Config{Path: synced, Sealer: c.Sealer})
	mustUpdate(t, lost, "o", func(o *approval.Order) error {
		assert.True(t, o.ReleaseLeases(env), "the attempt is under way")
		begun = o.Advance(env)
		return nil
	})
	require.Len(t, begun, 1)
	require.Equal(t, 2, begun[0].Attempt)
	o, err = lost.Get(t.Context(), "o")
	require.NoError(t, err)
	require.True(t, o.Approvals[0].Callback.MaybeApplied)

	mustUpdate(t, s, "other", addRequest) // it syncs the end too
	<-commits
	kept := open(t, Config{Path: synced, Sealer: c.Sealer})
	o, err = kept.Get(t.Context(), "o")
	require.NoError(t, err)
	require.Equal(t, approval.CallbackDelivered, o.Approvals[0].Callback.State)
}

// decideForTest approves an order's approval, and returns the actions that begin.
func decideForTest(o *approval.Order, env approval.Environment) []approval.Action {
	env.Reserve = func(approval.Action, approval.Token) bool { return true }
	_, actions, _ := o.Decide(approval.Decision{
		ID:         "d",
		Outcome:    approval.Approve,
		By:         "ann",
		Via:        approval.ViaAPI,
		ReceivedAt: env.Now,
	}, approval.UnmatchedRetention{}, env)
	return actions
}

// TestUnsyncedCommitsAreSyncedSoon lets the store be idle after an unsynced commit: the writer syncs the log, after
// syncDelay at the latest, and when the store closes. An empty commit does not sync by itself, so the writer does before it
// acknowledges an update that needs it.
func TestUnsyncedCommitsAreSyncedSoon(t *testing.T) {
	t.Parallel()
	c := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now())}
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(t.Context(), c)
		require.NoError(t, err)
		vote := func(o *approval.Order) error { addVote(o); return nil }
		mustUpdate(t, s, "o", addRequest)
		synctest.Wait()
		require.False(t, s.sync.isUnsynced.Load())
		for range 3 {
			require.NoError(t, s.UpdateUnsynced(t.Context(), "o", vote))
			synctest.Wait()
			require.True(t, s.sync.isUnsynced.Load())
			time.Sleep(syncDelay - 1) // of the bubble
			synctest.Wait()
			require.True(t, s.sync.isUnsynced.Load())
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			require.False(t, s.sync.isUnsynced.Load())
		}
		require.NoError(t, s.UpdateUnsynced(t.Context(), "o", vote))
		mustUpdate(t, s, "never was", func(*approval.Order) error { return nil })
		synctest.Wait()
		require.False(t, s.sync.isUnsynced.Load(), "its transaction had nothing to write")
		require.NoError(t, s.UpdateUnsynced(t.Context(), "o", vote))
		claimed, err := s.Claim(t.Context(), startTime.Add(2*time.Hour), 1, time.Minute)
		require.NoError(t, err)
		require.Len(t, claimed, 1)
		synctest.Wait()
		require.True(t, s.sync.isUnsynced.Load(), "the lease of a claim ends with the process anyway")
		require.NoError(t, s.Close())
		require.False(t, s.sync.isUnsynced.Load())
	})
	requireOrder(t, open(t, c), "o", 5)
}

// TestALogThatCannotBeSynced is reported as a failed commit, and an update that needs the sync is not acknowledged.
func TestALogThatCannotBeSynced(t *testing.T) {
	t.Parallel()
	var failed []error
	c := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now())}
	c.Observe = func(c Commit) { failed = append(failed, c.Err) }
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(t.Context(), c)
		require.NoError(t, err)
		s.sync.logPath += "-is-not-there"
		require.NoError(t, s.UpdateUnsynced(t.Context(), "o", addRequest))
		time.Sleep(2 * syncDelay)
		synctest.Wait()
		require.Len(t, failed, 2)
		require.ErrorContains(t, failed[1], "sync the log")
		err = s.Update(context.Background(), "never was", func(*approval.Order) error { return nil })
		require.True(t, errors.Is(err, os.ErrNotExist) && strings.Contains(err.Error(), "sync the log"), "%v", err)
		mustUpdate(t, s, "o", requestOrVote)
		synctest.Wait()
		require.False(t, s.sync.isUnsynced.Load())
		require.NoError(t, s.Close())
	})
}

// TestAnUnsyncedUpdateSharesACommit waits for another update, for shareDelay at the most; a claim, an update and the end of
// the store do not wait.
func TestAnUnsyncedUpdateSharesACommit(t *testing.T) {
	t.Parallel()
	var commits []int
	c := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now())}
	c.Observe = func(c Commit) { commits = append(commits, c.Updates) }
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(t.Context(), c)
		require.NoError(t, err)
		began := time.Now()
		mustUpdate(t, s, "o", addRequest)
		require.Zero(t, time.Since(began))
		require.NoError(t, s.UpdateUnsynced(t.Context(), "o", requestOrVote))
		require.Equal(t, shareDelay, time.Since(began))
		begin := func(f func() error) {
			go func() { assert.NoError(t, f()) }()
			synctest.Wait()
		}
		begin(func() error { return s.UpdateUnsynced(t.Context(), "o", requestOrVote) })
		begin(func() error { return s.UpdateUnsynced(t.Context(), "p", requestOrVote) })
		require.Equal(t, []int{1, 1}, commits, "both wait")
		mustUpdate(t, s, "o", requestOrVote)
		synctest.Wait()
		require.Equal(t, shareDelay, time.Since(began), "and with them no update that needs a sync")
		require.Equal(t, []int{1, 1, 3}, commits)
		require.False(t, s.sync.isUnsynced.Load())
		_, err = s.Claim(t.Context(), startTime.Add(2*time.Hour), 10, time.Minute)
		require.NoError(t, err)
		require.Equal(t, shareDelay, time.Since(began))
		begin(func() error { return s.UpdateUnsynced(t.Context(), "o", requestOrVote) })
		require.NoError(t, s.Close())
		require.Equal(t, shareDelay, time.Since(began))
		require.Equal(t, []int{1, 1, 3, 1, 1}, commits)
	})
	requireOrder(t, open(t, Config{Path: c.Path, Sealer: c.Sealer}), "o", 4)
}
