package sqs_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/metadata"
	"github.com/approval-relay/approval-relay/sqs"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/test/emulator"
)

// letters is a dead letter queue and its source queue on an emulator. Its calls can fail on request.
type letters struct {
	*awssqs.Client
	*testing.T
	mu               sync.Mutex // of the counts: messages are moved and returned concurrently
	dlq              *sqs.DeadLetterQueue
	source, queue    string // URLs
	failSend         func() error
	failDelete       func() error
	failReturn       func() error
	sent             func(in *awssqs.SendMessageInput) // after each send
	sends, deletions int
	returns          int
}

func onEmulators(t *testing.T, test func(l *letters)) {
	t.Helper()
	t.Parallel()
	server, err := emulator.Start()
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Close() })
	for name, endpoint := range map[string]string{"emulator": server.URL(), "goaws": goaws} {
		t.Run(name, func(t *testing.T) {
			l := &letters{Client: client(t, endpoint), T: t}
			l.source, l.queue = l.create("source"), l.create("letters")
			l.dlq = sqs.NewDeadLetterQueue(l, l.queue, l.source)
			test(l)
		})
	}
}

func (l *letters) create(name string) string {
	name = name + "-" + strings.NewReplacer("/", "-", "_", "-").Replace(l.Name())
	out, err := l.CreateQueue(l.Context(), &awssqs.CreateQueueInput{QueueName: aws.String(name)})
	require.NoError(l, err)
	return *out.QueueUrl
}

func (l *letters) SendMessage(
	ctx context.Context, in *awssqs.SendMessageInput, o ...func(*awssqs.Options),
) (*awssqs.SendMessageOutput, error) {
	l.mu.Lock()
	l.sends++
	if l.failSend != nil {
		if err := l.failSend(); err != nil {
			l.mu.Unlock()
			return nil, err
		}
	}
	l.mu.Unlock()
	out, err := l.Client.SendMessage(ctx, in, o...)
	if l.sent != nil {
		l.sent(in)
	}
	return out, err
}

func (l *letters) DeleteMessageBatch(
	ctx context.Context, in *awssqs.DeleteMessageBatchInput, o ...func(*awssqs.Options),
) (*awssqs.DeleteMessageBatchOutput, error) {
	if l.deletions++; l.failDelete != nil {
		if err := l.failDelete(); err != nil {
			return nil, err
		}
	}
	return l.Client.DeleteMessageBatch(ctx, in, o...)
}

func (l *letters) ChangeMessageVisibilityBatch(
	ctx context.Context, in *awssqs.ChangeMessageVisibilityBatchInput, o ...func(*awssqs.Options),
) (*awssqs.ChangeMessageVisibilityBatchOutput, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.returns++; l.failReturn != nil {
		return nil, l.failReturn()
	}
	if !strings.HasPrefix(l.queue, goaws) {
		return l.Client.ChangeMessageVisibilityBatch(ctx, in, o...)
	}
	out := &awssqs.ChangeMessageVisibilityBatchOutput{} // goaws does not have the batch
	for _, e := range in.Entries {
		_, err := l.ChangeMessageVisibility(ctx, &awssqs.ChangeMessageVisibilityInput{
			QueueUrl:          in.QueueUrl,
			ReceiptHandle:     e.ReceiptHandle,
			VisibilityTimeout: e.VisibilityTimeout,
		})
		if err != nil {
			out.Failed = append(out.Failed, types.BatchResultErrorEntry{Id: e.Id, Code: aws.String("odd")})
		}
	}
	return out, nil
}

// take receives all visible messages of a queue.
func (l *letters) take(url string) (all []types.Message) {
	l.Helper()
	for {
		out, err := l.ReceiveMessage(l.Context(), &awssqs.ReceiveMessageInput{
			QueueUrl:                    aws.String(url),
			MaxNumberOfMessages:         10,
			VisibilityTimeout:           60,
			MessageAttributeNames:       []string{"All"},
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
		})
		require.NoError(l, err)
		if len(out.Messages) == 0 {
			return all
		}
		all = append(all, out.Messages...)
	}
}

// put sends n dead letters with a reason code. Their error texts differ.
func (l *letters) put(n int, code approval.ReasonCode, more map[string]string) {
	l.Helper()
	for i := range n {
		attributes := map[string]string{sqs.AttrReasonCode: string(code), sqs.AttrReason: fmt.Sprintf("%s of message %d", code, i)}
		maps.Copy(attributes, more)
		_, err := l.dlq.PutBody(l.Context(), fmt.Appendf(nil, "%s %d", code, i), attributes)
		require.NoError(l, err)
	}
}

// putMessage sends a message as the router does.
func (l *letters) putMessage(msg *message.Message) {
	l.Helper()
	id, err := l.dlq.PutDeadLetter(l.Context(), store.DeadLetter{
		Source:     "orders",
		ReasonCode: "invalid_field:token",
		Reason:     "token: is missing",
		Body:       msg.Payload,
		Metadata:   msg.Metadata,
	})
	require.NoError(l, err)
	require.NotEmpty(l, id)
}

func (l *letters) counts() map[approval.ReasonCode]int {
	l.Helper()
	report, err := l.dlq.Count(l.Context(), store.QueueRedrive{Until: soon()})
	require.NoError(l, err)
	require.False(l, report.HasMore)
	counts := map[approval.ReasonCode]int{}
	for _, group := range report.Found {
		counts[group.ReasonCode] = group.Count
		assert.NotEmpty(l, group.Example, group.ReasonCode)
	}
	return counts
}

// soon is the end of a scan that has enough time.
func soon() time.Time { return time.Now().Add(time.Minute) }

// move moves up to limit messages. The report has no example texts.
func (l *letters) move(limit, maxRedrives int, code approval.ReasonCode) (store.QueueReport, error) {
	r := store.QueueRedrive{
		RedriveRequest: store.RedriveRequest{Max: limit, MaxRedrives: maxRedrives, ReasonCode: code},
		RunID:          rand.Text(),
		Until:          soon(),
	}
	report, err := l.dlq.Move(l.Context(), r)
	for i := range report.Found {
		report.Found[i].Example = ""
	}
	return report, err
}

// found returns a group without an example.
func found(code approval.ReasonCode, count int) store.RedriveGroup {
	return store.RedriveGroup{ReasonCode: code, Count: count}
}

func strs(m types.Message) map[string]string {
	s := map[string]string{}
	for k, v := range m.MessageAttributes {
		s[k] = aws.ToString(v.StringValue)
	}
	return s
}

func TestLetterGoesThereAndBack(t *testing.T) {
	onEmulators(t, func(l *letters) {
		msg := message.NewMessage("uuid", []byte(`{"taskToken":"`+secret+`"}`))
		msg.Metadata = message.Metadata{"attribute.tenant": "acme", metadata.SentAt: "2026-01-02T03:04:05.678Z", metadata.Queue: "source"}
		l.putMessage(msg)
		assert.Equal(l, map[approval.ReasonCode]int{"invalid_field:token": 1}, l.counts())
		report, err := l.move(10, 3, "")
		require.NoError(l, err)
		assert.Equal(l, store.QueueReport{Found: store.RedriveGroups{found("invalid_field:token", 1)}, Requeued: 1}, report)
		assert.Empty(l, l.counts())

		sub, err := sqs.New(l, sqs.Config{WaitTime: time.Second})
		require.NoError(l, err)
		defer sub.Close()
		out, err := sub.Subscribe(l.Context(), l.source)
		require.NoError(l, err)
		again := <-out
		assert.Equal(l, string(msg.Payload), string(again.Payload))
		assert.Equal(l, "2026-01-02T03:04:05.678Z", again.Metadata.Get(metadata.SentAt), "its deadline does not start again")
		assert.Equal(l, "acme", again.Metadata.Get("attribute.tenant"))

		l.putMessage(again)
		again.Ack()
		letter := l.take(l.queue)
		require.Len(l, letter, 1)
		attributes := strs(letter[0])
		delete(attributes, sqs.AttrRedrive) // random
		assert.Equal(l, map[string]string{
			"tenant":           "acme",
			sqs.AttrReasonCode: "invalid_field:token",
			sqs.AttrReason:     "token: is missing",
			sqs.AttrSource:     "orders",
			sqs.AttrRedrives:   "1",
			sqs.AttrSentAt:     "2026-01-02T03:04:05.678Z",
		}, attributes)
	})
}

func TestCountTakesNothing(t *testing.T) {
	onEmulators(t, func(l *letters) {
		l.put(12, "a", nil)
		l.put(3, "b", nil)
		for range 2 {
			assert.Equal(l, map[approval.ReasonCode]int{"a": 12, "b": 3}, l.counts())
		}
		assert.Len(l, l.take(l.queue), 15)
	})
}

// A message that SQS itself moved has no attributes of ours, and a dead letter of an older version has no reason code.
// An invalid reason code, which a sender may write, counts as missing.
func TestLettersWithoutReasonCode(t *testing.T) {
	onEmulators(t, func(l *letters) {
		put := func(attributes map[string]string) {
			_, err := l.dlq.PutBody(l.Context(), []byte("x"), attributes)
			require.NoError(l, err)
		}
		put(nil)
		put(map[string]string{"tenant": "acme", sqs.AttrRedrives: "1"})
		put(map[string]string{sqs.AttrReason: "update order A: title: is odd"})
		put(map[string]string{sqs.AttrReason: "update order B: title: is odd"})
		put(map[string]string{sqs.AttrReasonCode: "Ada <ada@example.com>", sqs.AttrReason: "x"})
		assert.Equal(l, map[approval.ReasonCode]int{
			approval.ReasonReceivedTooOften: 2,
			approval.ReasonUnknown:          3,
		}, l.counts())
		for code, want := range map[approval.ReasonCode]int{approval.ReasonReceivedTooOften: 2, approval.ReasonUnknown: 3, "a": 0} {
			report, err := l.move(10, 3, code)
			require.NoError(l, err)
			assert.Equal(l, []int{want, 0}, []int{report.Requeued, report.Guarded}, code)
		}
		for _, m := range l.take(l.source) {
			assert.NotContains(l, strs(m), sqs.AttrReason)
			assert.NotContains(l, strs(m), sqs.AttrReasonCode)
		}
	})
}

func TestMove(t *testing.T) {
	onEmulators(t, func(l *letters) {
		l.put(12, "mended", nil)
		l.put(3, "other", nil)
		l.put(2, "mended", map[string]string{sqs.AttrRedrives: "3"})
		l.put(1, "mended", map[string]string{sqs.AttrRedrives: "2"})

		report, err := l.move(5, -1, "other")
		require.NoError(l, err)
		assert.Equal(l, []int{3, 0}, []int{report.Requeued, report.Guarded})
		report, err = l.move(4, 3, "mended")
		require.NoError(l, err)
		assert.Equal(l, 4, report.Requeued, "as many as were asked for")
		report, err = l.move(100, 3, "mended")
		require.NoError(l, err)
		assert.Equal(l, []int{9, 2}, []int{report.Requeued, report.Guarded})
		assert.Equal(l, map[approval.ReasonCode]int{"mended": 2}, l.counts(), "left alone")
		redrives := map[string]int{}
		for _, m := range l.take(l.source) {
			redrives[strs(m)[sqs.AttrRedrives]]++
			assert.NotContains(l, strs(m), sqs.AttrReason)
			assert.NotContains(l, strs(m), sqs.AttrReasonCode)
			assert.Contains(l, strs(m), sqs.AttrSentAt)
		}
		assert.Equal(l, map[string]int{"1": 15, "3": 1}, redrives)
		report, err = l.move(100, 0, "")
		require.NoError(l, err)
		assert.Equal(l, []int{2, 0}, []int{report.Requeued, report.Guarded}, "without the guard")
	})
}

// A message that becomes a dead letter again at once is not moved back again by the same Move.
func TestMoveMovesEachOnce(t *testing.T) {
	onEmulators(t, func(l *letters) {
		l.put(3, "broken", nil)
		l.sent = func(in *awssqs.SendMessageInput) {
			if *in.QueueUrl == l.source {
				_, err := l.dlq.PutBody(l.Context(), []byte("again"), strs(types.Message{MessageAttributes: in.MessageAttributes}))
				assert.NoError(l, err)
			}
		}
		r := store.QueueRedrive{RedriveRequest: store.RedriveRequest{Max: 100}, RunID: "first", Until: soon()}
		report, err := l.dlq.Move(l.Context(), r)
		require.NoError(l, err)
		assert.Equal(l, 3, report.Requeued)
		assert.Equal(l, 3, report.Returned, "what came back failed again")
		assert.Equal(l, 3, report.Found.Total())
		report, err = l.dlq.Move(l.Context(), r)
		require.NoError(l, err)
		assert.Equal(l, []int{0, 3}, []int{report.Requeued, report.Returned}, "nor by the next step of the same redrive")
		r.RunID = "second"
		report, err = l.dlq.Move(l.Context(), r)
		require.NoError(l, err)
		assert.Equal(l, 3, report.Requeued, "the next redrive does")
	})
}

// A scan that ends by its time or its limit states that there are more messages, and how many. Nothing stays invisible.
func TestScanOfPartOfAQueue(t *testing.T) {
	onEmulators(t, func(l *letters) {
		l.put(25, "a", nil)
		l.put(5, "b", nil)
		report, err := l.dlq.Count(l.Context(), store.QueueRedrive{Until: time.Now()})
		require.NoError(l, err)
		want := 30
		if strings.HasPrefix(l.queue, goaws) { // it does not count the delayed messages
			want = 0
		}
		assert.Equal(l, store.QueueReport{HasMore: true, NotLookedAt: want}, report)
		report, err = l.move(12, 3, "")
		require.NoError(l, err)
		assert.True(l, report.HasMore)
		assert.Equal(l, 12, report.Requeued)
		assert.Equal(l, 12, report.Found.Total(), "each is counted once, by the step that moves it")
		assert.LessOrEqual(l, report.NotLookedAt, 18)
		assert.Len(l, l.take(l.queue), 18)
	})
}

// Messages are returned in batches. A message that SQS does not return is named in the error.
func TestReturnOfMessages(t *testing.T) {
	onEmulators(t, func(l *letters) {
		l.put(30, "a", nil)
		_, err := l.dlq.Count(l.Context(), store.QueueRedrive{Until: soon()})
		require.NoError(l, err)
		assert.LessOrEqual(l, l.returns, 4)
		l.failReturn = func() error { return errors.New("503") }
		_, err = l.dlq.Count(l.Context(), store.QueueRedrive{Until: soon()})
		require.ErrorContains(l, err, "30 messages of dead letter queue")
		require.ErrorContains(l, err, "503")
	})
}

func TestMoveThatFailsLosesNothing(t *testing.T) {
	onEmulators(t, func(l *letters) {
		l.put(8, "a", nil)
		l.sends = 0
		l.failSend = func() error {
			if l.sends == 4 {
				return errors.New("503")
			}
			return nil
		}
		report, err := l.move(100, 3, "")
		require.ErrorContains(l, err, "503")
		assert.Equal(l, []int{7, 1}, []int{report.Requeued, report.Kept})
		assert.Equal(l, map[approval.ReasonCode]int{"a": 1}, l.counts(), "visible at once")

		l.failSend = nil
		failures := 2
		l.failDelete = func() error {
			if failures--; failures >= 0 {
				return errors.New("503")
			}
			return nil
		}
		report, err = l.move(100, 3, "")
		require.NoError(l, err)
		assert.Equal(l, 1, report.Requeued)
		assert.Empty(l, l.counts())
		assert.Len(l, l.take(l.source), 8)

		l.put(1, "a", nil)
		l.failDelete = func() error { return errors.New("503") }
		_, err = l.move(100, 3, "")
		require.ErrorContains(l, err, "still in dead letter queue")
	})
}

func TestWhatSQSDoesNotTakeIsPutAllTheSame(t *testing.T) {
	onEmulators(t, func(l *letters) {
		for _, body := range []string{"", "\x00", "\xff", "a\ufffe"} {
			more := map[string]string{
				sqs.AttrReason: strings.Repeat("é", 5000) + "\x1b[31m",
				"bad name":     "x",
				"AWS.x":        "x",
				"":             "x",
				".a":           "x",
				"a..b":         "x",
				"empty":        "",
				"control":      "a\x00b",
			}
			for i := range 20 {
				more[fmt.Sprintf("more-%02d", i)] = "x"
			}
			_, err := l.dlq.PutBody(l.Context(), []byte(body), more)
			require.NoError(l, err, "%q", body)
		}
		report, err := l.move(10, 3, "")
		require.NoError(l, err)
		assert.Equal(l, []int{0, 4}, []int{report.Requeued, report.Kept}, "cannot be sent as it was")
		for _, m := range l.take(l.queue) {
			got := strs(m)
			assert.Len(l, got, 10)
			assert.Equal(l, strings.Repeat("é", 512), got[sqs.AttrReason])
			assert.Equal(l, "base64", got[sqs.AttrEncoding])
			assert.Equal(l, "a\ufffdb", got["control"])
		}
		_, err = sqs.NewDeadLetterQueue(l, "nowhere", "").PutBody(l.Context(), []byte("x"), nil)
		require.Error(l, err)
	})
}

// An operator who interrupts a redrive does not hide the messages that it has received.
func TestMoveThatIsInterruptedReturnsTheMessages(t *testing.T) {
	onEmulators(t, func(l *letters) {
		l.put(4, "a", nil)
		ctx, interrupt := context.WithCancel(l.Context())
		l.failSend = func() error {
			interrupt()
			return ctx.Err()
		}
		report, err := l.dlq.Move(ctx, store.QueueRedrive{
			RedriveRequest: store.RedriveRequest{Max: 100, MaxRedrives: -1},
			RunID:          rand.Text(),
			Until:          soon(),
		})
		require.ErrorIs(l, err, context.Canceled)
		assert.Zero(l, report.Requeued)
		l.failSend = nil
		assert.Equal(l, map[approval.ReasonCode]int{"a": 4}, l.counts(), "visible at once")
	})
}
