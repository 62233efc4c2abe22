package sqs

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
)

const (
	// killGrace is how long a handler whose context was cancelled at the end of
	// CloseTimeout has to ack or nack.
	killGrace = 100 * time.Millisecond
	// finishTimeout bounds the deletes and returns at the end of a shutdown
	// during which SQS cannot be reached.
	finishTimeout = 5 * time.Second
	// pollGrace is how long after its begin a receive is not cancelled when a
	// shutdown begins. Under load the answer comes within milliseconds, with
	// messages that are given back at once; cancelled, they would be invisible
	// until their timeout. One that takes longer waits at an empty queue.
	pollGrace = 300 * time.Millisecond
	// gatherLinger is how long a receive waits for more free slots when there
	// is one: a busy subscriber receives ten at a time, and one whose slots are
	// nearly all held by slow handlers still uses the rest.
	gatherLinger = 250 * time.Millisecond
)

// subscription is one Subscribe.
type subscription struct {
	api      API
	cfg      Config
	topic    string
	url      string
	log      *slog.Logger
	observer Observer
	decoder  decoder

	out       chan *message.Message
	slots     chan struct{} // free ones
	freeSlots *gatherer[struct{}]
	known     registry

	receiving context.Context // ends when a shutdown begins
	stop      context.CancelFunc
	base      context.Context // of messages and calls; ends when a shutdown has ended
	abort     context.CancelFunc
	quiet     chan struct{} // closed when nothing is received any more
	kill      chan struct{} // closed when CloseTimeout has passed

	pollers  pollers
	couriers sync.WaitGroup
	deleters sync.WaitGroup
	deletes  chan deletion
}

func newSubscription(ctx context.Context, api API, cfg Config, topic, url string) *subscription {
	s := &subscription{
		api:      api,
		cfg:      cfg,
		topic:    topic,
		url:      url,
		log:      cfg.Logger.With("queue", topic),
		observer: cfg.Observer,
		decoder:  newDecoder(topic, cfg),
		out:      make(chan *message.Message),
		slots:    make(chan struct{}, cfg.Concurrency),
		known:    newRegistry(),
		quiet:    make(chan struct{}),
		kill:     make(chan struct{}),
		deletes:  make(chan deletion, cfg.Concurrency),
	}
	for range cfg.Concurrency {
		s.slots <- struct{}{}
	}
	s.freeSlots = newGatherer(s.slots, min(maxBatch, cfg.Concurrency), gatherLinger)
	s.receiving, s.stop = context.WithCancel(ctx)
	s.base, s.abort = context.WithCancel(context.WithoutCancel(ctx))
	return s
}

// run receives until its context or closing ends, and then shuts down: it
// returns when nothing of the subscription runs any more.
func (s *subscription) run(closing <-chan struct{}) {
	defer close(s.out)
	defer s.abort()
	defer s.stop()

	toDelete := newGatherer(s.deletes, maxBatch, s.cfg.DeleteLinger)
	for range max(2, s.cfg.Pollers) {
		s.deleters.Go(func() { s.deleteAll(toDelete) })
	}
	s.startPoller()
	s.log.Info("receiving")

	select {
	case <-s.receiving.Done():
	case <-closing:
	}
	s.stop()
	s.finish()
	s.log.Info("receiving stopped")
}

// finish waits for what is in flight, each part bounded.
func (s *subscription) finish() {
	timeout := time.NewTimer(s.cfg.CloseTimeout)
	defer timeout.Stop()
	settled := make(chan struct{})
	go func() {
		s.pollers.running.Wait() // each hands what it received to couriers
		close(s.quiet)
		s.couriers.Wait()
		close(settled)
	}()
	limit := finishTimeout
	select {
	case <-settled:
	case <-timeout.C:
		s.log.Warn("handlers did not finish in time: their messages are handed back", "in_flight", s.cfg.Concurrency-len(s.slots))
		close(s.kill)
		limit += killGrace
	}
	last := time.AfterFunc(limit, s.abort)
	defer last.Stop()
	<-settled
	close(s.deletes)
	s.deleters.Wait()
}

// pause waits, and says whether ctx is still alive.
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
