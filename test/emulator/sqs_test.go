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

// queue makes a queue and returns its URL.
func (w world) queue(name string, attributes map[string]string) *string {
	w.Helper()
	return must[*sqs.CreateQueueOutput](w)(w.queues.CreateQueue(w.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})).QueueUrl
}

func (w world) send(url *string, body string) {
	w.Helper()
	must[*sqs.SendMessageOutput](w)(w.queues.SendMessage(w.Context(), &sqs.SendMessageInput{QueueUrl: url, MessageBody: &body}))
}

// poll receives up to ten messages with all their attributes.
func (w world) poll(url *string, wait, visibility int32) []types.Message {
	w.Helper()
	return must[*sqs.ReceiveMessageOutput](w)(w.queues.ReceiveMessage(w.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: url, WaitTimeSeconds: wait, VisibilityTimeout: visibility, MaxNumberOfMessages: 10,
		MessageAttributeNames: []string{"All"}, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
	})).Messages
}

func bodies(messages []types.Message) string {
	var out []string
	for _, m := range messages {
		out = append(out, *m.Body)
	}
	return strings.Join(out, " ")
}

func (w world) expect(url *string, wait, visibility int32, want string) []types.Message {
	w.Helper()
	got := w.poll(url, wait, visibility)
	if bodies(got) != want {
		w.Fatalf("received %q, want %q", bodies(got), want)
	}
	return got
}

func TestMessagesComeOnceUntilTheyAreVisibleAgain(t *testing.T) {
	timeless(t, func(w world) {
		q := w.queue("q", map[string]string{"VisibilityTimeout": "60"})
		w.send(q, "a")
		w.send(q, "b")
		first := w.expect(q, 0, 30, "a b")
		w.expect(q, 0, 30, "")
		w.sleep(30*time.Second - 1)
		w.expect(q, 0, 30, "")
		w.sleep(1)
		second := w.expect(q, 0, 0, "a b") // 0 is not sent: the queue's 60 s
		if n := second[0].Attributes["ApproximateReceiveCount"]; n != "2" || *first[0].MessageId != *second[0].MessageId || *first[0].ReceiptHandle == *second[0].ReceiptHandle {
			t.Errorf("receive count %s", n)
		}
		sent, _ := strconv.ParseInt(second[0].Attributes["SentTimestamp"], 10, 64)
		seen, _ := strconv.ParseInt(second[0].Attributes["ApproximateFirstReceiveTimestamp"], 10, 64)
		if now := time.Now().UnixMilli(); sent != now-30_000 || seen != sent {
			t.Errorf("sent %d, first received %d, now %d", sent, seen, now)
		}
		w.sleep(59 * time.Second)
		w.expect(q, 0, 30, "")
		w.sleep(time.Second)
		w.expect(q, 0, 30, "a b")
	})
}

func TestLongPoll(t *testing.T) {
	timeless(t, func(w world) {
		q := w.queue("q", map[string]string{"ReceiveMessageWaitTimeSeconds": "7"})
		took := func(want time.Duration, f func()) {
			t.Helper()
			began := time.Now()
			if f(); time.Since(began) != want {
				t.Errorf("took %v, want %v", time.Since(began), want)
			}
		}
		took(20*time.Second, func() { w.expect(q, 20, 1, "") })
		took(7*time.Second, func() { w.expect(q, 0, 1, "") })
		time.AfterFunc(3*time.Second, func() { w.SQS.PutMessage("q", "sent", nil) })
		took(3*time.Second, func() { w.expect(q, 20, 10, "sent") })
		took(10*time.Second, func() { w.expect(q, 20, 12, "sent") })

		// What a poll waits for may come earlier than it looked when it began.
		handle := w.poll(q, 20, 19)[0].ReceiptHandle
		time.AfterFunc(2*time.Second, func() { w.change(q, handle, 3) })
		took(5*time.Second, func() { w.expect(q, 20, 30, "sent") })
		time.AfterFunc(time.Second, func() {
			_, err := w.queues.SendMessage(w.Context(), &sqs.SendMessageInput{QueueUrl: q, MessageBody: aws.String("delayed"), DelaySeconds: 4})
			if err != nil {
				t.Error(err)
			}
		})
		took(5*time.Second, func() { w.expect(q, 20, 30, "delayed") })
	})
}

func (w world) change(q, handle *string, visibility int32) {
	w.Helper()
	if err := w.tryChange(q, handle, visibility); err != nil {
		w.Error(err)
	}
}

func (w world) tryChange(q, handle *string, visibility int32) error {
	_, err := w.queues.ChangeMessageVisibility(w.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: q, ReceiptHandle: handle, VisibilityTimeout: visibility})
	return err
}

func (w world) remove(q, handle *string) error {
	_, err := w.queues.DeleteMessage(w.Context(), &sqs.DeleteMessageInput{QueueUrl: q, ReceiptHandle: handle})
	return err
}

func TestChangeVisibility(t *testing.T) {
	timeless(t, func(w world) {
		q := w.queue("q", nil)
		w.send(q, "a")
		m := w.expect(q, 0, 10, "a")[0]
		w.sleep(9 * time.Second)
		w.change(q, m.ReceiptHandle, 10) // from now
		w.sleep(9 * time.Second)
		w.expect(q, 0, 10, "")
		w.change(q, m.ReceiptHandle, 0) // at once
		next := w.expect(q, 0, 10, "a")[0]
		w.change(q, m.ReceiptHandle, 0) // not the last handle: taken, to no effect
		w.expect(q, 0, 10, "")
		w.sleep(10 * time.Second)
		w.change(q, next.ReceiptHandle, 100) // no longer in flight: likewise
		next = w.expect(q, 0, 10, "a")[0]

		w.sleep(9 * time.Second)
		if err := w.tryChange(q, next.ReceiptHandle, 43_192); code(err) != "InvalidParameterValue" || !strings.Contains(err.Error(), "Total VisibilityTimeout") {
			t.Errorf("twelve hours and a second from its receive: %v", err)
		}
		w.change(q, next.ReceiptHandle, 43_191)
		w.sleep(43_191*time.Second - 1)
		w.expect(q, 0, 10, "")
		w.sleep(1)
		last := w.expect(q, 0, 10, "a")[0]
		if err := w.remove(q, last.ReceiptHandle); err != nil {
			t.Error(err)
		}
		if err := w.tryChange(q, last.ReceiptHandle, 10); code(err) != "InvalidParameterValue" {
			t.Errorf("a deleted message: %v", err)
		}
		if err := w.tryChange(q, aws.String("none"), 10); !is[*types.ReceiptHandleIsInvalid](err) {
			t.Errorf("no handle: %v", err)
		}
	})
}

func TestDelete(t *testing.T) {
	timeless(t, func(w world) {
		q := w.queue("q", nil)
		w.send(q, "a")
		old := w.expect(q, 0, 1, "a")[0]
		w.sleep(time.Second)
		last := w.expect(q, 0, 1, "a")[0]
		for _, handle := range []*string{old.ReceiptHandle, last.ReceiptHandle, last.ReceiptHandle} { // stays, goes, is gone
			if err := w.remove(q, handle); err != nil {
				t.Error(err)
			}
			if waiting, deleted := w.SQS.CountMessages("q"); waiting+deleted != 1 || (deleted == 1) != (handle == last.ReceiptHandle) {
				t.Errorf("%d waiting, %d deleted", waiting, deleted)
			}
		}
		other := w.queue("other", nil)
		for url, handle := range map[*string]*string{q: aws.String("x"), other: last.ReceiptHandle} {
			if err := w.remove(url, handle); !is[*types.ReceiptHandleIsInvalid](err) {
				t.Error(err)
			}
		}
		w.send(q, "late")
		m := w.expect(q, 0, 1, "late")[0]
		w.sleep(time.Second) // visible again, but not received again
		if err := w.remove(q, m.ReceiptHandle); err != nil {
			t.Error(err)
		}
		w.expect(q, 0, 1, "")
		w.send(q, "back")
		m = w.expect(q, 0, 10, "back")[0]
		w.change(q, m.ReceiptHandle, 0)
		if err := w.remove(q, m.ReceiptHandle); err != nil {
			t.Error(err)
		}
		w.expect(q, 0, 1, "")
	})
}

func TestRedrive(t *testing.T) {
	timeless(t, func(w world) {
		w.queue("dead", nil)
		for _, policy := range []string{"{}", "x", `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:none","maxReceiveCount":2}`,
			`{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":0}`} {
			_, err := w.queues.CreateQueue(w.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q"), Attributes: map[string]string{"RedrivePolicy": policy}})
			if code(err) != "InvalidParameterValue" {
				t.Errorf("%s: %v", policy, err)
			}
		}
		q := w.queue("q", map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":"2"}`})
		dead := must[*sqs.GetQueueUrlOutput](t)(w.queues.GetQueueUrl(w.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("dead")})).QueueUrl
		w.send(q, "a")
		w.send(q, "b")
		first := w.expect(q, 0, 1, "a b")
		w.sleep(time.Second)
		w.expect(q, 0, 1, "a b")
		w.expect(dead, 0, 1, "")
		buried := make(chan struct{})
		time.AfterFunc(time.Second, func() { defer close(buried); w.expect(q, 0, 1, "") }) // which buries them
		began := time.Now()
		for i, m := range w.expect(dead, 20, 1, "a b") {
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

// TestInFlightLimit holds what SQS does beyond 120,000: a poll gets nothing, and
// no error.
func TestInFlightLimit(t *testing.T) {
	timeless(t, func(w world) {
		q := w.queue("q", nil)
		w.SQS.queues["q"].maxInFlight = 2
		for _, body := range []string{"a", "b", "c"} {
			w.send(q, body)
		}
		m := w.expect(q, 0, 30, "a b")
		w.expect(q, 20, 30, "")
		if err := w.remove(q, m[0].ReceiptHandle); err != nil {
			t.Error(err)
		}
		w.expect(q, 0, 30, "c")
	})
}

func TestAPollThatIsGivenUpTakesNothing(t *testing.T) {
	timeless(t, func(w world) {
		q := w.queue("q", nil)
		giveUp := func() {
			ctx, cancel := context.WithTimeout(w.Context(), time.Second)
			defer cancel()
			if _, err := w.queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: q, WaitTimeSeconds: 20}); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		}
		giveUp()
		w.send(q, "a")
		w.SQS.SetRoundTrip(2 * time.Second)
		giveUp()
		if m := w.expect(q, 0, 30, "a")[0]; m.Attributes["ApproximateReceiveCount"] != "1" {
			t.Errorf("%v", m.Attributes)
		}
	})
}

// TestSQSFaults holds what a standard queue may do: a message may come once more
// after its deletion, late, and in another order.
func TestSQSFaults(t *testing.T) {
	timeless(t, func(w world) {
		q := w.queue("q", nil)
		w.SQS.SetFaults(SQSFaults{Duplicate: 1, Delay: time.Minute})
		w.send(q, "a")
		w.sleep(time.Minute)
		first := w.expect(q, 0, 30, "a")[0]
		w.drop(q, []types.Message{first})
		w.sleep(time.Minute)
		again := w.expect(q, 0, 30, "a")[0]
		if *again.MessageId != *first.MessageId || again.Attributes["ApproximateReceiveCount"] != "2" {
			t.Errorf("it is another: %+v", again)
		}
		w.drop(q, []types.Message{again})
		w.sleep(time.Hour)
		w.expect(q, 0, 30, "")
		if waiting, deleted := w.SQS.CountMessages("q"); waiting != 0 || deleted != 1 {
			t.Errorf("%d wait, %d were deleted", waiting, deleted)
		}

		w.SQS.SetFaults(SQSFaults{Shuffle: 1})
		var sent, got strings.Builder
		for i := range 50 {
			fmt.Fprint(&sent, i, " ")
			w.send(q, strconv.Itoa(i))
		}
		for range 5 {
			fmt.Fprint(&got, bodies(w.poll(q, 0, 30)), " ")
		}
		if sent.String() == got.String() || len(sent.String()) != len(got.String()) {
			t.Errorf("sent %s, got %s", sent.String(), got.String())
		}
	})
}

// What a sender says of its trace comes beside the message, if it is asked for;
// no other system attribute is a sender's to set.
func TestTraceHeader(t *testing.T) {
	timeless(t, func(w world) {
		const header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
		q := w.queue("q", nil)
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
		if m := w.expect(q, 0, 30, "a")[0]; m.Attributes["AWSTraceHeader"] != header {
			t.Errorf("came with %v", m.Attributes)
		}
		for name, value := range map[string]string{"AWSTraceHeader": "", "SenderId": "me"} {
			if err := send(name, value); code(err) != "InvalidParameterValue" {
				t.Errorf("%s=%q: %v", name, value, err)
			}
		}
	})
}
