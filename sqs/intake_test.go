package sqs_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/sqs"
)

// valve is an intake that a test closes and opens.
type valve struct {
	mu     sync.Mutex
	open   context.Context
	cancel context.CancelFunc
}

func (v *valve) intake() context.Context {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.open == nil {
		v.open, v.cancel = context.WithCancel(context.Background())
	}
	return v.open
}

func (v *valve) set(open bool) {
	v.intake()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.cancel()
	if open {
		v.open = nil
	}
}

// A queue that is not read for now keeps its messages: a long poll that waits is ended, and no other begins. That is no
// failure. Afterwards the messages are received as before.
func TestIntake(t *testing.T) {
	v := &valve{}
	inBubble(t, sqs.Config{Intake: v.intake}, func(b *bench) {
		b.sqs.put("first")
		b.next().Ack()
		time.Sleep(5 * time.Second) // into a long poll
		v.set(false)
		time.Sleep(time.Second)
		before := b.sqs.count("receive")
		ids := b.sqs.put("second")
		b.nothing(10 * time.Minute)
		require.Equal(b, before, b.sqs.count("receive"))
		require.Zero(b, b.events.get("receive failed"))
		require.Empty(b, b.sqs.get(ids[0]).receives)

		v.set(true)
		b.next().Ack()
		require.Len(b, b.sqs.get(ids[0]).receives, 1)
		v.set(false) // the shutdown ends a queue that is not read too
		time.Sleep(time.Second)
	})
}
