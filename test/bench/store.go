package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store/sqlite"
)

const (
	atOnce      = 64   // clients of the program and of the store
	storeOrders = 1000 // that updates are spread over
	storeRound  = 1500 * time.Millisecond
)

// openStore makes a folder with a store, sealed with keys that a worker on the
// same folder finds.
func (b *bench) openStore(ctx context.Context, name string) (*sqlite.Store, string, error) {
	dir := filepath.Join(b.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, "", err
	}
	ring := keys.NewRing(time.Now())
	if err := ring.Create(filepath.Join(dir, "keys")); err != nil {
		return nil, "", err
	}
	s, err := sqlite.Open(ctx, sqlite.Config{Path: filepath.Join(dir, "orders.db"), Sealer: ring})
	if err == nil {
		b.ends = append(b.ends, func() { _ = s.Close() })
	}
	return s, dir, err
}

// measureStore compares updates of the store, 64 at once, with plain commits.
func (b *bench) measureStore(ctx context.Context) error {
	s, dir, err := b.openStore(ctx, "store")
	if err != nil {
		return err
	}
	defer s.Close()
	p, err := openPlain(ctx, dir)
	if err != nil {
		return err
	}
	defer p.close()
	err = side(ctx, storeOrders, func(i int) error {
		return s.Update(ctx, orderID(i), func(o *approval.Order) error { return request(o, i, time.Now().Add(time.Hour)) })
	})
	if err != nil {
		return err
	}
	touch := func(o *approval.Order) error { o.Approvals[0].RemindersSent++; return nil }
	var ours, plains []float64
	for range b.rounds {
		rate, err := during(storeRound, atOnce, func(i int) error { return s.Update(ctx, orderID(i%storeOrders), touch) })
		if err != nil {
			return err
		}
		ours = append(ours, rate)
		if rate, err = during(storeRound, 1, func(int) error { return p.commit(ctx) }); err != nil {
			return err
		}
		plains = append(plains, rate)
	}
	b.add(atLeast("durable store updates/s on SQLite, 64 at once", perSecond(median(ours)),
		"plain durable one-row commits, one after another: "+perSecond(median(plains)), ratio(ours, plains), 3))
	return nil
}

// side runs n calls, 64 side by side.
func side(ctx context.Context, n int, f func(i int) error) error {
	var group sync.WaitGroup
	var next atomic.Int64
	var failed atomic.Pointer[error]
	for range atOnce {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && failed.Load() == nil && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				if err := f(i); err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	group.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return ctx.Err()
}

// during returns how many calls a second were made by so many clients.
func during(d time.Duration, clients int, f func(i int) error) (float64, error) {
	var group sync.WaitGroup
	var next atomic.Int64
	var failed atomic.Pointer[error]
	began := time.Now()
	for range clients {
		group.Go(func() {
			for failed.Load() == nil && time.Since(began) < d {
				if err := f(int(next.Add(1))); err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	group.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return float64(next.Load()) / time.Since(began).Seconds(), nil
}

// orderID spreads orders over the table, as IDs in the wild do.
func orderID(i int) string { return fmt.Sprintf("%08x-%d", uint32(i)*2654435761, i) }

// lease is longer than any run: what a measurement begins stays begun.
const lease = 1000 * time.Hour

// request asks for the approval of an order, as the program does for the messages in
// bodies.
func request(o *approval.Order, i int, deadline time.Time) error {
	_, _, err := o.AddRequest(approval.Request{
		Token: approval.NewToken(fmt.Sprintf("%0700d", i)), Target: "stepfunctions", Workflow: "orders",
		Details: []approval.Field{{Name: "amount", Value: "12.5"}}, Policy: approval.Policy{Kind: approval.PolicyAny},
		MinAssurance: "link", Channels: []string{"hook"}, Approvers: []approval.Approver{{ID: approver, Nonce: "0123456789abcdef"}},
		Deadline: deadline, CallbackRetry: approval.RetrySchedule{Base: 500 * time.Millisecond, Cap: time.Minute, MaxAge: 24 * time.Hour},
		NotificationRetry: approval.RetrySchedule{Base: 2 * time.Second, Cap: 5 * time.Minute, MaxAge: 6 * time.Hour}, Retention: 30 * 24 * time.Hour,
	}, approval.Environment{Now: time.Now(), Lease: lease})
	return err
}
