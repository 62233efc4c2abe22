package dynamodb

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
)

// A scan that finds an earlier time than the known one is right: another worker has written the order. A lease stays.
func TestEarlierTimeOfAScan(t *testing.T) {
	t.Parallel()
	q := newTimers()
	q.set("o", 500, true, 1000)
	q.find("o", 700)
	require.Empty(t, q.take(499, 600, 10))
	q.find("o", 100)
	require.Equal(t, []string{"o"}, q.take(100, 200, 10))
	q.find("o", 100)
	require.Empty(t, q.take(199, 300, 10), "it is leased")
	require.Equal(t, []string{"o"}, q.take(200, 300, 10))
}

// Orders that are due later give way to those that are due now, and leased orders stay.
func TestFullTimers(t *testing.T) {
	t.Parallel()
	q := newTimers()
	q.limit = 100
	for i := range q.limit {
		q.set(fmt.Sprint("later", i), int64(1000+i), true, 10_000)
	}
	for i := range 40 {
		q.set(fmt.Sprint("now", i), 10, true, 10_000)
		require.Len(t, q.orders, q.limit)
		require.Len(t, q.queue, q.limit)
		require.Len(t, q.take(10, 500, 10), 1, "%d", i)
	}
	require.Len(t, q.take(10_000, 20_000, 1000), q.limit)
	q.find("one more", 10)
	require.Len(t, q.orders, q.limit)
	require.Empty(t, q.take(10, 10_000, 10), "all others are leased")
}

// A worker that knows an order for later takes it when another one has made it due and ended before it was answered.
func TestOrderOfAKilledWorkerIsKnown(t *testing.T) {
	t.Parallel()
	c := Config{}
	s := open(t, c)
	c.Settings, c.Sealer = Settings{Table: s.config.Table}, s.config.Sealer
	killed := open(t, c)
	now := time.Now()
	require.Empty(t, claimAgain(t, s, now))
	mustUpdate(t, s, "o", dueAt(now.Add(5*time.Minute)))
	mustUpdate(t, killed, "o", dueAt(now.Add(-time.Second)))
	s.recent.forget("o") // as seconds later
	require.Equal(t, []string{"o"}, claimAgain(t, s, now.Add(time.Minute)))
}

// dueAt returns a transition after which the order has something to do at a time.
func dueAt(at time.Time) func(*approval.Order) error {
	return func(o *approval.Order) error {
		if len(o.Approvals) == 0 {
			if err := addRequest(o); err != nil {
				return err
			}
		}
		o.Approvals[0].Deadline = at
		return nil
	}
}

// The caller of a write has left before its answer: the order may be due, and is looked at without a scan.
func TestWriteWithoutAnAnswerIsLookedAt(t *testing.T) {
	t.Parallel()
	ctx, leave := context.WithCancel(t.Context())
	var leaves bool
	s := openThrough(t, Config{}, func(r *http.Request) (*http.Response, error) {
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err == nil && leaves && strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutItem") {
			leave()
			_ = resp.Body.Close()
			return nil, context.Canceled
		}
		return resp, err
	})
	now := time.Now()
	require.Empty(t, claimAgain(t, s, now))
	leaves = true
	require.ErrorIs(t, s.Update(ctx, "o", dueAt(now)), context.Canceled)
	leaves = false
	_, err := s.Get(t.Context(), "o")
	require.NoError(t, err)
	s.scans.began = time.Now() // no scan is due
	ids, err := s.Claim(t.Context(), now.Add(2*attemptTimeout), 10, time.Second)
	require.NoError(t, err)
	require.Equal(t, []string{"o"}, ids)
}

// A worker whose beats fail goes on with the orders that it knows, and reports the failure.
func TestClaimBesideAFailedBeat(t *testing.T) {
	t.Parallel()
	var refuses bool
	s := openThrough(t, Config{}, func(r *http.Request) (*http.Response, error) {
		if refuses && strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutItem") {
			return answer(http.StatusBadRequest, `{"__type":"com.amazonaws.dynamodb.v20120810#ValidationException"}`), nil
		}
		return http.DefaultTransport.RoundTrip(r)
	})
	now := time.Now()
	require.Empty(t, claimAgain(t, s, now))
	mustUpdate(t, s, "o", dueAt(now))
	refuses = true
	s.members.beatAt = time.Time{}
	ids, err := s.Claim(t.Context(), now.Add(time.Minute), 10, time.Second)
	require.Error(t, err)
	require.Equal(t, []string{"o"}, ids)
}

// A worker whose beats are not answered does not wait for long before it goes on.
func TestClaimBesideABeatWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStore(Config{})
		s.client = silentTable{newFakeTable(fakeLimits{write: 1000, read: 3000, quota: 40_000})}
		began := time.Now()
		s.timers.set("o", began.UnixNano(), true, began.Add(time.Hour).UnixNano())
		ids, err := s.Claim(t.Context(), began, 10, time.Second)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, []string{"o"}, ids)
		require.LessOrEqual(t, time.Since(began), claimTimeout)
	})
}

// silentTable is a table that does not answer.
type silentTable struct{ *fakeTable }

// PutItem implements API.
func (t silentTable) PutItem(
	ctx context.Context, _ *dynamodb.PutItemInput, _ ...func(*dynamodb.Options),
) (*dynamodb.PutItemOutput, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// A shard that does not answer, such as one that is throttled, does not hide the due orders of the others.
func TestScanBesideAShardThatFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		writer := newStore(Config{Settings: Settings{Table: "t"}, Sealer: keys.NewRing(time.Now()), Limits: recordLimits()})
		table := newFakeTable(fakeLimits{write: 1000, read: 3000, quota: 40_000})
		writer.client = table
		silent := shardOf("o0", firstShards)
		var want []string
		for i := range 20 {
			id := fmt.Sprint("o", i)
			mustUpdate(t, writer, id, dueAt(time.Now()))
			if shardOf(id, firstShards) != silent {
				want = append(want, id)
			}
		}
		s := newStore(writer.config)
		s.client = silentShard{table, silent}
		ids, err := s.Claim(t.Context(), time.Now().Add(time.Minute), 100, time.Second)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ElementsMatch(t, want, ids)
		last := want[len(want)-1]
		mustUpdate(t, writer, last, removeOrder)
		s.timers.set(last, 0, false, 0)
		mustUpdate(t, writer, last, dueAt(time.Now()))
		time.Sleep(aloneInterval)
		ids, err = s.Claim(t.Context(), time.Now(), 100, time.Second)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Contains(t, ids, last, "the next scan of the others")
		s.client = table
		ids, err = s.Claim(t.Context(), time.Now().Add(time.Minute), 100, time.Hour)
		require.NoError(t, err)
		require.Contains(t, ids, "o0", "it is read again by the next call")
		require.NoError(t, s.Close())
	})
}

// silentShard is a table with an index that does not answer for a shard.
type silentShard struct {
	*fakeTable
	shard string
}

// Query implements API.
func (t silentShard) Query(
	ctx context.Context, in *dynamodb.QueryInput, options ...func(*dynamodb.Options),
) (*dynamodb.QueryOutput, error) {
	if in.IndexName != nil && getString(in.ExpressionAttributeValues, ":shard") == t.shard {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return t.fakeTable.Query(ctx, in, options...)
}

// A scan of many pages is made less often, and reads as much further ahead, so that no order falls between two scans.
func TestIntervalsOfScans(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pages   int
		isAlone bool
		want    time.Duration
	}{
		{0, false, scanInterval},
		{127, false, scanInterval},
		{128, false, 2 * scanInterval},
		{8, true, aloneInterval},
		{128, true, 2 * aloneInterval},
		{1 << 20, true, timerHorizon},
	} {
		require.Equal(t, c.want, (&scans{pages: c.pages}).nextInterval(c.isAlone), "%+v", c)
	}

	s := open(t, Config{})
	now := time.Now()
	due := now.Add(4 * time.Minute) // after the end of a usual scan, and before the next one begins
	writer := open(t, Config{Settings: Settings{Table: s.config.Table}, Sealer: s.config.Sealer})
	mustUpdate(t, writer, "o", dueAt(due))
	require.Empty(t, claimAgain(t, s, now))
	s.scans = scans{pages: 128}
	require.Empty(t, claimAgain(t, s, now))
	require.Equal(t, 2*aloneInterval, s.scans.interval)
	ids, err := s.Claim(t.Context(), due.Add(2*scanGrace), 10, time.Second)
	require.NoError(t, err)
	require.Equal(t, []string{"o"}, ids)
}

// The shards of a worker that has ended join a scan that is under way.
func TestTakenShardsJoinAScan(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	now := time.Now()
	require.Empty(t, claimAgain(t, s, now))
	writer := open(t, Config{Settings: Settings{Table: s.config.Table}, Sealer: s.config.Sealer})
	for i := range 20 {
		mustUpdate(t, writer, fmt.Sprint("o", i), dueAt(now))
	}
	s.scans = scans{began: time.Now(), interval: time.Hour, isRunning: true, open: map[string]item{"0": nil}}
	s.members.hasMoved = true
	ids, err := s.Claim(t.Context(), now.Add(time.Minute), 100, time.Second)
	require.NoError(t, err)
	require.Len(t, ids, 20)
}

// A short record is stored as it is, and a long one is compressed.
func TestCompressionOfLongRecords(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, maxPlain, maxPlain + 1, 100_000} {
		record := []byte(strings.Repeat("a", size))
		stored, err := compress(record, 1)
		require.NoError(t, err)
		if size <= maxPlain {
			require.Len(t, stored, size+1)
		} else {
			require.Less(t, len(stored), maxPlain)
		}
		got, err := decompress(stored)
		require.NoError(t, err)
		require.Equal(t, string(record), string(got))
	}
	_, err := decompress(nil)
	require.Error(t, err)
}
