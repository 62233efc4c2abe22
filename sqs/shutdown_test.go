package sqs_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/metadata"
	"github.com/approval-relay/approval-relay/sqs"
)

func TestShutdownFinishesWhatItBegan(t *testing.T) {
	for name, shutdown := range map[string]func(*bench){
		"close": func(b *bench) { go func() { _ = b.sub.Close() }() }, "context": func(b *bench) { b.stop() },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, sqs.Config{CloseTimeout: 20 * time.Second}, func(b *bench) {
				ids := b.sqs.put(bodies(3)...)
				finished, unfinished, nacked := b.next(), b.next(), b.next()
				untaken := b.sqs.put(bodies(2)...)
				synctest.Wait()

				shutdown(b)
				time.Sleep(time.Second)
				for _, id := range untaken {
					assert.Len(b, b.sqs.get(id).receives, 1)
					assert.Equal(b, []time.Duration{0}, b.sqs.get(id).changes, "given back")
				}
				received := b.sqs.count("receive")
				b.sqs.put(secret)
				time.Sleep(9 * time.Second)
				require.NoError(b, finished.Context().Err(), "handlers may go on")
				finished.Ack()
				nacked.Nack()
				time.Sleep(5 * time.Second)
				assert.True(b, b.sqs.get(finished.Metadata.Get(metadata.DeliveryID)).deleted, "also during a shutdown")
				assert.NotEqual(b, time.Duration(0), b.sqs.get(nacked.Metadata.Get(metadata.DeliveryID)).changes[0])
				require.NoError(b, unfinished.Context().Err())
				time.Sleep(4 * time.Second)
				require.NoError(b, unfinished.Context().Err())

				time.Sleep(1050 * time.Millisecond)
				require.Error(b, unfinished.Context().Err(), "until CloseTimeout")
				time.Sleep(100 * time.Millisecond)
				got := b.sqs.get(unfinished.Metadata.Get(metadata.DeliveryID))
				assert.Equal(b, time.Duration(0), got.changes[len(got.changes)-1], "given back")
				assert.False(b, got.deleted)
				_, open := <-b.out
				assert.False(b, open)
				assert.Equal(b, received, b.sqs.count("receive"), "nothing is received any more")
				assert.Len(b, ids, 3)
			})
		})
	}
}

func TestHandlerThatHeedsItsContextIsNotHandledAgain(t *testing.T) {
	inBubble(t, sqs.Config{CloseTimeout: 5 * time.Second}, func(b *bench) {
		id := b.sqs.put(secret)[0]
		b.handle(func(m *message.Message) bool {
			<-m.Context().Done()
			return true
		})
		synctest.Wait()
		began := time.Now()
		require.NoError(b, b.sub.Close())
		assert.InDelta(b, 5, time.Since(began).Seconds(), 0.2)
		assert.True(b, b.sqs.get(id).deleted)
	})
}

func TestShutdownIsBoundedWithoutSQS(t *testing.T) {
	inBubble(t, sqs.Config{CloseTimeout: 5 * time.Second}, func(b *bench) {
		b.sqs.put(bodies(30)...)
		for range 10 {
			b.next().Ack()
		}
		b.next() // never acked
		gone := func() error { return errors.New("no network") }
		b.sqs.set(func() { b.sqs.receive, b.sqs.delete, b.sqs.visibility = gone, gone, gone })
		began := time.Now()
		require.NoError(b, b.sub.Close())
		assert.Less(b, time.Since(began), 10200*time.Millisecond)
		b.sqs.set(func() { b.sqs.receive, b.sqs.delete, b.sqs.visibility = nil, nil, nil })
	})
}

// slowQueue is an SQS that takes almost five seconds for each change of a visibility timeout.
type slowQueue struct{ sqs.API }

func (q slowQueue) ChangeMessageVisibility(
	ctx context.Context, in *awssqs.ChangeMessageVisibilityInput, options ...func(*awssqs.Options),
) (*awssqs.ChangeMessageVisibilityOutput, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(4950 * time.Millisecond):
		return q.API.ChangeMessageVisibility(ctx, in, options...)
	}
}

// The moment that a handler has for a late ack is not taken from the time for the returns.
func TestSlowReturnAtTheEndOfAShutdown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		queue := newFake(t)
		id := queue.put(secret)[0]
		sub, err := sqs.New(slowQueue{queue}, sqs.Config{CloseTimeout: 5 * time.Second})
		require.NoError(t, err)
		messages, err := sub.Subscribe(t.Context(), "queue")
		require.NoError(t, err)
		<-messages // never acked
		require.NoError(t, sub.Close())
		require.Equal(t, []time.Duration{0}, queue.get(id).changes)
	})
}

func TestAnswerThatComesAsTheShutdownBeginsIsGivenBack(t *testing.T) {
	inBubble(t, sqs.Config{}, func(b *bench) {
		b.sqs.set(func() { b.sqs.deaf = true }) // the answer cannot be cancelled any more
		time.Sleep(25 * time.Second)            // a long poll from 20 s to 40 s
		go func() { _ = b.sub.Close() }()
		synctest.Wait()
		id := b.sqs.put(secret)[0]
		_, open := <-b.out
		assert.False(b, open)
		got := b.sqs.get(id)
		assert.Len(b, got.receives, 1)
		assert.Equal(b, []time.Duration{0}, got.changes)
	})
}

func TestReceiveUnderLoadIsNotCancelled(t *testing.T) {
	inBubble(t, sqs.Config{}, func(b *bench) {
		cancelled := false
		b.sqs.set(func() {
			b.sqs.receive = func() error { time.Sleep(100 * time.Millisecond); return nil } // SQS has taken them meanwhile
		})
		ids := b.sqs.put(bodies(100)...)
		b.next()
		time.Sleep(50 * time.Millisecond)
		require.NoError(b, b.sub.Close())
		for _, id := range ids {
			got := b.sqs.get(id)
			cancelled = cancelled || got.visible.After(time.Now())
		}
		assert.False(b, cancelled, "none waits for its timeout")
	})
}

func TestIdleShutdownIsAtOnce(t *testing.T) {
	inBubble(t, sqs.Config{}, func(b *bench) {
		time.Sleep(time.Minute + time.Second)
		began := time.Now()
		require.NoError(b, b.sub.Close())
		require.NoError(b, b.sub.Close(), "twice")
		assert.Zero(b, time.Since(began))
	})
}

// Watermill's router cancels the context of Subscribe at the moment when it is closed.
func TestRouterClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		queue := newFake(t)
		id := queue.put(secret)[0]
		sub, err := sqs.New(queue, sqs.Config{CloseTimeout: 20 * time.Second})
		require.NoError(t, err)
		router, err := message.NewRouter(message.RouterConfig{CloseTimeout: 30 * time.Second}, watermill.NopLogger{})
		require.NoError(t, err)
		began := make(chan struct{})
		router.AddConsumerHandler("handler", "queue", sub, func(m *message.Message) error {
			close(began)
			select {
			case <-m.Context().Done():
				return m.Context().Err()
			case <-time.After(10 * time.Second): // a side effect
				return nil
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ran := make(chan error)
		go func() { ran <- router.Run(ctx) }()
		<-began
		closing := time.Now()
		require.NoError(t, router.Close())
		assert.InDelta(t, 10, time.Since(closing).Seconds(), 1)
		require.NoError(t, <-ran)
		assert.True(t, queue.get(id).deleted)
		assert.Len(t, queue.get(id).receives, 1)
	})
}
