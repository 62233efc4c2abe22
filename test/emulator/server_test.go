package emulator

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// TestClose shows that waiting calls are cut without being applied, and that all handlers have ended when Close returns.
func TestClose(t *testing.T) {
	inBubble(t, func(w clients) {
		q := w.makeQueue("q", nil)
		token := w.StepFunctions.OpenTask(0, 0)
		w.StepFunctions.SetFaults(Faults{Latency: time.Hour})
		began := time.Now()
		var calls sync.WaitGroup
		for range 5 {
			calls.Go(func() {
				if _, err := w.queues.ReceiveMessage(w.Context(), &sqs.ReceiveMessageInput{QueueUrl: q, WaitTimeSeconds: 20}); err == nil {
					t.Error("a poll was answered")
				}
			})
			calls.Go(func() {
				if w.sendSuccess(token, "{}") == nil {
					t.Error("a call was answered")
				}
			})
		}
		synctest.Wait()
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if left := handlerStacks(); left != "" {
			t.Errorf("still serving:\n%s", left)
		}
		calls.Wait()
		if task, _ := w.StepFunctions.FindTask(token); task.Calls != 0 || !time.Now().Equal(began) {
			t.Errorf("%+v after %v", task, time.Since(began))
		}
		if _, err := w.queues.ReceiveMessage(w.Context(), &sqs.ReceiveMessageInput{QueueUrl: q}); err == nil {
			t.Error("a call was answered")
		}
		if err := w.Close(); err != nil {
			t.Errorf("again: %v", err)
		}
	})
}

// handlerStacks returns the stacks of the handlers that run in this bubble.
func handlerStacks() string {
	b := make([]byte, 1<<20)
	b = b[:runtime.Stack(b, true)]
	me, _, _ := strings.Cut(string(b), "\n")
	_, bubble, _ := strings.Cut(me, "synctest bubble ")
	var left []string
	for stack := range strings.SplitSeq(string(b), "\n\n") {
		if head, _, _ := strings.Cut(stack, "\n"); strings.HasSuffix(head, "synctest bubble "+bubble) && strings.Contains(stack, ".ServeHTTP(") {
			left = append(left, stack)
		}
	}
	return strings.Join(left, "\n\n")
}

// TestStart shows that the emulator listens on loopback only, and that Close frees its port while calls arrive.
func TestStart(t *testing.T) {
	t.Parallel()
	w := onLoopback(t)
	if !strings.HasPrefix(w.URL(), "http://127.0.0.1:") {
		t.Error(w.URL())
	}
	q := w.makeQueue("q", nil)
	var calls sync.WaitGroup
	polls := make(chan struct{}, 4)
	for range 4 {
		calls.Go(func() {
			for {
				_, err := w.queues.ReceiveMessage(w.Context(), &sqs.ReceiveMessageInput{QueueUrl: q, WaitTimeSeconds: 20, MaxNumberOfMessages: 10})
				if err != nil {
					return
				}
				select {
				case polls <- struct{}{}:
				default:
				}
			}
		})
	}
	for range 8 { // the polls are under way
		w.SQS.PutMessage("q", "a", nil)
		<-polls
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	calls.Wait()
}

// TestEveryMessageOnce shows that concurrent senders and receivers see each message, and each only once while it is in
// flight.
func TestEveryMessageOnce(t *testing.T) {
	t.Parallel()
	w := onLoopback(t)
	q := w.makeQueue("q", map[string]string{"Policy": `"sqs:SendMessage" ` + w.SNS.CreateTopic("t")})
	topic := w.SNS.CreateTopic("t")
	mustReturn[string](t)(w.subscribe(topic, "q", map[string]string{"RawMessageDelivery": "true"}))
	const each, senders = 50, 4
	var all sync.WaitGroup
	for s := range senders {
		all.Go(func() {
			for i := range each {
				w.sendBody(q, fmt.Sprint(s, " ", i))
			}
		})
	}
	all.Go(func() {
		for i := range each {
			if _, err := w.topics.Publish(t.Context(), &sns.PublishInput{TopicArn: &topic, Message: aws.String(fmt.Sprint("n", i))}); err != nil {
				t.Error(err)
			}
		}
	})
	ctx, done := context.WithCancel(t.Context())
	defer done()
	var mu sync.Mutex
	seen := map[string]int{}
	for range 4 {
		all.Go(func() {
			for ctx.Err() == nil {
				out, err := w.queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: q, WaitTimeSeconds: 20, MaxNumberOfMessages: 10, VisibilityTimeout: 600})
				if err != nil {
					return
				}
				mu.Lock()
				for _, m := range out.Messages {
					seen[*m.Body]++
				}
				if len(seen) == each*(senders+1) {
					done()
				}
				mu.Unlock()
				w.deleteAll(q, out.Messages)
			}
		})
	}
	all.Wait()
	for body, n := range seen {
		if n != 1 {
			t.Errorf("%q came %d times", body, n)
		}
	}
	if waiting, deleted := w.SQS.CountMessages("q"); len(seen) != each*(senders+1) || waiting != 0 || deleted != len(seen) {
		t.Errorf("%d seen, %d waiting, %d deleted", len(seen), waiting, deleted)
	}
}

// deleteAll deletes messages. Several goroutines may call it.
func (w clients) deleteAll(q *string, messages []types.Message) {
	entries := []types.DeleteMessageBatchRequestEntry{}
	for i, m := range messages {
		entries = append(entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), ReceiptHandle: m.ReceiptHandle})
	}
	if len(entries) == 0 {
		return
	}
	if out, err := w.queues.DeleteMessageBatch(w.Context(), &sqs.DeleteMessageBatchInput{QueueUrl: q, Entries: entries}); err != nil || len(out.Failed) != 0 {
		w.Errorf("%+v, %v", out, err)
	}
}

// TestOneAnswerCounts shows that only one of many calls with the same token has an effect, also with faults.
func TestOneAnswerCounts(t *testing.T) {
	t.Parallel()
	w := onLoopback(t)
	w.StepFunctions.SetFaults(Faults{Throttle: 0.2, LoseReply: 0.3, Fail: 0.2})
	for range 10 {
		token := w.StepFunctions.OpenTask(0, 0)
		var all sync.WaitGroup
		var mu sync.Mutex
		good := 0
		for i := range 8 {
			all.Go(func() {
				for range 8 {
					err := w.sendFailure(token)
					if i%2 == 0 {
						err = w.sendSuccess(token, "{}")
					}
					if err == nil {
						mu.Lock()
						good++
						mu.Unlock()
					}
				}
			})
		}
		all.Wait()
		if task, _ := w.StepFunctions.FindTask(token); task.Effective != 1 || good > 1 {
			t.Errorf("%d effective, %d told so", task.Effective, good)
		}
	}
}

func TestRoundTripAndCalls(t *testing.T) {
	inBubble(t, func(w clients) {
		q := w.makeQueue("q", nil)
		w.SQS.SetRoundTrip(time.Second)
		began := time.Now()
		w.sendBody(q, "a")
		w.expectBodies(q, 0, 1, "a")
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("took %v", took)
		}
		if calls := w.SQS.CallCounts(); calls["SendMessage"] != 1 || calls["ReceiveMessage"] != 1 || calls["CreateQueue"] != 1 {
			t.Errorf("%v", calls)
		}
	})
}
