package dynamodb

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store"
)

// simulationScale divides the rates and the limits of TestSimulation. With 1 it has the full size, and takes an hour.
var simulationScale = flag.Float64("dynamodb.scale", 0, "divide the rates and limits of the simulation by this number")

// ciRate is the number of approvals a second without the flag: the rates are divided to it. With fewer, a partition has
// room for so few writes that chance alone throttles some. The run at 10,000 a second has the most partitions and needs
// more approvals, so it takes too long for each test run (a minute with -dynamodb.scale 100).
const ciRate = 25

// TestSimulation runs the code of the store on a table in virtual time, at rates that no test machine has: approvals begin,
// are notified, wait, are decided and answered. It holds that the shards grow until nothing is throttled any more. The
// table in docs/sizing.md is from its log.
func TestSimulation(t *testing.T) {
	t.Parallel()
	rates := []float64{1000, 5000, 10_000}
	if *simulationScale == 0 {
		rates = rates[:2]
	}
	for _, rate := range rates {
		scale := *simulationScale
		if scale == 0 {
			scale = rate / ciRate
		}
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { simulate(t, rate, scale) })
		})
	}
}

// simulation is a run at a rate.
type simulation struct {
	t       *testing.T
	table   *fakeTable
	workers []*Store
	token   string
	began   time.Time

	mu      sync.Mutex
	updates []time.Duration // of this part of the run
	lost    int
}

const (
	simulatedWorkers = 4
	sweepSlots       = 256             // orders that a worker advances at once
	ramp             = 2 * time.Minute // the rate rises for so long
	warmUp           = 3 * time.Minute // until the shards have grown
	measured         = 30 * time.Second
)

func simulate(t *testing.T, rate, scale float64) {
	s := &simulation{
		t:     t,
		table: newFakeTable(fakeLimits{write: 1000 / scale, read: 3000 / scale, quota: 40_000 * max(1, rate/1400) / scale}),
		token: string(randomText(700)),
		began: time.Now(),
	}
	s.table.warmParts = int(rate * 30 / 1000) // the warm throughput is set to the rate
	ring := keys.NewRing(time.Now())
	for range simulatedWorkers {
		w := newStore(Config{Settings: Settings{Table: "t"}, Sealer: ring, Limits: recordLimits()})
		w.client = s.table
		w.load.warm = warmUnits / scale
		s.workers = append(s.workers, w)
	}
	ctx, stop := context.WithCancel(t.Context())
	var sweepers, approvals sync.WaitGroup
	for _, w := range s.workers {
		sweepers.Go(func() { s.sweep(ctx, w) })
	}
	began := s.began
	var before fakeUse
	for n := 0; time.Since(began) < warmUp+measured; n++ {
		if before.calls == 0 && time.Since(began) >= warmUp {
			before = s.use()
		}
		approvals.Go(func() { s.approve(fmt.Sprint("order-", n)) })
		ramp := min(1, max(0.1, time.Since(began).Seconds()/ramp.Seconds()))
		time.Sleep(time.Duration(float64(time.Second) * scale / rate / ramp))
	}
	after := s.use()
	approvals.Wait()
	stop()
	sweepers.Wait()
	n := rate / scale * measured.Seconds()
	slices.Sort(s.updates)
	median, p99 := s.updates[len(s.updates)/2], s.updates[len(s.updates)*99/100]
	t.Logf("%.0f/s: %d shards, %.1f calls, %.1f written and %.2f read units an approval, %.2f %% throttled, %.2f %% conflicts, "+
		"an update takes %v (p99 %v)", rate, s.workers[0].members.shards.read, float64(after.calls-before.calls)/n,
		(after.write-before.write)/n, (after.read-before.read)/n,
		100*float64(after.throttled-before.throttled)/float64(after.calls-before.calls),
		100*float64(after.conflicts-before.conflicts)/float64(after.calls-before.calls),
		median.Round(100*time.Microsecond), p99.Round(time.Millisecond))
	require.Zero(t, s.lost)
	require.LessOrEqual(t, float64(after.throttled-before.throttled), 0.02*float64(after.calls-before.calls))
	for _, w := range s.workers {
		require.NoError(t, w.Close())
	}
	time.Sleep(2 * beatInterval)
	counted, err := newStoreOn(s.workers[0]).sumCounts(t.Context())
	require.NoError(t, err)
	require.Zero(t, counted[pendingPrefix+"orders"], "all are decided")
}

// newStoreOn returns a further process on the table of another.
func newStoreOn(w *Store) *Store {
	s := newStore(w.config)
	s.client = w.client
	return s
}

// use returns the use of the table until now, and begins to note the times of the updates again.
func (s *simulation) use() fakeUse {
	s.mu.Lock()
	s.updates = nil
	s.mu.Unlock()
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	return s.table.used
}

// sweep claims due orders and advances them beside each other, as a worker does.
func (s *simulation) sweep(ctx context.Context, w *Store) {
	used := make(chan struct{}, sweepSlots)
	var advances sync.WaitGroup
	for ctx.Err() == nil {
		ids, err := w.Claim(ctx, time.Now(), sweepSlots-len(used), 2*time.Second)
		if ctx.Err() == nil && time.Since(s.began) > warmUp {
			assert.NoError(s.t, err)
		}
		for _, id := range ids {
			used <- struct{}{}
			advances.Go(func() {
				defer func() { <-used }()
				_ = w.Update(ctx, id, advance)
			})
		}
		time.Sleep(500 * time.Millisecond)
	}
	advances.Wait()
	w.upkeep.group.Wait()
}

func advance(o *approval.Order) error {
	if len(o.Advance(approval.Environment{Now: time.Now(), Lease: 30 * time.Second})) == 0 {
		return store.ErrNotEmpty // it stays as it is
	}
	return nil
}

// update updates an order on a worker.
func (s *simulation) update(
	ctx context.Context, w *Store, id string, f func(o *approval.Order, env approval.Environment) []approval.Action,
) (actions []approval.Action) {
	began := time.Now()
	for range 100 { // the sender repeats it
		err := w.Update(ctx, id, func(o *approval.Order) error {
			actions = f(o, approval.Environment{Now: time.Now(), Lease: 30 * time.Second})
			return nil
		})
		if err == nil {
			s.mu.Lock()
			s.updates = append(s.updates, time.Since(began))
			s.mu.Unlock()
			return actions
		}
	}
	s.mu.Lock()
	s.lost++
	s.mu.Unlock()
	return nil
}

// approve runs an approval. A worker gets the request, and any worker the decision.
func (s *simulation) approve(id string) {
	first, second := s.workers[rand.IntN(simulatedWorkers)], s.workers[rand.IntN(simulatedWorkers)]
	actions := s.update(store.ExpectNew(s.t.Context()), first, id, func(o *approval.Order, env approval.Environment) []approval.Action {
		r := costRequest()
		r.Token = approval.NewToken(s.token)
		r.Deadline = env.Now.Add(time.Hour)
		_, actions, _ := o.AddRequest(r, env)
		return actions
	})
	time.Sleep(20 * time.Millisecond)
	for _, action := range actions {
		s.update(s.t.Context(), first, id, func(o *approval.Order, env approval.Environment) []approval.Action {
			o.RecordNotificationResult(action, approval.Result{Kind: approval.ResultOK}, env)
			return nil
		})
	}
	time.Sleep(time.Second + rand.N(2*time.Second))
	actions = s.update(s.t.Context(), second, id, func(o *approval.Order, env approval.Environment) []approval.Action {
		_, actions, _ := o.Decide(approval.Decision{
			ID:      "d",
			Via:     approval.ViaAPI,
			Source:  "api",
			By:      "ann@example.com",
			Outcome: approval.Approve,
		}, approval.UnmatchedRetention{}, env)
		return actions
	})
	time.Sleep(20 * time.Millisecond)
	for _, action := range actions {
		s.update(s.t.Context(), second, id, func(o *approval.Order, env approval.Environment) []approval.Action {
			o.RecordCallbackResult(action, approval.Result{Kind: approval.ResultOK}, env)
			return nil
		})
	}
}

// A write that is throttled counts for the growth of the shards, once with all of its attempts.
func TestThrottledWritesCountAsLoad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStore(Config{Settings: Settings{Table: "t"}, Sealer: keys.NewRing(time.Now()), Limits: recordLimits()})
		table := newFakeTable(fakeLimits{read: 3000, quota: 40_000})
		s.client = table
		require.Error(t, s.Update(t.Context(), "o", addRequest))
		require.Greater(t, table.used.throttled, 1)
		require.Equal(t, int64(1), s.load.units.Load(), "a row of the index by due time")
	})
}

// TestIdleCost counts the read units of a worker without work in virtual time.
func TestIdleCost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		table := newFakeTable(fakeLimits{write: 1000, read: 3000, quota: 40_000})
		w := newStore(Config{Settings: Settings{Table: "t"}, Sealer: keys.NewRing(time.Now()), Limits: recordLimits()})
		w.client = table
		const hours = 3
		began := time.Now()
		for n := 0; time.Since(began) < hours*time.Hour; n++ {
			time.Sleep(time.Until(began.Add(time.Duration(n) * 500 * time.Millisecond)))
			_, err := w.Claim(t.Context(), time.Now(), 256, 2*time.Second)
			require.NoError(t, err)
			if n%4 == 0 {
				_, err := w.Controls(t.Context())
				require.NoError(t, err)
			}
			if n%120 == 0 { // a scrape
				_, err := w.Stats(t.Context())
				require.NoError(t, err)
			}
		}
		require.NoError(t, w.Close())
		month := table.used.read / hours * 24 * 30
		t.Logf("an idle worker reads %.2f million units a month and writes %.2f", month/1e6, table.used.write/hours*24*30/1e6)
		require.LessOrEqual(t, month, 2e6)
	})
}
