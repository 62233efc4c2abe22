package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/router"
	"github.com/approval-relay/approval-relay/store/sqlite"
)

const (
	fewPending = 10_000
	sweepSize  = 100
	// deadlineStep is the time between two deadlines. All deadlines are later than the run.
	deadlineStep       = 10 * time.Millisecond
	firstDeadlineAfter = 2 * time.Hour
	maxExtraMemory     = 64 << 20
)

// storeSize is a store with a number of pending approvals, and a worker that uses it.
type storeSize struct {
	pending        int
	dir            string
	firstDeadline  time.Time // a step before the first deadline
	timedOut       chan struct{}
	sweeper        *router.Sweeper
	swept          int
	sweeps, scrape []time.Duration
	worker         *worker
	residentMemory int
}

// measurePending compares figures that must not depend on the number of pending approvals. The stores have a million
// and 10,000 pending approvals; the third is empty.
func (b *bench) measurePending(ctx context.Context) error {
	if b.manyPending == 0 {
		return nil
	}
	sizes := []*storeSize{{pending: b.manyPending}, {pending: fewPending}, {}}
	for _, z := range sizes {
		if err := b.fillStore(ctx, z); err != nil {
			return err
		}
	}
	many := sizes[0]
	few := sizes[1]
	none := sizes[2]
	if err := compareSweeps(ctx, many, few); err != nil {
		return err
	}
	for _, z := range sizes {
		if err := b.runWorker(ctx, z); err != nil {
			return err
		}
	}
	for range 40 {
		for _, z := range sizes {
			if err := z.scrapeOnce(ctx); err != nil {
				return err
			}
		}
	}
	for _, z := range sizes {
		var err error
		if z.residentMemory, err = z.worker.residentMemory(); err != nil {
			return err
		}
	}
	of := groupThousands(b.manyPending) + " pending: "
	less := groupThousands(few.pending) + " pending: "
	b.addRow(atMost("sweep of 100 due approvals", of+formatDuration(median(many.sweeps)), less+formatDuration(median(few.sweeps)),
		ratio(many.sweeps, few.sweeps), 1.3).asRatio())
	b.addRow(atMost("one metrics scrape", of+formatDuration(median(many.scrape)), less+formatDuration(median(few.scrape)),
		ratio(many.scrape, few.scrape), 1.3).asRatio())
	b.addRow(row{
		what:     "resident memory of the worker, after 1,536 approvals, 2,000 reads, 40 scrapes",
		measured: of + formatMiB(many.residentMemory),
		against:  "empty: " + formatMiB(none.residentMemory),
		figure:   "+" + formatMiB(many.residentMemory-none.residentMemory),
		limit:    "≤ +" + formatMiB(maxExtraMemory),
		ok:       many.residentMemory-none.residentMemory <= maxExtraMemory,
	})
	b.addRow(row{
		what:     "start until ready",
		measured: of + formatDuration(many.worker.started),
		against:  "empty: " + formatDuration(none.worker.started),
		figure:   formatDuration(many.worker.started),
		limit:    "< 2 s",
		ok:       many.worker.started < 2*time.Second,
	})
	return nil
}

// groupThousands formats a number with a comma between thousands.
func groupThousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", groupThousands(n/1000), n%1000)
}

func formatMiB(bytes int) string { return fmt.Sprintf("%d MiB", bytes>>20) }

// fillStore creates a store through the store's own updates. The deadlines have the order of the requests and are
// deadlineStep apart; the order IDs are unrelated to both.
func (b *bench) fillStore(ctx context.Context, z *storeSize) error {
	s, dir, err := b.openStore(ctx, fmt.Sprintf("pending-%d", z.pending))
	if err != nil {
		return err
	}
	z.dir = dir
	z.firstDeadline = time.Now().Add(firstDeadlineAfter)
	err = runConcurrently(ctx, z.pending, func(i int) error {
		deadline := z.firstDeadline.Add(time.Duration(i) * deadlineStep)
		return s.Update(ctx, orderID(i), func(o *approval.Order) error { return addNotified(o, i, deadline, time.Now()) })
	})
	return errors.Join(err, s.Close())
}

// addNotified adds a request to an order, and records that its notification was sent.
func addNotified(o *approval.Order, i int, deadline, now time.Time) error {
	if err := addRequest(o, i, deadline, now); err != nil {
		return err
	}
	action := approval.Action{
		OrderID:      o.ID,
		ApprovalID:   o.Approvals[0].ID,
		Notification: o.Approvals[0].Notifications[0].ID,
		Attempt:      1,
	}
	o.RecordNotificationResult(action, approval.Result{Kind: approval.ResultOK}, approval.Environment{Now: now, Lease: lease})
	return nil
}

// compareSweeps times sweeps of the stores in turn. Each store has its own clock, so that its deadlines are due.
func compareSweeps(ctx context.Context, sizes ...*storeSize) error {
	for _, z := range sizes {
		ring, err := keys.LoadFile(filepath.Join(z.dir, "keys"))
		if err != nil {
			return err
		}
		s, err := sqlite.Open(ctx, sqlite.Config{Path: filepath.Join(z.dir, "orders.db"), Sealer: ring})
		if err != nil {
			return err
		}
		defer s.Close()
		z.timedOut = make(chan struct{}, sweepSize)
		z.sweeper = router.NewSweeper(router.SweeperConfig{
			Claimer:      s,
			Observer:     discard{},
			Log:          slog.New(slog.DiscardHandler),
			Batch:        256,
			Lease:        time.Second,
			Interval:     time.Hour,
			CloseTimeout: time.Minute,
			Transitions: &handlers.Transitions{
				Orders:   s,
				Dispatch: discard{},
				Observer: discard{timedOut: z.timedOut},
				Log:      slog.New(slog.DiscardHandler),
				Lease:    lease,
				Now:      func() time.Time { return z.firstDeadline.Add(time.Duration(z.swept)*deadlineStep - 1) },
			},
		})
	}
	for range 25 {
		for _, z := range sizes {
			z.swept += sweepSize
			if err := z.timeSweep(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// timeSweep runs the sweeper until all approvals that are due have timed out.
func (z *storeSize) timeSweep(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	began := time.Now()
	ended := make(chan error, 1)
	go func() { ended <- z.sweeper.Run(ctx) }()
	for n := range sweepSize {
		select {
		case <-z.timedOut:
		case err := <-ended:
			return errors.Join(err, fmt.Errorf("%d approvals were due of %d", n, z.pending))
		}
	}
	z.sweeps = append(z.sweeps, time.Since(began))
	cancel()
	return <-ended
}

// discard drops the actions and events of the sweeps.
type discard struct{ timedOut chan struct{} }

func (discard) Reserve(handlers.Reservation) bool           { return true }
func (discard) Release(approval.Action)                     {}
func (discard) SetNextDue(string, time.Time)                {}
func (discard) ActionNotMade(approval.ActionKind)           {}
func (discard) Dispatch(context.Context, []approval.Action) {}
func (discard) SweepEnded(int, error)                       {}

func (d discard) Observe(_ context.Context, events []approval.Event) {
	for _, e := range events {
		if e.Kind == approval.EventTimedOut {
			d.timedOut <- struct{}{}
		}
	}
}

// runWorker starts a worker on the store, carries out some approvals, and reads orders from all parts of the store.
func (b *bench) runWorker(ctx context.Context, z *storeSize) error {
	e, err := startEndpoint(maxClients)
	if err != nil {
		return err
	}
	b.cleanups = append(b.cleanups, e.stop)
	if z.worker, err = b.startWorker(ctx, z.dir, loopConfig(e)); err != nil {
		return err
	}
	l := &approvalLoop{worker: z.worker, endpoint: e, count: make([]int, maxClients)}
	if _, err := l.runRound(ctx, clientCount, approvalRound); err != nil {
		return err
	}
	return runConcurrently(ctx, 2000, func(i int) error {
		status, text, err := z.worker.callOperator(ctx, "GET", "/v1/orders/"+orderID(i*max(1, z.pending/2000)), operatorToken, "")
		if err == nil && status != http.StatusOK && z.pending > 0 {
			err = fmt.Errorf("read order: %d %s", status, text)
		}
		return err
	})
}

func (z *storeSize) scrapeOnce(ctx context.Context) error {
	began := time.Now()
	status, _, err := z.worker.callOperator(ctx, "GET", "/metrics", "", "")
	z.scrape = append(z.scrape, time.Since(began))
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("scrape: %d", status)
	}
	return err
}
