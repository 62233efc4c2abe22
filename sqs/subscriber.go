package sqs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
)

// callTimeout bounds an API call, except for long polls.
const callTimeout = 5 * time.Second

var (
	// ErrClosed is returned by Subscribe after Close.
	ErrClosed = errors.New("sqs: the subscriber is closed")
	// ErrNoQueue is wrapped by the error of Subscribe if the queue does not exist.
	ErrNoQueue = errors.New("sqs: the queue does not exist")
)

// Subscriber receives messages from SQS standard queues. It implements
// Watermill's message.Subscriber. Its methods may be called from many goroutines.
type Subscriber struct {
	api     API
	cfg     Config
	closing chan struct{}
	running sync.WaitGroup

	mu     sync.Mutex
	closed bool
}

var _ message.Subscriber = (*Subscriber)(nil)

// New returns a Subscriber, or all faults of the Config. It does not call SQS.
func New(api API, cfg Config) (*Subscriber, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("sqs subscriber: %w", err)
	}
	return &Subscriber{api: api, cfg: cfg.withDefaults(), closing: make(chan struct{})}, nil
}

// Subscribe starts to receive from a queue and returns the channel of its messages, many at once and in any order. The
// receiver acks or nacks each of them. The topic is the queue's name, or its URL. The error wraps ErrNoQueue if the
// queue does not exist, unless Config.AwaitQueue is set.
//
// The subscription ends when ctx ends or the Subscriber is closed. It then settles the messages in flight, as the
// package comment describes, and closes the channel. The channel need not be drained. Two subscriptions to the same
// queue share its messages.
func (s *Subscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	if s.isClosed() {
		return nil, ErrClosed
	}
	queueURL := ""
	if !s.cfg.AwaitQueue {
		var err error
		if queueURL, err = resolveQueueURL(ctx, s.api, topic); err != nil {
			return nil, fmt.Errorf("subscribe to queue %q: %w", topic, err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	sub := newSubscription(ctx, s.api, s.cfg, topic, queueURL)
	s.running.Go(func() { sub.run(s.closing) })
	return sub.out, nil
}

// Close stops all subscriptions and waits for them: up to CloseTimeout for handlers, and 5 s for deletes and returns.
// It returns nil, and may be called again.
func (s *Subscriber) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.closing)
	}
	s.mu.Unlock()
	s.running.Wait()
	return nil
}

func (s *Subscriber) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}
