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
	clientCount = 64   // concurrent clients of the program and of the store
	storeOrders = 1000 // updates are spread over this number of orders
	storeRound  = 1500 * time.Millisecond
)

// openStore creates a folder with a store and with the keys that seal it. A worker can use the same folder.
func (b *bench) openStore(ctx context.Context, name string) (*sqlite.Store, string, error) {
	dir := filepath.Join(b.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, "", err
	}
	ring := keys.NewRing(time.Now())
	if err := ring.CreateFile(filepath.Join(dir, "keys")); err != nil {
		return nil, "", err
	}
	s, err := sqlite.Open(ctx, sqlite.Config{Path: filepath.Join(dir, "orders.db"), Sealer: ring})
	if err == nil {
		b.cleanups = append(b.cleanups, func() { _ = s.Close() })
	}
	return s, dir, err
}

// measureStore compares updates of the store with 64 concurrent clients with plain commits.
func (b *bench) measureStore(ctx context.Context) error {
	s, dir, err := b.openStore(ctx, "store")
	if err != nil {
		return err
	}
	defer s.Close()
	p, err := openPlainTable(ctx, dir)
	if err != nil {
		return err
	}
	defer p.closeDatabase()
	err = runConcurrently(ctx, storeOrders, func(i int) error {
		return s.Update(ctx, orderID(i), func(o *approval.Order) error { return addRequest(o, i, time.Now().Add(time.Hour), time.Now()) })
	})
	if err != nil {
		return err
	}
	touch := func(o *approval.Order) error { o.Approvals[0].RemindersSent++; return nil }
	var ours, plains []float64
	for range b.rounds {
		rate, err := rateDuring(storeRound, clientCount, func(i int) error { return s.Update(ctx, orderID(i%storeOrders), touch) })
		if err != nil {
			return err
		}
		ours = append(ours, rate)
		if rate, err = rateDuring(storeRound, 1, func(int) error { return p.commitRow(ctx) }); err != nil {
			return err
		}
		plains = append(plains, rate)
	}
	b.addRow(atLeast("durable store updates/s on SQLite, 64 at once", formatRate(median(ours)),
		"plain durable one-row commits, one after another: "+formatRate(median(plains)), ratio(ours, plains), 3))
	return nil
}

// runConcurrently runs n calls, 64 at a time.
func runConcurrently(ctx context.Context, n int, f func(i int) error) error {
	var group sync.WaitGroup
	var next atomic.Int64
	var failed atomic.Pointer[error]
	for range clientCount {
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

// rateDuring runs calls with a number of clients for a time and returns the calls per second.
func rateDuring(d time.Duration, clients int, f func(i int) error) (float64, error) {
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

// orderID returns an ID for the order with this number. The IDs are spread over the table, like real IDs.
func orderID(i int) string { return fmt.Sprintf("%08x-%d", uint32(i)*2654435761, i) }

// lease is longer than any run, so that no action is begun twice.
const lease = 1000 * time.Hour

// addRequest adds the same request to an order as the program does for a message of requestBodies.
func addRequest(o *approval.Order, i int, deadline, now time.Time) error {
	_, _, err := o.AddRequest(approval.Request{
		Token:             approval.NewToken(fmt.Sprintf("%0700d", i)),
		Target:            "stepfunctions",
		Workflow:          "orders",
		Details:           []approval.Field{{Name: "amount", Value: "12.5"}},
		Policy:            approval.Policy{Kind: approval.PolicyAny},
		MinAssurance:      "link",
		Channels:          []string{"hook"},
		Approvers:         []approval.Approver{{ID: approver, Nonce: "0123456789abcdef"}},
		Deadline:          deadline,
		CallbackRetry:     approval.RetrySchedule{Base: 500 * time.Millisecond, Cap: time.Minute, MaxAge: 24 * time.Hour},
		NotificationRetry: approval.RetrySchedule{Base: 2 * time.Second, Cap: 5 * time.Minute, MaxAge: 6 * time.Hour},
		Retention:         30 * 24 * time.Hour,
	}, approval.Environment{Now: now, Lease: lease})
	return err
}
