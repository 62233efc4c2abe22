package sqs_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/metadata"
	"github.com/approval-relay/approval-relay/sqs"
)

// doubling is a backoff without jitter: 10 s, 20 s, 40 s and so on.
func doubling(n int) time.Duration { return 5 * time.Second << n }

func bodies(n int) (b []string) {
	for i := range n {
		b = append(b, fmt.Sprintf("%d %s", i, secret))
	}
	return b
}

func TestPoisonMessageLeavesItsNeighboursAlone(t *testing.T) {
	inBubble(t, sqs.Config{Backoff: doubling}, func(b *bench) {
		handled := newCounts()
		wg := b.handle(func(m *message.Message) bool {
			handled.add(m.UUID)
			return m.UUID != "id-4"
		})
		ids := b.sqs.put(bodies(10)...)
		time.Sleep(3 * time.Minute)
		for _, id := range ids {
			m := b.sqs.get(id)
			if id != "id-4" {
				assert.True(b, m.deleted, id)
				assert.Len(b, m.receives, 1, id)
				assert.Equal(b, 1, handled.get(id), id)
				continue
			}
			assert.False(b, m.deleted)
			require.Len(b, m.receives, 5, "at 0, 10, 30, 70 and 150 s")
			for i, wait := range []time.Duration{10, 20, 40, 80} {
				assert.Equal(b, wait*time.Second, m.receives[i+1].Sub(m.receives[i]), "wait %d", i)
			}
			assert.Equal(b, 5, handled.get(id))
		}
		assert.Equal(b, 9, b.events.get("deleted"))
		assert.Equal(b, 5, b.events.get("returned"))
		b.stop()
		wg.Wait()
	})
}

func TestNackNeverComesBackAtOnce(t *testing.T) {
	attributes := map[string]map[string]string{
		"none": {}, "zero": {"ApproximateReceiveCount": "0"}, "negative": {"ApproximateReceiveCount": "-3"},
		"garbage": {"ApproximateReceiveCount": "many"}, "huge": {"ApproximateReceiveCount": "99999999999999999999"},
		"two": {"ApproximateReceiveCount": "2"},
	}
	for name, a := range attributes {
		t.Run(name, func(t *testing.T) {
			var counted []int
			backoff := func(n int) time.Duration { counted = append(counted, n); return -time.Hour }
			inBubble(t, sqs.Config{Backoff: backoff}, func(b *bench) {
				id := b.sqs.send(types.Message{Body: aws.String(secret), Attributes: a})
				b.next().Nack()
				b.next().Ack()
				m := b.sqs.get(id)
				assert.Equal(b, time.Second, m.receives[1].Sub(m.receives[0]))
				want := 1
				if name == "two" {
					want = 2
				}
				assert.Equal(b, []int{want}, counted)
			})
		})
	}
}

func TestNackIsTriedAgain(t *testing.T) {
	inBubble(t, sqs.Config{Backoff: doubling}, func(b *bench) {
		failures := 2
		b.sqs.set(func() {
			b.sqs.visibility = func() error {
				if failures--; failures >= 0 {
					return errors.New("503")
				}
				return nil
			}
		})
		id := b.sqs.put(secret)[0]
		b.next().Nack()
		b.next().Ack()
		m := b.sqs.get(id)
		assert.InDelta(b, 10, m.receives[1].Sub(m.receives[0]).Seconds(), 1)
		assert.Equal(b, 2, b.events.get("visibility failed"))
	})
}

func TestLongestBackoffIsWhatSQSAllows(t *testing.T) {
	inBubble(t, sqs.Config{Backoff: func(int) time.Duration { return 1<<63 - 1 }}, func(b *bench) {
		id := b.sqs.put(secret)[0]
		m := b.next()
		time.Sleep(time.Hour) // which counts too
		m.Nack()
		b.next().Ack()
		got := b.sqs.get(id).receives
		assert.InDelta(b, 12*time.Hour, got[1].Sub(got[0]), float64(2*time.Minute))
	})
}

func TestHandlerLongerThanVisibility(t *testing.T) {
	inBubble(t, sqs.Config{Limits: sqs.Limits{Visibility: 30 * time.Second}}, func(b *bench) {
		id := b.sqs.put(secret)[0]
		m := b.next()
		b.nothing(10*time.Minute + time.Second)
		m.Ack()
		time.Sleep(time.Minute)
		got := b.sqs.get(id)
		assert.True(b, got.deleted)
		assert.Len(b, got.receives, 1)
		assert.Len(b, got.changes, 40, "every 15 s, and not after the ack")
		assert.Equal(b, 40, b.events.get("extended"))
	})
}

func TestExtensionThatFailsIsTriedAgainInTime(t *testing.T) {
	inBubble(t, sqs.Config{Limits: sqs.Limits{Visibility: 30 * time.Second}}, func(b *bench) {
		n := 0
		b.sqs.set(func() {
			b.sqs.visibility = func() error {
				if n++; n%3 != 0 { // the third try of each
					return errors.New("503")
				}
				return nil
			}
		})
		id := b.sqs.put(secret)[0]
		m := b.next()
		b.nothing(5 * time.Minute)
		m.Ack()
		time.Sleep(time.Second)
		assert.Len(b, b.sqs.get(id).receives, 1)
	})
}

func TestTwelveHours(t *testing.T) {
	inBubble(t, sqs.Config{Limits: sqs.Limits{Visibility: time.Hour}}, func(b *bench) {
		id := b.sqs.put(secret)[0]
		m := b.next()
		b.nothing(13 * time.Hour) // the fake fails the test if asked for more than 12
		require.NoError(b, m.Context().Err())
		m.Ack()
		time.Sleep(time.Second)
		got := b.sqs.get(id)
		assert.Len(b, got.receives, 2, "SQS hands it over again")
		assert.True(b, got.deleted, "with the new receipt handle")
	})
}

func TestMessageThatComesTwiceIsHandledOnce(t *testing.T) {
	inBubble(t, sqs.Config{Limits: sqs.Limits{Visibility: 10 * time.Second}}, func(b *bench) {
		b.sqs.set(func() { b.sqs.visibility = func() error { return errors.New("no network") } })
		id := b.sqs.put(secret)[0]
		m := b.next()
		b.nothing(time.Minute) // it does come, every ten seconds
		require.Greater(b, len(b.sqs.get(id).receives), 3)
		m.Ack()
		time.Sleep(time.Second)
		assert.True(b, b.sqs.get(id).deleted)
		b.sqs.set(func() { b.sqs.visibility = nil })
	})
}

func TestLoneMessageIsDeletedPromptly(t *testing.T) {
	inBubble(t, sqs.Config{}, func(b *bench) {
		id := b.sqs.put(secret)[0]
		m := b.next()
		time.Sleep(time.Second)
		m.Ack()
		<-m.Context().Done()
		assert.False(b, b.sqs.get(id).deleted)
		time.Sleep(51 * time.Millisecond)
		assert.True(b, b.sqs.get(id).deleted)
	})
}

func TestFailedEntryOfADeleteIsTriedAgain(t *testing.T) {
	inBubble(t, sqs.Config{}, func(b *bench) {
		tries := 0
		b.sqs.set(func() {
			b.sqs.refuse = func(id string) *types.BatchResultErrorEntry {
				if id != "id-3" {
					return nil
				}
				if tries++; tries == 3 {
					return nil
				}
				return &types.BatchResultErrorEntry{Code: aws.String("InternalError")}
			}
		})
		b.sqs.put(bodies(10)...)
		b.handle(func(*message.Message) bool { return true })
		time.Sleep(10 * time.Second)
		assert.Equal(b, []int{10, 1, 1}, b.sqs.batches())
		assert.Zero(b, b.sqs.left())
		assert.Zero(b, b.events.get("delete failed"))
	})
}

func TestDeleteThatFailsAltogetherIsTriedAgain(t *testing.T) {
	inBubble(t, sqs.Config{}, func(b *bench) {
		failures := 3
		b.sqs.set(func() {
			b.sqs.delete = func() error {
				if failures--; failures >= 0 {
					return errors.New("503")
				}
				return nil
			}
		})
		b.sqs.put(bodies(4)...)
		b.handle(func(*message.Message) bool { return true })
		time.Sleep(10 * time.Second)
		assert.Equal(b, []int{4, 4, 4, 4}, b.sqs.batches())
		assert.Zero(b, b.sqs.left())
	})
}

func TestMessageThatWasNotDeletedIsNotHandledAgain(t *testing.T) {
	for name, fault := range map[string]types.BatchResultErrorEntry{
		"not at all": {Code: aws.String("InternalError")},
		"its handle": {Code: aws.String("ReceiptHandleIsInvalid"), SenderFault: true},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, sqs.Config{}, func(b *bench) {
				b.sqs.set(func() {
					b.sqs.refuse = func(string) *types.BatchResultErrorEntry { f := fault; return &f }
				})
				id := b.sqs.put(secret)[0]
				b.next().Ack()
				b.nothing(20 * time.Second)
				assert.Equal(b, 1, b.events.get("delete failed"))
				assert.Equal(b, 1, b.logs.count("handled but not deleted"))
				if fault.SenderFault {
					assert.Equal(b, 1, b.sqs.count("delete"), "it will not get better")
				} else {
					assert.Equal(b, 5, b.sqs.count("delete"))
				}
				b.sqs.set(func() { b.sqs.refuse = nil })
				b.nothing(time.Minute) // it comes again when its timeout ends
				got := b.sqs.get(id)
				assert.Len(b, got.receives, 2)
				assert.True(b, got.deleted)
			})
		})
	}
}

func TestMessageOfWhichNothingCanBeReadIsHandedOut(t *testing.T) {
	inBubble(t, sqs.Config{Limits: sqs.Limits{Visibility: 30 * time.Second}}, func(b *bench) {
		id := b.sqs.send(types.Message{
			Attributes:        map[string]string{"ApproximateReceiveCount": "x", "SentTimestamp": "y"},
			MessageAttributes: map[string]types.MessageAttributeValue{sqs.UUIDAttribute: {DataType: aws.String("Binary")}, "a": {}},
		})
		m := b.next()
		assert.Equal(b, id, m.UUID)
		assert.NotEmpty(b, m.Metadata.Get(metadata.Fault))
		assert.Equal(b, 1, b.events.get("undecodable"))
		m.Ack()
		synctest.Wait()
	})
}
