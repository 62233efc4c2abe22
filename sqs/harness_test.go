package sqs_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/sqs"
)

// secret is in every body, and must not be in the log.
const secret = "AQCEAAAAKgAAAAMAAAAA-task-token"

// events counts the calls of an Observer.
type events struct {
	mu sync.Mutex
	n  map[string]int
}

func (e *events) add(what string, n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.n[what] += n
}

func (e *events) get(what string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.n[what]
}

func (e *events) ReceiveSucceeded(n int)          { e.add("received", n); e.add("receives", 1) }
func (e *events) ReceiveFailed()                  { e.add("receive failed", 1) }
func (e *events) MessageReceived(d time.Duration) { e.add("age ms", int(d.Milliseconds())) }
func (e *events) InFlightChanged(n int)           { e.add("in flight", n) }
func (e *events) VisibilityExtended()             { e.add("extended", 1) }
func (e *events) MessageReturned()                { e.add("returned", 1) }
func (e *events) VisibilityFailed()               { e.add("visibility failed", 1) }
func (e *events) DeleteCalled(n int)              { e.add("deleted", n) }
func (e *events) DeleteFailed(n int)              { e.add("delete failed", n) }
func (e *events) MessageUndecodable()             { e.add("undecodable", 1) }

// logs is the log.
type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logs) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.buf.String(), part)
}

// bench is a subscriber on the fake, in a bubble with its own time.
type bench struct {
	*testing.T
	sqs    *fake
	events *events
	logs   *logs
	sub    *sqs.Subscriber
	out    <-chan *message.Message
	stop   context.CancelFunc // of the context of Subscribe
}

// inBubble runs a test on a bench, and closes the subscriber at its end. The bubble fails the test if a goroutine is
// still running, and inBubble does if a message is still in flight.
func inBubble(t *testing.T, cfg sqs.Config, test func(b *bench)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{
			T:      t,
			sqs:    newFake(t),
			events: &events{n: map[string]int{}},
			logs:   &logs{},
		}
		cfg.Observer = b.events
		cfg.Logger = slog.New(slog.NewTextHandler(b.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
		var err error
		b.sub, err = sqs.New(b.sqs, cfg)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		b.stop = cancel
		b.out, err = b.sub.Subscribe(ctx, "queue")
		require.NoError(t, err)
		test(b)
		require.NoError(t, b.sub.Close())
		_, open := <-b.out
		assert.False(t, open, "the channel is closed")
		assert.Zero(t, b.events.get("in flight"))
		assert.Zero(t, b.logs.count(secret), "a body was logged")
	})
}

// handle handles each message in a goroutine of its own, as the router does.
func (b *bench) handle(h func(*message.Message) bool) *sync.WaitGroup {
	var wg sync.WaitGroup
	wg.Go(func() {
		for msg := range b.out {
			wg.Go(func() {
				if h(msg) {
					msg.Ack()
				} else {
					msg.Nack()
				}
			})
		}
	})
	return &wg
}

// next takes a message.
func (b *bench) next() *message.Message {
	b.Helper()
	select {
	case msg, ok := <-b.out:
		require.True(b, ok, "the channel is closed")
		return msg
	case <-time.After(24 * time.Hour):
		b.Fatal("no message in a day")
		return nil
	}
}

// nothing checks that no message arrives for a time.
func (b *bench) nothing(d time.Duration) {
	b.Helper()
	select {
	case msg, ok := <-b.out:
		if ok {
			b.Fatalf("message %s came", msg.UUID)
		}
	case <-time.After(d):
	}
}

// counts has the number of times that each message was handled.
type counts struct {
	mu sync.Mutex
	n  map[string]int
}

func newCounts() *counts { return &counts{n: map[string]int{}} }

func (c *counts) add(id string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[id]++
	return c.n[id]
}

func (c *counts) get(id string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[id]
}
