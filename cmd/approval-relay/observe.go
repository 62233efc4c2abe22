package main

import (
	"context"
	"time"

	group "github.com/oklog/run"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/metrics"
	"github.com/approval-relay/approval-relay/sqs"
	"github.com/approval-relay/approval-relay/store"
)

// timed is a store that tells how long its calls took.
type timed struct {
	orders
	metrics *metrics.Metrics
}

// Update implements store.Store.
func (t timed) Update(ctx context.Context, orderID string, transition func(*approval.Order) error) error {
	began := time.Now()
	err := t.orders.Update(ctx, orderID, transition)
	t.metrics.Stored("update", time.Since(began))
	return err
}

// Get implements store.Store.
func (t timed) Get(ctx context.Context, orderID string) (*approval.Order, error) {
	began := time.Now()
	o, err := t.orders.Get(ctx, orderID)
	t.metrics.Stored("get", time.Since(began))
	return o, err
}

// Claim implements store.Store.
func (t timed) Claim(ctx context.Context, now time.Time, limit int, lease time.Duration) ([]string, error) {
	began := time.Now()
	ids, err := t.orders.Claim(ctx, now, limit, lease)
	t.metrics.Stored("claim", time.Since(began))
	return ids, err
}

// List implements store.Store.
func (t timed) List(ctx context.Context, q store.Query) ([]*approval.Order, string, error) {
	began := time.Now()
	found, next, err := t.orders.List(ctx, q)
	t.metrics.Stored("list", time.Since(began))
	return found, next, err
}

// turns is a rate limiter that tells how long those waited whom it gave a turn.
type turns struct {
	callback.Limiter
	waited func(time.Duration)
}

// Wait implements callback.Limiter.
func (t turns) Wait(ctx context.Context) error {
	began := time.Now()
	err := t.Limiter.Wait(ctx)
	t.waited(time.Since(began))
	return err
}

// readDepth is how often the depth of each queue is read. Every read costs, beside
// the three long polls of an idle minute.
const readDepth = 5 * time.Minute

// depth is what there is to be known of one queue.
type depth struct {
	api   sqs.DepthAPI
	queue string // name or URL
}

// addDepths adds the reading of the queues' depths.
func (r *relay) addDepths(parts *group.Group) {
	for name, d := range r.depths {
		ctx, cancel := context.WithCancel(context.Background())
		parts.Add(func() error {
			sqs.WatchDepth(ctx, d.api, d.queue, readDepth, r.tellDepth(name))
			return nil
		}, func(error) { cancel() })
	}
}

// tellDepth returns what is told how deep a queue is; that it cannot be read is
// logged once, and when it can be again.
func (r *relay) tellDepth(name string) func(sqs.Depth, error) {
	seen, failing := r.metrics.SQS(name), false
	return func(d sqs.Depth, err error) {
		if before := failing; before != (err != nil) {
			failing = !before
			r.log.Log(context.Background(), level(err), "reading the depth of a queue", "source", name, "works", err == nil, "error", err)
		}
		if err != nil {
			seen.DepthUnread()
			return
		}
		seen.Depth(d.Visible, d.InFlight, d.Delayed)
	}
}
