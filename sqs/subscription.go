package sqs

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
)

const (
	// killGrace is the time that a handler has to ack or nack after its context was cancelled at the end of
	// CloseTimeout.
	killGrace = 100 * time.Millisecond
	// finishTimeout bounds the deletes and returns at the end of a shutdown while SQS cannot be reached.
	finishTimeout = 5 * time.Second
	// pollGrace is the time for which a receive that has just begun is not cancelled by a shutdown. Under load the
	// answer arrives within milliseconds, and its messages are returned at once. The messages of a cancelled receive
	// would be invisible until their timeout. A receive that takes longer waits at an empty queue.
	pollGrace = 300 * time.Millisecond
	// gatherLinger is the time for which a receive waits for more free slots after the first. A busy subscriber then
	// receives ten messages at a time, and a subscriber with many slow handlers still uses its remaining slots.
	gatherLinger = 250 * time.Millisecond
)

// subscription is the work of a call of Subscribe.
type subscription struct {
	api      API
	cfg      Config
	topic    string
	url      string
	log      *slog.Logger
	observer Observer
	decoder  decoder

	out       chan *message.Message
	slots     chan struct{} // holds a token for each free slot
	freeSlots *gatherer[struct{}]
	registry  registry

	receiveCtx      context.Context // ends when a shutdown begins
	stopReceiving   context.CancelFunc
	callCtx         context.Context // the context of messages and calls; ends when a shutdown has ended
	cancelCalls     context.CancelFunc
	receiveEnded    chan struct{} // closed when all receives have ended
	handlersExpired chan struct{} // closed when CloseTimeout has passed

	pollers  pollers
	couriers sync.WaitGroup
	deleters sync.WaitGroup
	deletes  chan deletion
}

func newSubscription(ctx context.Context, api API, cfg Config, topic, url string) *subscription {
	s := &subscription{
		api:             api,
		cfg:             cfg,
		topic:           topic,
		url:             url,
		log:             cfg.Logger.With("queue", topic),
		observer:        cfg.Observer,
		decoder:         newDecoder(topic, cfg),
		out:             make(chan *message.Message),
		slots:           make(chan struct{}, cfg.Concurrency),
		registry:        newRegistry(),
		receiveEnded:    make(chan struct{}),
		handlersExpired: make(chan struct{}),
		deletes:         make(chan deletion, cfg.Concurrency),
	}
	for range cfg.Concurrency {
		s.slots <- struct{}{}
	}
	s.freeSlots = newGatherer(s.slots, min(maxBatch, cfg.Concurrency), gatherLinger)
	s.receiveCtx, s.stopReceiving = context.WithCancel(ctx)
	s.callCtx, s.cancelCalls = context.WithCancel(context.WithoutCancel(ctx))
	return s
}

// run receives until its context ends or closing is closed, and then shuts down. When it returns, all goroutines of the
// subscription have ended.
func (s *subscription) run(closing <-chan struct{}) {
	defer close(s.out)
	defer s.cancelCalls()
	defer s.stopReceiving()

	if !s.findQueue(closing) {
		return
	}
	toDelete := newGatherer(s.deletes, maxBatch, s.cfg.DeleteLinger)
	for range max(2, s.cfg.Pollers) {
		s.deleters.Go(func() { s.deleteAll(toDelete) })
	}
	s.startPoller()
	s.log.Info("receiving")

	select {
	case <-s.receiveCtx.Done():
	case <-closing:
	}
	s.stopReceiving()
	s.shutDown()
	s.log.Info("receiving stopped")
}

// shutDown waits for the messages in flight. Each part of it is bounded.
func (s *subscription) shutDown() {
	timeout := time.NewTimer(s.cfg.CloseTimeout)
	defer timeout.Stop()
	settled := make(chan struct{})
	go func() {
		s.pollers.running.Wait() // each hands its messages to couriers
		close(s.receiveEnded)
		s.couriers.Wait()
		close(settled)
	}()
	limit := finishTimeout
	select {
	case <-settled:
	case <-timeout.C:
		s.log.Warn("handlers did not finish in time: their messages are returned", "in_flight", s.cfg.Concurrency-len(s.slots))
		close(s.handlersExpired)
		limit += killGrace
	}
	last := time.AfterFunc(limit, s.cancelCalls)
	defer last.Stop()
	<-settled
	close(s.deletes)
	s.deleters.Wait()
}

// pause waits, and reports whether ctx is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
