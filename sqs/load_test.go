package sqs_test

import (
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/metadata"
	"github.com/approval-relay/approval-relay/sqs"
)

func TestCallsPerMessageUnderLoad(t *testing.T) {
	for name, takes := range map[string]time.Duration{"fast": time.Millisecond, "slow": 200 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, sqs.Config{}, func(b *bench) {
				const messages = 5000
				b.sqs.put(bodies(messages)...)
				b.sqs.set(func() {
					b.sqs.receive = func() error { time.Sleep(8 * time.Millisecond); return nil } // a round trip
				})
				b.handle(func(*message.Message) bool { time.Sleep(takes); return true })
				for b.sqs.left() > 0 {
					time.Sleep(10 * time.Millisecond)
				}
				calls := 0
				for _, n := range b.sqs.allCalls() {
					calls += n
				}
				b.Logf("%d calls for %d messages: %.4f", calls, messages, float64(calls)/messages)
				assert.LessOrEqual(b, float64(calls)/messages, 0.21)
			})
		})
	}
}

func TestConcurrencyIsABound(t *testing.T) {
	inBubble(t, sqs.Config{Limits: sqs.Limits{Concurrency: 7}}, func(b *bench) {
		b.sqs.put(bodies(50)...)
		var taken []*message.Message
		for range 7 {
			taken = append(taken, b.next())
		}
		b.nothing(time.Hour)
		assert.Equal(b, 7, b.events.get("in flight"))
		assert.Equal(b, 7, b.events.get("received"), "nothing is received that cannot start")
		taken[3].Ack()
		b.next().Ack()
		for _, m := range taken {
			m.Ack()
		}
	})
}

func TestPollersFollowTheLoad(t *testing.T) {
	inBubble(t, sqs.Config{Limits: sqs.Limits{Pollers: 3, Concurrency: 100}}, func(b *bench) {
		polls := func() (now, most int) {
			b.sqs.set(func() { now, most = b.sqs.polls, b.sqs.most })
			return now, most
		}
		time.Sleep(10*time.Minute + 5*time.Second) // in the middle of a poll, not between two
		now, most := polls()
		assert.Equal(b, []int{1, 1}, []int{now, most}, "one when idle")
		assert.InDelta(b, 30, b.sqs.count("receive"), 1, "three a minute")

		b.handle(func(*message.Message) bool { time.Sleep(10 * time.Millisecond); return true })
		b.sqs.set(func() {
			b.sqs.receive = func() error { time.Sleep(8 * time.Millisecond); return nil }
		})
		b.sqs.put(bodies(2000)...)
		time.Sleep(30 * time.Second)
		_, most = polls()
		assert.Equal(b, 3, most, "as many as are allowed under load")
		assert.Zero(b, b.sqs.left())

		time.Sleep(time.Minute)
		before := b.sqs.count("receive")
		time.Sleep(10 * time.Minute)
		synctest.Wait() // where a poll ends just now, the next has begun
		now, _ = polls()
		assert.Equal(b, 1, now, "one when idle again")
		assert.InDelta(b, 30, b.sqs.count("receive")-before, 1)
	})
}

func TestOutageOfReceives(t *testing.T) {
	for name, err := range map[string]error{
		"network": errors.New("connection refused"), "throttled": &types.RequestThrottled{}, "in flight": &types.OverLimit{},
		"queue deleted": &types.QueueDoesNotExist{},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, sqs.Config{}, func(b *bench) {
				b.sqs.put(bodies(40)...)
				for range 40 {
					b.next().Ack()
				}
				time.Sleep(2 * time.Minute) // one poller is left
				before := b.sqs.count("receive")
				b.sqs.set(func() { b.sqs.receive = func() error { return err } })
				time.Sleep(time.Hour)
				failed := b.events.get("receive failed")
				assert.Less(b, failed, 600, "a mean of ten seconds between them")
				assert.Greater(b, failed, 200)
				assert.Less(b, b.sqs.count("receive")-before, 600)
				assert.Equal(b, 1, b.logs.count("receiving fails"))
				assert.Zero(b, b.logs.count("receiving works again"))

				b.sqs.set(func() { b.sqs.receive = nil })
				id := b.sqs.put(secret)[0]
				b.next().Ack()
				got := b.sqs.get(id)
				assert.LessOrEqual(b, got.receives[0].Sub(got.sent), 20*time.Second)
				assert.Equal(b, 1, b.logs.count("receiving works again"))
			})
		})
	}
}

func TestEmptyAnswersAtOnceDoNotSpin(t *testing.T) {
	inBubble(t, sqs.Config{}, func(b *bench) {
		b.sqs.put(bodies(20)...)
		b.sqs.set(func() { // what 120,000 messages in flight look like
			b.sqs.answer = func(out *awssqs.ReceiveMessageOutput) { out.Messages = nil }
		})
		time.Sleep(time.Minute)
		assert.Less(b, b.sqs.count("receive"), 60)
		b.sqs.set(func() { b.sqs.answer = nil })
		b.next().Ack()
	})
}

func TestSubscribe(t *testing.T) {
	t.Parallel()
	s, err := sqs.New(newFake(t), sqs.Config{})
	require.NoError(t, err)
	for _, topic := range []string{"other", "https://sqs.test/000000000000/other"} {
		_, err = s.Subscribe(t.Context(), topic)
		require.ErrorIs(t, err, sqs.ErrNoQueue)
		var missing *types.QueueDoesNotExist
		require.ErrorAs(t, err, &missing)
		assert.ErrorContains(t, err, topic)
	}
	_, err = s.Subscribe(t.Context(), "http://localhost:4566/000000000000/queue")
	require.NoError(t, err)
	require.NoError(t, s.Close())
	_, err = s.Subscribe(t.Context(), "queue")
	require.ErrorIs(t, err, sqs.ErrClosed)
}

func TestMetadata(t *testing.T) {
	inBubble(t, sqs.Config{}, func(b *bench) {
		sent := time.Now().Add(-90 * time.Second)
		b.sqs.send(types.Message{
			Body:       aws.String(secret),
			Attributes: map[string]string{"ApproximateReceiveCount": "2", "SentTimestamp": strconv.FormatInt(sent.UnixMilli(), 10)},
			MessageAttributes: map[string]types.MessageAttributeValue{
				"tenant": text("acme"), "sent_at": text("1999"), sqs.UUIDAttribute: text("uuid-1"),
			},
		})
		m := b.next()
		assert.Equal(b, 90_000, b.events.get("age ms"))
		assert.Equal(b, "uuid-1", m.UUID)
		assert.Equal(b, message.Metadata{
			metadata.DeliveryID: "id-1", metadata.SentAt: sent.UTC().Format(time.RFC3339Nano), metadata.ReceiveCount: "2",
			metadata.Queue: "queue", "attribute.tenant": "acme", "attribute.sent_at": "1999",
		}, m.Metadata)
		m.Ack()
	})
}
