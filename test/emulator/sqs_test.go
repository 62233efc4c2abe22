package emulator

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// makeQueue creates a queue and returns its URL.
func (w clients) makeQueue(name string, attributes map[string]string) *string {
	w.Helper()
	return mustReturn[*sqs.CreateQueueOutput](w)(w.queues.CreateQueue(w.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})).QueueUrl
}

func (w clients) sendBody(url *string, body string) {
	w.Helper()
	mustReturn[*sqs.SendMessageOutput](w)(w.queues.SendMessage(w.Context(), &sqs.SendMessageInput{QueueUrl: url, MessageBody: &body}))
}

// receiveUpToTen receives up to ten messages with all their attributes.
func (w clients) receiveUpToTen(url *string, wait, visibility int32) []types.Message {
	w.Helper()
	return mustReturn[*sqs.ReceiveMessageOutput](w)(w.queues.ReceiveMessage(w.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: url, WaitTimeSeconds: wait, VisibilityTimeout: visibility, MaxNumberOfMessages: 10,
		MessageAttributeNames: []string{"All"}, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
	})).Messages
}

func joinBodies(messages []types.Message) string {
	var out []string
	for _, m := range messages {
		out = append(out, *m.Body)
	}
	return strings.Join(out, " ")
}

func (w clients) expectBodies(url *string, wait, visibility int32, want string) []types.Message {
	w.Helper()
	got := w.receiveUpToTen(url, wait, visibility)
	if joinBodies(got) != want {
		w.Fatalf("received %q, want %q", joinBodies(got), want)
	}
	return got
}

func TestMessagesComeOnceUntilTheyAreVisibleAgain(t *testing.T) {
	inBubble(t, func(w clients) {
		q := w.makeQueue("q", map[string]string{"VisibilityTimeout": "60"})
		w.sendBody(q, "a")
		w.sendBody(q, "b")
		first := w.expectBodies(q, 0, 30, "a b")
		w.expectBodies(q, 0, 30, "")
		w.passTime(30*time.Second - 1)
		w.expectBodies(q, 0, 30, "")
		w.passTime(1)
		second := w.expectBodies(q, 0, 0, "a b") // 0 is not sent, so the 60 s of the queue apply
		if n := second[0].Attributes["ApproximateReceiveCount"]; n != "2" || *first[0].MessageId != *second[0].MessageId || *first[0].ReceiptHandle == *second[0].ReceiptHandle {
			t.Errorf("receive count %s", n)
		}
		sent, _ := strconv.ParseInt(second[0].Attributes["SentTimestamp"], 10, 64)
		seen, _ := strconv.ParseInt(second[0].Attributes["ApproximateFirstReceiveTimestamp"], 10, 64)
		if now := time.Now().UnixMilli(); sent != now-30_000 || seen != sent {
			t.Errorf("sent %d, first received %d, now %d", sent, seen, now)
		}
		w.passTime(59 * time.Second)
		w.expectBodies(q, 0, 30, "")
		w.passTime(time.Second)
		w.expectBodies(q, 0, 30, "a b")
	})
}

func TestLongPoll(t *testing.T) {
	inBubble(t, func(w clients) {
		q := w.makeQueue("q", map[string]string{"ReceiveMessageWaitTimeSeconds": "7"})
		took := func(want time.Duration, f func()) {
			t.Helper()
			began := time.Now()
			if f(); time.Since(began) != want {
				t.Errorf("took %v, want %v", time.Since(began), want)
			}
		}
		took(20*time.Second, func() { w.expectBodies(q, 20, 1, "") })
		took(7*time.Second, func() { w.expectBodies(q, 0, 1, "") })
		time.AfterFunc(3*time.Second, func() { w.SQS.PutMessage("q", "sent", nil) })
		took(3*time.Second, func() { w.expectBodies(q, 20, 10, "sent") })
		took(10*time.Second, func() { w.expectBodies(q, 20, 12, "sent") })

		// A message may become visible earlier than it was due when the poll began.
		handle := w.receiveUpToTen(q, 20, 19)[0].ReceiptHandle
		time.AfterFunc(2*time.Second, func() { w.changeVisibility(q, handle, 3) })
		took(5*time.Second, func() { w.expectBodies(q, 20, 30, "sent") })
		time.AfterFunc(time.Second, func() {
			_, err := w.queues.SendMessage(w.Context(), &sqs.SendMessageInput{QueueUrl: q, MessageBody: aws.String("delayed"), DelaySeconds: 4})
			if err != nil {
				t.Error(err)
			}
		})
		took(5*time.Second, func() { w.expectBodies(q, 20, 30, "delayed") })
	})
}

func (w clients) changeVisibility(q, handle *string, visibility int32) {
	w.Helper()
	if err := w.tryChangeVisibility(q, handle, visibility); err != nil {
		w.Error(err)
	}
}

func (w clients) tryChangeVisibility(q, handle *string, visibility int32) error {
	_, err := w.queues.ChangeMessageVisibility(w.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: q, ReceiptHandle: handle, VisibilityTimeout: visibility})
	return err
}

func (w clients) removeMessage(q, handle *string) error {
	_, err := w.queues.DeleteMessage(w.Context(), &sqs.DeleteMessageInput{QueueUrl: q, ReceiptHandle: handle})
	return err
}

func TestChangeVisibility(t *testing.T) {
	inBubble(t, func(w clients) {
		q := w.makeQueue("q", nil)
		w.sendBody(q, "a")
		m := w.expectBodies(q, 0, 10, "a")[0]
		w.passTime(9 * time.Second)
		w.changeVisibility(q, m.ReceiptHandle, 10) // ten seconds from now
		w.passTime(9 * time.Second)
		w.expectBodies(q, 0, 10, "")
		w.changeVisibility(q, m.ReceiptHandle, 0) // visible at once
		next := w.expectBodies(q, 0, 10, "a")[0]
		w.changeVisibility(q, m.ReceiptHandle, 0) // not the latest handle: accepted without effect
		w.expectBodies(q, 0, 10, "")
		w.passTime(10 * time.Second)
		w.changeVisibility(q, next.ReceiptHandle, 100) // no longer in flight: accepted without effect
		next = w.expectBodies(q, 0, 10, "a")[0]

		w.passTime(9 * time.Second)
		if err := w.tryChangeVisibility(q, next.ReceiptHandle, 43_192); errorCode(err) != "InvalidParameterValue" || !strings.Contains(err.Error(), "Total VisibilityTimeout") {
			t.Errorf("twelve hours and a second from its receive: %v", err)
		}
		w.changeVisibility(q, next.ReceiptHandle, 43_191)
		w.passTime(43_191*time.Second - 1)
		w.expectBodies(q, 0, 10, "")
		w.passTime(1)
		last := w.expectBodies(q, 0, 10, "a")[0]
		if err := w.removeMessage(q, last.ReceiptHandle); err != nil {
			t.Error(err)
		}
		if err := w.tryChangeVisibility(q, last.ReceiptHandle, 10); errorCode(err) != "InvalidParameterValue" {
			t.Errorf("a deleted message: %v", err)
		}
		if err := w.tryChangeVisibility(q, aws.String("none"), 10); !isError[*types.ReceiptHandleIsInvalid](err) {
			t.Errorf("no handle: %v", err)
		}
	})
}

func TestDelete(t *testing.T) {
	inBubble(t, func(w clients) {
		q := w.makeQueue("q", nil)
		w.sendBody(q, "a")
		old := w.expectBodies(q, 0, 1, "a")[0]
		w.passTime(time.Second)
		last := w.expectBodies(q, 0, 1, "a")[0]
		for _, handle := range []*string{old.ReceiptHandle, last.ReceiptHandle, last.ReceiptHandle} { // kept, deleted, deleted already
			if err := w.removeMessage(q, handle); err != nil {
				t.Error(err)
			}
			if waiting, deleted := w.SQS.CountMessages("q"); waiting+deleted != 1 || (deleted == 1) != (handle == last.ReceiptHandle) {
				t.Errorf("%d waiting, %d deleted", waiting, deleted)
			}
		}
		other := w.makeQueue("other", nil)
		for url, handle := range map[*string]*string{q: aws.String("x"), other: last.ReceiptHandle} {
			if err := w.removeMessage(url, handle); !isError[*types.ReceiptHandleIsInvalid](err) {
				t.Error(err)
			}
		}
		w.sendBody(q, "late")
		m := w.expectBodies(q, 0, 1, "late")[0]
		w.passTime(time.Second) // visible once more, but not received a second time
		if err := w.removeMessage(q, m.ReceiptHandle); err != nil {
			t.Error(err)
		}
		w.expectBodies(q, 0, 1, "")
		w.sendBody(q, "back")
		m = w.expectBodies(q, 0, 10, "back")[0]
		w.changeVisibility(q, m.ReceiptHandle, 0)
		if err := w.removeMessage(q, m.ReceiptHandle); err != nil {
			t.Error(err)
		}
		w.expectBodies(q, 0, 1, "")
	})
}

func TestRedrive(t *testing.T) {
	inBubble(t, func(w clients) {
		w.makeQueue("dead", nil)
		for _, policy := range []string{"{}", "x", `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:none","maxReceiveCount":2}`,
			`{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":0}`} {
			_, err := w.queues.CreateQueue(w.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q"), Attributes: map[string]string{"RedrivePolicy": policy}})
			if errorCode(err) != "InvalidParameterValue" {
				t.Errorf("%s: %v", policy, err)
			}
		}
		q := w.makeQueue("q", map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":"2"}`})
		dead := mustReturn[*sqs.GetQueueUrlOutput](t)(w.queues.GetQueueUrl(w.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("dead")})).QueueUrl
		w.sendBody(q, "a")
		w.sendBody(q, "b")
		first := w.expectBodies(q, 0, 1, "a b")
		w.passTime(time.Second)
		w.expectBodies(q, 0, 1, "a b")
		w.expectBodies(dead, 0, 1, "")
		buried := make(chan struct{})
		time.AfterFunc(time.Second, func() { defer close(buried); w.expectBodies(q, 0, 1, "") }) // moves them to the dead letter queue
		began := time.Now()
		for i, m := range w.expectBodies(dead, 20, 1, "a b") {
			if *m.MessageId != *first[i].MessageId || m.Attributes["ApproximateReceiveCount"] != "3" || m.Attributes["DeadLetterQueueSourceArn"] != queueARN("q") {
				t.Errorf("%+v", m)
			}
		}
		if waiting, deleted := w.SQS.CountMessages("q"); waiting != 0 || deleted != 0 || time.Since(began) != time.Second {
			t.Errorf("%d waiting, %d deleted, after %v", waiting, deleted, time.Since(began))
		}
		<-buried
	})
}

// TestInFlightLimit shows that a poll with 120,000 messages in flight gets an empty answer without an error, as in SQS.
func TestInFlightLimit(t *testing.T) {
	inBubble(t, func(w clients) {
		q := w.makeQueue("q", nil)
		w.SQS.queues["q"].maxInFlight = 2
		for _, body := range []string{"a", "b", "c"} {
			w.sendBody(q, body)
		}
		m := w.expectBodies(q, 0, 30, "a b")
		w.expectBodies(q, 20, 30, "")
		if err := w.removeMessage(q, m[0].ReceiptHandle); err != nil {
			t.Error(err)
		}
		w.expectBodies(q, 0, 30, "c")
	})
}

func TestCancelledPollTakesNoMessage(t *testing.T) {
	inBubble(t, func(w clients) {
		q := w.makeQueue("q", nil)
		giveUp := func() {
			ctx, cancel := context.WithTimeout(w.Context(), time.Second)
			defer cancel()
			if _, err := w.queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: q, WaitTimeSeconds: 20}); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		}
		giveUp()
		w.sendBody(q, "a")
		w.SQS.SetRoundTrip(2 * time.Second)
		giveUp()
		if m := w.expectBodies(q, 0, 30, "a")[0]; m.Attributes["ApproximateReceiveCount"] != "1" {
			t.Errorf("%v", m.Attributes)
		}
	})
}

// TestSQSFaults shows the liberties of a standard queue: a message may be delivered once more after its deletion, late,
// and in another order.
func TestSQSFaults(t *testing.T) {
	inBubble(t, func(w clients) {
		q := w.makeQueue("q", nil)
		w.SQS.SetFaults(SQSFaults{Duplicate: 1, Delay: time.Minute})
		w.sendBody(q, "a")
		w.passTime(time.Minute)
		first := w.expectBodies(q, 0, 30, "a")[0]
		w.deleteAll(q, []types.Message{first})
		w.passTime(time.Minute)
		again := w.expectBodies(q, 0, 30, "a")[0]
		if *again.MessageId != *first.MessageId || again.Attributes["ApproximateReceiveCount"] != "2" {
			t.Errorf("it is another: %+v", again)
		}
		w.deleteAll(q, []types.Message{again})
		w.passTime(time.Hour)
		w.expectBodies(q, 0, 30, "")
		if waiting, deleted := w.SQS.CountMessages("q"); waiting != 0 || deleted != 1 {
			t.Errorf("%d wait, %d were deleted", waiting, deleted)
		}

		w.SQS.SetFaults(SQSFaults{Shuffle: 1})
		var sent, got strings.Builder
		for i := range 50 {
			fmt.Fprint(&sent, i, " ")
			w.sendBody(q, strconv.Itoa(i))
		}
		for range 5 {
			fmt.Fprint(&got, joinBodies(w.receiveUpToTen(q, 0, 30)), " ")
		}
		if sent.String() == got.String() || len(sent.String()) != len(got.String()) {
			t.Errorf("sent %s, got %s", sent.String(), got.String())
		}
	})
}

// TestTraceHeader shows that the trace header of a sender is delivered as a system attribute if the receiver asks for it,
// and that a sender cannot set any other system attribute.
func TestTraceHeader(t *testing.T) {
	inBubble(t, func(w clients) {
		const header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
		q := w.makeQueue("q", nil)
		send := func(name, value string) error {
			_, err := w.queues.SendMessage(w.Context(), &sqs.SendMessageInput{
				QueueUrl: q, MessageBody: aws.String("a"),
				MessageSystemAttributes: map[string]types.MessageSystemAttributeValue{name: {DataType: aws.String("String"), StringValue: aws.String(value)}},
			})
			return err
		}
		if err := send("AWSTraceHeader", header); err != nil {
			t.Fatal(err)
		}
		if m := w.expectBodies(q, 0, 30, "a")[0]; m.Attributes["AWSTraceHeader"] != header {
			t.Errorf("came with %v", m.Attributes)
		}
		for name, value := range map[string]string{"AWSTraceHeader": "", "SenderId": "me"} {
			if err := send(name, value); errorCode(err) != "InvalidParameterValue" {
				t.Errorf("%s=%q: %v", name, value, err)
			}
		}
	})
}
