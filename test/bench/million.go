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
	sweepOf    = 100
	// step is how far apart the deadlines are, of which none is near.
	step      = 10 * time.Millisecond
	notBefore = 2 * time.Hour
	memory    = 64 << 20
)

// size is a store with that many pending approvals, and a worker on it.
type size struct {
	pending        int
	dir            string
	first          time.Time // when the first deadline is less than a step away
	sweep          *router.Sweeper
	swept          int
	sweeps, scrape []time.Duration
	worker         *worker
	resident       int
}

// measureMillion compares what must not depend on how much is pending, with
// 10,000 pending approvals and with a million, and with an empty store.
func (b *bench) measureMillion(ctx context.Context) error {
	if b.million == 0 {
		return nil
	}
	sizes := []*size{{pending: b.million}, {pending: fewPending}, {}}
	for _, z := range sizes {
		if err := b.fill(ctx, z); err != nil {
			return err
		}
	}
	many, few, none := sizes[0], sizes[1], sizes[2]
	if err := compareSweeps(ctx, many, few); err != nil {
		return err
	}
	for _, z := range sizes {
		if err := b.work(ctx, z); err != nil {
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
		if z.resident, err = z.worker.resident(); err != nil {
			return err
		}
	}
	of := grouped(b.million) + " pending: "
	less := grouped(few.pending) + " pending: "
	b.add(atMost("sweep of 100 due approvals", of+took(median(many.sweeps)), less+took(median(few.sweeps)), ratio(many.sweeps, few.sweeps), 1.3).times())
	b.add(atMost("one metrics scrape", of+took(median(many.scrape)), less+took(median(few.scrape)), ratio(many.scrape, few.scrape), 1.3).times())
	b.add(row{
		what: "resident memory of the worker, after 1,536 approvals, 2,000 reads, 40 scrapes", measured: of + mega(many.resident), against: "empty: " + mega(none.resident),
		figure: "+" + mega(many.resident-none.resident), reach: "≤ +" + mega(memory), ok: many.resident-none.resident <= memory,
	})
	b.add(row{
		what: "start until ready", measured: of + took(many.worker.started), against: "empty: " + took(none.worker.started),
		figure: took(many.worker.started), reach: "< 2 s", ok: many.worker.started < 2*time.Second,
	})
	return nil
}

// grouped writes a number of thousands.
func grouped(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", grouped(n/1000), n%1000)
}

func mega(bytes int) string { return fmt.Sprintf("%d MiB", bytes>>20) }

// fill makes a store by the store's own updates. Deadlines follow the requests, a
// step apart; the orders' IDs have nothing to do with either.
func (b *bench) fill(ctx context.Context, z *size) error {
	s, dir, err := b.openStore(ctx, fmt.Sprintf("pending-%d", z.pending))
	if err != nil {
		return err
	}
	z.dir, z.first = dir, time.Now().Add(notBefore)
	err = side(ctx, z.pending, func(i int) error {
		deadline := z.first.Add(time.Duration(i) * step)
		return s.Update(ctx, orderID(i), func(o *approval.Order) error {
			if err := request(o, i, deadline); err != nil {
				return err
			}
			o.RecordNotificationResult(approval.Action{
				OrderID:      o.ID,
				ApprovalID:   o.Approvals[0].ID,
				Notification: o.Approvals[0].Notifications[0].ID,
				Attempt:      1,
			},
				approval.Result{Kind: approval.ResultOK}, approval.Environment{Now: time.Now(), Lease: lease})
			return nil
		})
	})
	return errors.Join(err, s.Close())
}

// compareSweeps times sweeps in turn, by the clock of each store's deadlines.
func compareSweeps(ctx context.Context, sizes ...*size) error {
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
		z.sweep = &router.Sweeper{
			Orders: s,
			Log:    slog.New(slog.DiscardHandler),
			Batch:  256,
			Lease:  time.Second,
			Transitions: &handlers.Transitions{
				Orders:   s,
				Dispatch: nowhere{},
				Observer: nowhere{},
				Log:      slog.New(slog.DiscardHandler),
				Lease:    lease,
				Now:      func() time.Time { return z.first.Add(time.Duration(z.swept)*step - 1) },
			},
		}
	}
	for range 25 {
		for _, z := range sizes {
			z.swept += sweepOf
			began := time.Now()
			n, err := z.sweep.Sweep(ctx)
			z.sweeps = append(z.sweeps, time.Since(began))
			if err == nil && n != sweepOf {
				err = fmt.Errorf("%d approvals were due of %d", n, z.pending)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// nowhere is where actions and events of the sweeps go.
type nowhere struct{}

func (nowhere) Room(approval.ActionKind, string) bool       { return true }
func (nowhere) Dispatch(context.Context, []approval.Action) {}
func (nowhere) Observe(context.Context, []approval.Event)   {}

// work starts a worker on the store, has it do some approvals, and reads orders
// from all over it.
func (b *bench) work(ctx context.Context, z *size) error {
	e, err := startEndpoint(atOnce)
	if err != nil {
		return err
	}
	b.ends = append(b.ends, e.stop)
	if z.worker, err = b.startWorker(ctx, z.dir, loopConfig(e)); err != nil {
		return err
	}
	l := &loop{worker: z.worker, endpoint: e, n: make([]int, atOnce)}
	if _, err := l.round(ctx); err != nil {
		return err
	}
	return side(ctx, 2000, func(i int) error {
		status, text, err := z.worker.call(ctx, "GET", "/v1/orders/"+orderID(i*max(1, z.pending/2000)), operatorToken, "")
		if err == nil && status != http.StatusOK && z.pending > 0 {
			err = fmt.Errorf("read order: %d %s", status, text)
		}
		return err
	})
}

func (z *size) scrapeOnce(ctx context.Context) error {
	began := time.Now()
	status, _, err := z.worker.call(ctx, "GET", "/metrics", "", "")
	z.scrape = append(z.scrape, time.Since(began))
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("scrape: %d", status)
	}
	return err
}
