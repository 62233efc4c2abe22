package heartbeat

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash/fnv"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/store"
)

// Times of workers that share a store.
const (
	// keepEvery is the pause between two writes of a worker's state.
	keepEvery = 5 * time.Second
	// deadAfter is the time after which a worker counts as dead if its state stays the same.
	deadAfter = 20 * time.Second
	// forgetAfter is the time after which the state of a dead worker is removed.
	forgetAfter = time.Hour
	// indexDelay is the time until a written order is in the index of its store.
	indexDelay = 2 * time.Second
	// MinSharedInterval is the shortest interval of heartbeats that workers of a shared store keep in memory. When a
	// worker dies, the others send its heartbeats after 20 to 40 seconds and a quarter of the interval. Heartbeats of a
	// shorter interval are due in the record, where any worker finds them at once.
	MinSharedInterval = 2 * time.Minute
)

// fleet is the knowledge of a worker about the workers that share its store.
type fleet struct {
	*Heart

	self    store.Worker
	workers map[string]*sighting
	living  []string // sorted
	view    string   // of the living
	epoch   int64    // of the view; it grows as the clock of Lamport does

	agreed   string      // the view that all have confirmed; the orders are read for it
	reading  chan string // has the confirmed view after its orders have been read
	stopRead context.CancelFunc
	readAt   time.Time // when they had been read
	again    bool      // the orders of these workers are read a second time
	gaveUp   bool      // the heartbeats that others own were given up
}

// sighting is the latest state of a worker, and when it was first seen.
type sighting struct {
	state store.Worker
	since time.Time
}

// takeOver takes over the heartbeats of absent workers: at the start, and when another worker has come or gone.
func (h *Heart) takeOver(ctx context.Context) {
	if h.Workers == nil {
		h.readPending(ctx, func(string) bool { return true })
		return
	}
	f := &fleet{
		Heart:    h,
		self:     store.Worker{ID: h.WorkerID},
		workers:  map[string]*sighting{},
		reading:  make(chan string, 1),
		stopRead: func() {},
	}
	defer f.leave(ctx)
	for {
		wait := keepEvery
		if f.keep(ctx) {
			wait = 0 // the others wait for the confirmation
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		case agreed := <-f.reading:
			timer.Stop()
			if agreed == f.agreed {
				f.self.Read = agreed
				f.readAt = time.Now()
			}
		}
	}
}

// leave removes the state of this worker, so that the others need not wait until it counts as dead.
func (f *fleet) leave(ctx context.Context) {
	f.stopRead()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := f.Workers.RemoveWorker(ctx, f.WorkerID); err != nil {
		f.Log.LogAttrs(ctx, slog.LevelWarn, "the worker did not leave", slog.String("error", err.Error()))
	}
}

// keep stores the state of this worker and acts by the states of all. It reports whether there is a new view. While the
// store fails, the view stays: to send a heartbeat needs the store too.
func (f *fleet) keep(ctx context.Context) (isNewView bool) {
	f.self.Beat++
	call, cancel := context.WithTimeout(ctx, keepEvery)
	states, err := f.Workers.KeepWorker(call, f.self)
	cancel()
	if err != nil {
		if ctx.Err() == nil {
			f.Log.LogAttrs(ctx, slog.LevelWarn, "the other workers are unknown", slog.String("error", err.Error()))
		}
		return false
	}
	f.see(ctx, states, time.Now())
	if f.confirm(ctx) {
		return true
	}
	f.advance(ctx)
	return false
}

// confirm begins a new view if the living workers are others than before, or if another worker has begun a view: it may
// have come back to a view that it had before, and does not know the orders that were stored meanwhile. It reports
// whether it began a view.
func (f *fleet) confirm(ctx context.Context) bool {
	highest := f.epoch
	for _, s := range f.workers {
		highest = max(highest, s.state.Epoch)
	}
	view := hashOf(f.living)
	switch {
	case view != f.view:
		f.again = false
		f.epoch = highest + 1
		f.Log.LogAttrs(ctx, slog.LevelInfo, "workers that share the store", slog.Int("workers", len(f.living)))
	case highest != f.epoch:
		f.epoch = highest
	case f.isTimeToRepeat():
		f.again = true
		f.epoch++
	default:
		return false
	}
	f.view = view
	f.gaveUp = false
	f.self.Epoch = f.epoch
	f.self.Confirmed = view + "/" + strconv.FormatInt(f.epoch, 10)
	f.Schedule.nextView()
	return true
}

// isTimeToRepeat reports whether this worker has to begin the view of the same workers once more, so that all read the
// orders again: an index of the store may have been late, and approvals that were stored during the first read have two
// keepers.
func (f *fleet) isTimeToRepeat() bool {
	return !f.again && f.gaveUp && f.living[0] == f.WorkerID && time.Since(f.readAt) >= MinSharedInterval/2
}

// see updates the knowledge about the workers.
func (f *fleet) see(ctx context.Context, states []store.Worker, now time.Time) {
	present := map[string]bool{f.WorkerID: true}
	for _, w := range states {
		present[w.ID] = true
		if s := f.workers[w.ID]; s == nil || s.state != w {
			f.workers[w.ID] = &sighting{state: w, since: now}
		}
	}
	f.workers[f.WorkerID] = &sighting{state: f.self, since: now}
	f.living = f.living[:0]
	for id, s := range f.workers {
		switch quiet := now.Sub(s.since); {
		case !present[id]:
			delete(f.workers, id)
		case quiet < deadAfter:
			f.living = append(f.living, id)
		case quiet >= forgetAfter:
			_ = f.Workers.RemoveWorker(ctx, id) // it is tried again
		}
	}
	slices.Sort(f.living)
}

// advance goes on with the present view: when all have confirmed it, the orders are read; when all have read them, the
// heartbeats that others own are given up.
func (f *fleet) advance(ctx context.Context) {
	view := f.self.Confirmed
	switch {
	case !f.haveAll(func(w store.Worker) bool { return w.Confirmed == view }):
	case f.agreed != view:
		f.agreed = view
		f.gaveUp = false
		f.read(ctx)
	case f.self.Read != view: // they are being read
	case !f.gaveUp && f.haveAll(func(w store.Worker) bool { return w.Read == view }):
		f.gaveUp = true
		f.Schedule.giveUp(f.ownership())
	}
}

// haveAll reports whether the states of all living workers are so.
func (f *fleet) haveAll(are func(store.Worker) bool) bool {
	return !slices.ContainsFunc(f.living, func(id string) bool { return !are(f.workers[id].state) })
}

// ownership returns the function that reports whether this worker owns an order in the present view.
func (f *fleet) ownership() func(orderID string) bool {
	owners := slices.Clone(f.living)
	return func(orderID string) bool { return ownerOf(orderID, owners) == f.WorkerID }
}

// read begins to read the pending orders, in the place of a read for an earlier view.
func (f *fleet) read(ctx context.Context) {
	f.stopRead()
	ctx, f.stopRead = context.WithCancel(ctx)
	agreed, owns := f.agreed, f.ownership()
	go func() {
		timer := time.NewTimer(indexDelay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		if f.readPending(ctx, owns) {
			select {
			case f.reading <- agreed:
			case <-ctx.Done():
			}
		}
	}()
}

// hashOf returns a short name of a set of workers.
func hashOf(workers []string) string {
	sum := sha256.Sum256([]byte(strings.Join(workers, "\n")))
	return hex.EncodeToString(sum[:8])
}

// ownerOf returns the worker that owns an order. When a worker comes or goes, only its own orders change their owner.
func ownerOf(orderID string, workers []string) (owner string) {
	var highest uint64
	for _, id := range workers {
		h := fnv.New64a()
		_, _ = h.Write([]byte(id))
		_, _ = h.Write([]byte{0})
		_, _ = h.Write([]byte(orderID))
		if score := mix(h.Sum64()); owner == "" || score > highest {
			owner, highest = id, score
		}
	}
	return owner
}

// mix spreads the bits of a hash: the highest bits of FNV hardly depend on the last bytes.
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
