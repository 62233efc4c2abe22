package dynamodb

import (
	"container/heap"
	"context"
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/storetest"
)

// claimAgain makes the next Claim beat and scan.
func claimAgain(t *testing.T, s *Store, now time.Time) []string {
	t.Helper()
	s.members.mu.Lock()
	s.members.beatAt = time.Time{}
	s.members.mu.Unlock()
	s.scans.began = time.Time{}
	ids, err := s.Claim(t.Context(), now, 1000, time.Second)
	require.NoError(t, err)
	s.upkeep.group.Wait()
	return ids
}

// Two workers divide the orders. When one leaves, the other has all of them.
func TestWorkersDivideTheOrders(t *testing.T) {
	t.Parallel()
	c := Config{Settings: Settings{Table: newTable(), Create: true}}
	writer := open(t, c)
	c.Sealer = writer.config.Sealer
	one, other := open(t, c), open(t, c)
	const orders = 40
	for i := range orders {
		mustUpdate(t, writer, fmt.Sprint("o", i), addRequest)
	}
	require.False(t, one.Owns("o1"), "before its first claim")
	// By random IDs, one of the workers may own all of the few shards.
	one.members.id, other.members.id = "one", "other"

	for range 2 { // so that each knows the other
		claimAgain(t, one, startTime)
		claimAgain(t, other, startTime)
	}
	due := startTime.Add(2 * time.Hour)
	got := map[string]int{}
	for _, s := range []*Store{one, other} {
		ids := claimAgain(t, s, due)
		require.NotEmpty(t, ids)
		for _, id := range ids {
			got[id]++
			require.True(t, s.Owns(id))
		}
		require.Empty(t, claimAgain(t, s, due), "they are leased")
	}
	require.Len(t, got, orders)
	for id, n := range got {
		require.Equal(t, 1, n, id)
	}
	changes := one.OwnershipChanges()
	require.NoError(t, other.Close())
	require.Len(t, claimAgain(t, one, due.Add(time.Minute)), orders)
	require.Greater(t, one.OwnershipChanges(), changes)
}

// A worker counts as alive once its beats were seen to change. If it ends without a word it counts as dead after two
// beats by the clock of the other.
func TestSilentWorkerIsDead(t *testing.T) {
	t.Parallel()
	m := &members{id: "b", shards: shardCount{read: 8, before: 8}}
	beat := func(id string, n int64) item {
		i := itemKey(membersPartition, id)
		i["beats"] = numberAttr(n)
		return i
	}
	at := startTime
	require.Empty(t, m.look([]item{beat("a", 1), beat("b", 1)}, at))
	require.Equal(t, []string{"b"}, m.alive)
	require.False(t, m.isAlone())
	at = at.Add(deadAfter - 1)
	m.look([]item{beat("a", 1)}, at)
	require.Len(t, m.ownedShards(), 8)
	require.False(t, m.isAlone())
	m.look([]item{beat("a", 1)}, at.Add(1))
	require.True(t, m.isAlone())
	m.look([]item{beat("a", 2)}, at)
	require.Equal(t, []string{"a", "b"}, m.alive)
	at = at.Add(deadAfter - 1)
	m.look([]item{beat("a", 2)}, at)
	require.Equal(t, []string{"a", "b"}, m.alive)
	at = at.Add(1)
	require.Empty(t, m.look([]item{beat("a", 2)}, at))
	require.Equal(t, []string{"b"}, m.alive)
	require.Len(t, m.ownedShards(), 8)
	require.Equal(t, []string{"a"}, m.look([]item{beat("a", 2)}, at.Add(removeAfter)))
}

// Each shard has one owner, each worker has about its share, and only the share of a worker that ends moves.
func TestShares(t *testing.T) {
	t.Parallel()
	workers := []string{newProcessID(), newProcessID(), newProcessID(), newProcessID()}
	share := map[string]int{}
	const n = 4000
	for i := range n {
		owner := ownerOf(fmt.Sprint(i), workers)
		share[owner]++
		if owner != workers[3] {
			require.Equal(t, owner, ownerOf(fmt.Sprint(i), workers[:3]))
		}
	}
	for _, w := range workers {
		require.InDelta(t, n/4, share[w], n/10)
	}
}

// TestClaimsByScan runs the suite of claims on a store that forgets what it has written before each claim, so that every
// order is found in the index.
func TestClaimsByScan(t *testing.T) {
	t.Parallel()
	storetest.RunClaims(t, func(t *testing.T) store.Store { return scanningStore{open(t, Config{})} })
}

// scanningStore is a store that finds all orders in the index.
type scanningStore struct{ *Store }

func (s scanningStore) Claim(ctx context.Context, now time.Time, limit int, lease time.Duration) ([]string, error) {
	s.scanning.Lock()
	s.scans = scans{}
	s.recent.mu.Lock()
	s.recent.young, s.recent.old, s.recent.bytesOfYoung = map[string]recentItem{}, nil, 0
	s.recent.mu.Unlock()
	s.timers.mu.Lock()
	for id, one := range s.timers.orders {
		if one.until == 0 {
			heap.Remove(&s.timers.queue, one.index)
			delete(s.timers.orders, id)
		}
	}
	s.timers.mu.Unlock()
	s.scanning.Unlock()
	return s.Store.Claim(ctx, now, limit, lease)
}

// A number of shards that grows is read at once, and written to when every worker has seen it.
func TestShardsGrow(t *testing.T) {
	t.Parallel()
	var c shardCount
	c.read, c.before = 8, 8
	grown := item{"shards": numberAttr(32), "before": numberAttr(8)}
	c.see(grown, startTime)
	require.Equal(t, 32, c.read)
	require.Equal(t, 8, c.write(startTime.Add(adoptAfter-1)))
	require.Equal(t, 32, c.write(startTime.Add(adoptAfter)))
	c.see(item{"shards": numberAttr(16), "before": numberAttr(8)}, startTime.Add(time.Hour))
	require.Equal(t, 32, c.read, "it never shrinks")
	c.see(item{"shards": numberAttr(64), "before": numberAttr(32)}, startTime.Add(time.Hour))
	require.Equal(t, 32, c.write(startTime.Add(time.Hour)))

	s := open(t, Config{})
	for i := range 20 {
		mustUpdate(t, s, fmt.Sprint("before", i), addRequest)
	}
	s.config.Shards = 40
	claimAgain(t, s, startTime)
	claimAgain(t, s, startTime)
	require.Equal(t, 40, s.members.shards.read)
	require.Equal(t, firstShards, s.writeShards())
	s.members.shards.seenAt = time.Time{}
	require.Equal(t, 40, s.writeShards())
	for i := range 20 {
		mustUpdate(t, s, fmt.Sprint("after", i), addRequest)
	}
	reader := open(t, Config{Settings: Settings{Table: s.config.Table}, Sealer: s.config.Sealer})
	for _, q := range []store.OrderQuery{{}, {State: store.StatePending}, {ByAge: true}, {State: store.StateUndeliverable}} {
		orders, _, err := reader.List(t.Context(), q)
		require.NoError(t, err)
		require.Len(t, orders, 40, q)
	}
	stats, err := reader.Stats(t.Context())
	require.NoError(t, err)
	require.Equal(t, 40, stats.Workflows["payments"].Pending)
	require.NoError(t, s.Close())
	require.Len(t, claimAgain(t, reader, startTime.Add(2*time.Hour)), 40)
	for i := range 20 {
		mustUpdate(t, reader, fmt.Sprint("before", i), removeOrder)
	}
	require.NoError(t, reader.CheckRecords(t.Context(), false, func(f store.Fault) { require.Fail(t, f.Text, f.Order) }))
}

// An order whose retention has ended is removed by one call. An order that was written meanwhile stays.
func TestRemovalWithoutARead(t *testing.T) {
	t.Parallel()
	calls := &callCounter{}
	s := openThrough(t, Config{}, calls.roundTrip)
	end := func(id string) {
		mustUpdate(t, s, id, addRequest)
		mustUpdate(t, s, id, func(o *approval.Order) error {
			a := o.Approvals[0]
			a.Undeliverable, a.Token = false, approval.Token{}
			a.Status = approval.Approved
			a.Callback = approval.Callback{State: approval.CallbackDelivered, EndedAt: startTime}
			return nil
		})
	}
	for i := range 5 {
		end(fmt.Sprint("o", i))
	}
	require.Empty(t, claimAgain(t, s, startTime.Add(time.Hour-1)))
	calls.take()
	stale, err := s.queryIndex(t.Context(), indexQuery{index: "due", partitions: shardNames(firstShards), limit: 10})
	require.NoError(t, err)
	require.Len(t, stale, 5)
	require.Empty(t, claimAgain(t, s, startTime.Add(time.Hour)))
	reads, _ := calls.take()
	require.Zero(t, reads)
	orders, _, err := s.List(t.Context(), store.OrderQuery{})
	require.NoError(t, err)
	require.Empty(t, orders)
	mustUpdate(t, s, "o1", addRequest) // a new request for the same order
	require.NoError(t, s.removeExpired(t.Context(), stale))
	_, err = s.Get(t.Context(), "o1")
	require.NoError(t, err)
	require.NoError(t, s.CheckRecords(t.Context(), false, func(f store.Fault) { require.Fail(t, f.Text, f.Order) }))
}

// A process that is killed loses the totals that it has not stored. A recount finds them.
func TestRecountAfterAKill(t *testing.T) {
	t.Parallel()
	c := Config{Settings: Settings{Table: newTable(), Create: true}}
	killed := open(t, c)
	c.Sealer = killed.config.Sealer
	s := open(t, c)
	mustUpdate(t, killed, "o1", addRequest)
	require.NoError(t, killed.tally.flush(t.Context()))
	for _, id := range []string{"o2", "o3"} {
		changeApproval(t, killed, id, exhaust)
	}
	_, err := killed.PutDeadLetter(t.Context(), store.DeadLetter{At: startTime})
	require.NoError(t, err)
	killed.tally.isChanged = false // it stores nothing any more
	counted, err := s.sumCounts(t.Context())
	require.NoError(t, err)
	require.Zero(t, counted["exhausted"])
	runRecount(t, s)
	want := counts{"pending#payments": 1, "exhausted": 2, "undeliverable": 1, "letters": 1}
	counted, err = s.sumCounts(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, counted)
	runRecount(t, s)
	counted, err = s.sumCounts(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, counted, "the next one finds nothing")
}

// runRecount makes a recount at once.
func runRecount(t *testing.T, s *Store) {
	t.Helper()
	r := &s.upkeep.recount
	*r = recount{}
	require.NoError(t, s.stepRecount(t.Context()))
	for r.isRunning {
		r.stepAt = time.Time{}
		if !r.walkedAt.IsZero() {
			r.walkedAt = time.Unix(0, 0)
		}
		require.NoError(t, s.stepRecount(t.Context()))
	}
}

// A recount corrects only what the changes of its time do not explain.
func TestRecountBesideChanges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		before, after, moves, found, want int64
	}{
		{before: 5, after: 5, moves: 0, found: 5, want: 0},
		{before: 5, after: 5, moves: 0, found: 7, want: 2},
		{before: 5, after: 5, moves: 0, found: 2, want: -3},
		{before: 5, after: 9, moves: 4, found: 7, want: 0},
		{before: 5, after: 5, moves: 4, found: 8, want: 0},
		{before: 5, after: 5, moves: 4, found: 10, want: 1},
		{before: -2, after: -2, moves: 0, found: 0, want: 2},
	} {
		r := recount{before: totals{net: counts{"n": c.before}, moves: counts{"n": 100}}, found: counts{"n": c.found}}
		got := r.corrections(totals{net: counts{"n": c.after}, moves: counts{"n": 100 + c.moves}})
		require.Equal(t, c.want, got["n"], "%+v", c)
	}
}

// The totals of a process that has ended are added to the base once. A process that was taken for dead goes on with new
// totals.
func TestFoldedTotals(t *testing.T) {
	t.Parallel()
	one, other := openTwo(t)
	mustUpdate(t, one, "o1", addRequest)
	require.NoError(t, one.tally.flush(t.Context()))
	fold := func() {
		all, err := other.readTotals(t.Context())
		require.NoError(t, err)
		for _, i := range all.processes {
			require.NoError(t, other.foldTally(t.Context(), all.base, i))
			require.NoError(t, other.foldTally(t.Context(), all.base, i), "a second time, as after a lost answer")
		}
	}
	fold()
	for _, s := range []*Store{one, other} {
		counted, err := s.sumCounts(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 1, counted["pending#payments"])
	}
	mustUpdate(t, one, "o2", addRequest)
	require.NoError(t, one.tally.flush(t.Context()))
	mustUpdate(t, one, "o3", addRequest)
	for _, s := range []*Store{one, other} {
		counted, err := s.sumCounts(t.Context())
		require.NoError(t, err)
		want := 2
		if s == one {
			want = 3
		}
		require.EqualValues(t, want, counted["pending#payments"])
	}
}

// The answer of the write of the totals is lost for good. They are not counted twice.
func TestLostAnswerOfTheTotals(t *testing.T) {
	t.Parallel()
	var isLost atomic.Bool
	s := openThrough(t, Config{}, func(r *http.Request) (*http.Response, error) {
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err == nil && isLost.Load() && strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutItem") {
			_ = resp.Body.Close()
			return answer(400, `{"__type":"com.amazonaws.dynamodb.v20120810#AccessDeniedException"}`), nil
		}
		return resp, err
	})
	for i := range 3 {
		mustUpdate(t, s, fmt.Sprint("o", i), addRequest)
		isLost.Store(i != 1)
		err := s.tally.flush(t.Context())
		require.Equal(t, i != 1, err != nil)
		isLost.Store(false)
		counted, err := s.sumCounts(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, i+1, counted["pending#payments"])
	}
}

// A process is killed between the item of an owed answer and its order. The recount deletes the item, when it finds it for
// the second time.
func TestStaleOwedItem(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	mustUpdate(t, s, "a", owe("v"))
	lost := orderItem(&approval.Order{ID: "b"}, nil, "0")
	o := &approval.Order{ID: "b"}
	require.NoError(t, owe("w")(o))
	setOwed(lost, o)
	for _, k := range owedItems(lost) {
		require.NoError(t, s.putItem(t.Context(), k))
	}
	for _, want := range []int{2, 2, 1} {
		stats, err := s.Stats(t.Context())
		require.NoError(t, err)
		require.Len(t, stats.Owed, want)
		require.NoError(t, s.deleteStaleOwed(t.Context(), shardNames(firstShards)))
	}
	stats, err := s.Stats(t.Context())
	require.NoError(t, err)
	require.Contains(t, stats.Owed, "v")
}

// The workflows in the index by age are those of the order. Orders whose key has no space for them are read.
func TestWaitingKeys(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		o := &approval.Order{ID: rapid.StringN(1, 200, 768).Draw(t, "order")}
		for range rapid.IntRange(1, 30).Draw(t, "approvals") {
			a := &approval.Approval{Status: approval.Pending}
			a.Workflow = rapid.StringN(0, 60, -1).Draw(t, "workflow")
			a.RequestedAt = fromNanos(rapid.Int64().Draw(t, "since"))
			o.Approvals = append(o.Approvals, a)
		}
		key := encodeWaiting(o)
		require.LessOrEqual(t, len(key), maxSortKey)
		require.NotEmpty(t, key)
		cursor := encodeAge(store.AgeCursor{Since: store.OldestPending(o.PendingApprovals()), OrderID: o.ID})
		require.Equal(t, cursor, prefixOf(key, len(cursor)))
		got, ok := decodeWaiting(key, o.ID)
		if !ok {
			require.Equal(t, cursor, key)
			return
		}
		require.Equal(t, pendingByWorkflow(o), got)
	})
	_, ok := decodeWaiting(encodeAge(store.AgeCursor{OrderID: "o"}), "o")
	require.False(t, ok, "a key of version 1")
	for _, damaged := range [][]byte{nil, {0}, append(make([]byte, 8), "o\x00\xff"...), append(make([]byte, 8), "o\x00\x01abcdefgh\x7f"...)} {
		_, ok := decodeWaiting(damaged, "o")
		require.False(t, ok)
	}
}

// The oldest approval of a workflow is found behind the pages of older orders of others.
func TestOldestBehindManyOthers(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	w, err := s.newAgeWalk(t.Context(), 1)
	require.NoError(t, err)
	for i := range 12 {
		mustUpdate(t, s, fmt.Sprint("o", i), func(o *approval.Order) error {
			err := addRequest(o)
			o.Approvals[0].RequestedAt = startTime.Add(time.Duration(i) * time.Minute)
			if i == 11 {
				o.Approvals[0].Workflow = "young"
			}
			return err
		})
	}
	counted := counts{"pending#payments": 11, "pending#young": 1}
	for until := int64(math.MinInt64); !w.isComplete() && (w.rows == 0 || until != math.MinInt64); until = w.searchUntil(counted) {
		require.NoError(t, w.next(t.Context(), until))
		if _, ok := w.pending["young"]; ok {
			break
		}
	}
	require.Equal(t, startTime.Add(11*time.Minute), w.pending["young"].oldest)
	require.Equal(t, startTime, w.pending["payments"].oldest)
}
