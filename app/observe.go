package app

import (
	"context"
	"time"

	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	group "github.com/oklog/run"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/metrics"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/sqs"
	"github.com/approval-relay/approval-relay/store"
)

// observedStore is a store that observes the duration of its calls, and the orders that cannot be opened.
type observedStore struct {
	orderStore
	metrics    *metrics.Metrics
	unreadable *unreadableOrders
}

// Update implements store.Store.
func (s observedStore) Update(ctx context.Context, orderID string, transition func(*approval.Order) error) error {
	return s.observeUpdate(ctx, orderID, transition, s.orderStore.Update)
}

// UpdateUnsynced implements store.Store.
func (s observedStore) UpdateUnsynced(
	ctx context.Context, orderID string, transition func(*approval.Order) error,
) error {
	return s.observeUpdate(ctx, orderID, transition, s.orderStore.UpdateUnsynced)
}

func (s observedStore) observeUpdate(
	ctx context.Context, orderID string, transition func(*approval.Order) error,
	update func(context.Context, string, func(*approval.Order) error) error,
) error {
	began := time.Now()
	err := update(ctx, orderID, transition)
	s.metrics.StoreCalled(metrics.StoreUpdate, time.Since(began))
	s.unreadable.observe(orderID, err)
	return err
}

// Get implements store.Store.
func (s observedStore) Get(ctx context.Context, orderID string) (*approval.Order, error) {
	return s.observeGet(s.orderStore.Get)(ctx, orderID)
}

// getOrder reads an order.
type getOrder func(ctx context.Context, orderID string) (*approval.Order, error)

// observeGet returns a read of an order that is observed.
func (s observedStore) observeGet(get getOrder) getOrder {
	return func(ctx context.Context, orderID string) (*approval.Order, error) {
		began := time.Now()
		o, err := get(ctx, orderID)
		s.metrics.StoreCalled(metrics.StoreGet, time.Since(began))
		s.unreadable.observe(orderID, err)
		return o, err
	}
}

// getOrders reads many orders at once.
type getOrders func(ctx context.Context, orderIDs []string) (map[string]*approval.Order, error)

// observeGetMany returns a read of many orders that is observed, as a single read.
func (s observedStore) observeGetMany(getMany getOrders) getOrders {
	return func(ctx context.Context, orderIDs []string) (map[string]*approval.Order, error) {
		began := time.Now()
		orders, err := getMany(ctx, orderIDs)
		s.metrics.StoreCalled(metrics.StoreGet, time.Since(began))
		for id := range orders {
			s.unreadable.observe(id, nil)
		}
		return orders, err
	}
}

// Claim implements store.Store.
func (s observedStore) Claim(ctx context.Context, now time.Time, limit int, lease time.Duration) ([]string, error) {
	began := time.Now()
	ids, err := s.orderStore.Claim(ctx, now, limit, lease)
	s.metrics.StoreCalled(metrics.StoreClaim, time.Since(began))
	return ids, err
}

// List implements store.Store.
func (s observedStore) List(ctx context.Context, q store.OrderQuery) ([]*approval.Order, string, error) {
	began := time.Now()
	found, next, err := s.orderStore.List(ctx, q)
	s.metrics.StoreCalled(metrics.StoreList, time.Since(began))
	return found, next, err
}

// observedLimiter is a rate limiter that observes the time that its callers wait.
type observedLimiter struct {
	limiter setup.Limiter
	observe func(waited time.Duration)
}

// Wait implements setup.Limiter.
func (l observedLimiter) Wait(ctx context.Context) error {
	began := time.Now()
	err := l.limiter.Wait(ctx)
	l.observe(time.Since(began))
	return err
}

// readDepth is the time between two reads of a queue's depth. Every read costs, beside the three long polls of an idle
// minute.
const readDepth = 5 * time.Minute

// depthReads is the number of depths that are read at the same time. Hundreds of calls at once would cost megabytes.
const depthReads = 8

// fewReads makes a call when a slot is free.
type fewReads struct {
	sqs.DepthAPI

	slots chan struct{}
}

// GetQueueAttributes implements sqs.DepthAPI.
func (f fewReads) GetQueueAttributes(
	ctx context.Context, in *awssqs.GetQueueAttributesInput, options ...func(*awssqs.Options),
) (*awssqs.GetQueueAttributesOutput, error) {
	select {
	case f.slots <- struct{}{}:
		defer func() { <-f.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return f.DepthAPI.GetQueueAttributes(ctx, in, options...)
}

// queueDepth reads the depth of a queue.
type queueDepth struct {
	api   sqs.DepthAPI
	queue string // name or URL
}

// addDepths adds the reading of the queues' depths.
func (a *App) addDepths(parts *group.Group) {
	slots := make(chan struct{}, depthReads)
	for name, d := range a.queues.depths {
		ctx, cancel := context.WithCancel(context.Background())
		parts.Add(func() error {
			sqs.WatchDepth(ctx, fewReads{d.api, slots}, d.queue, readDepth, a.depthObserver(name))
			return nil
		}, func(error) { cancel() })
	}
}

// depthObserver returns the function that observes the depth of a queue. It logs once that the depth cannot be read, and
// once that it can be read again.
func (a *App) depthObserver(name string) func(sqs.Depth, error) {
	seen, failing := a.metrics.QueueMetrics(name), false
	return func(d sqs.Depth, err error) {
		if before := failing; before != (err != nil) {
			failing = !before
			a.log.Log(context.Background(), levelOf(err), "reading the depth of a queue", "source", name, "works", err == nil, "error", err)
		}
		if err != nil {
			seen.DepthReadFailed()
			return
		}
		seen.DepthRead(d.Visible, d.InFlight, d.Delayed)
	}
}
