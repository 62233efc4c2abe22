package sqs_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

// fake is SQS with a single queue, "queue". It is stricter than SQS: a call that SQS would refuse fails the test, and
// only the receipt handle of the last receive deletes a message. It uses the time of the bubble in which it runs.
type fake struct {
	t       testing.TB
	mu      sync.Mutex
	changed chan struct{} // closed at each change
	queue   []*stored
	serial  int

	calls   map[string]int
	polls   int // receives under way
	most    int // of them at once
	deletes []int

	// The faults. Each may be nil.
	receive    func() error                                 // before a receive
	answer     func(*awssqs.ReceiveMessageOutput)           // of a receive
	visibility func() error                                 // before a change
	delete     func() error                                 // before a batch
	refuse     func(id string) *types.BatchResultErrorEntry // one entry of a batch
	deaf       bool                                         // receives are not cancelled
}

// stored is a message in the fake.
type stored struct {
	types.Message
	sent     time.Time
	visible  time.Time
	received time.Time
	handle   string
	inFlight bool
	receives []time.Time // when it was handed over
	changes  []time.Duration
	deleted  bool
}

func newFake(t testing.TB) *fake {
	return &fake{t: t, changed: make(chan struct{}), calls: map[string]int{}}
}

// put sends messages with these bodies and returns their IDs.
func (f *fake) put(bodies ...string) (ids []string) {
	for _, b := range bodies {
		ids = append(ids, f.send(types.Message{Body: aws.String(b)}))
	}
	return ids
}

func (f *fake) send(m types.Message) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.serial++
	m.MessageId = aws.String(fmt.Sprintf("id-%d", f.serial))
	f.queue = append(f.queue, &stored{Message: m, sent: time.Now(), visible: time.Now()})
	f.change()
	return *m.MessageId
}

func (f *fake) change() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// set changes the faults.
func (f *fake) set(how func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	how()
}

// get returns a copy of a message, deleted or not.
func (f *fake) get(id string) stored {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.queue {
		if *m.MessageId == id {
			c := *m
			c.receives, c.changes = slices.Clone(m.receives), slices.Clone(m.changes)
			return c
		}
	}
	f.t.Fatalf("no message %s", id)
	return stored{}
}

// left returns the number of messages that are not deleted.
func (f *fake) left() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.queue {
		if !m.deleted {
			n++
		}
	}
	return n
}

// batches returns the number of messages of each delete call.
func (f *fake) batches() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.deletes)
}

func (f *fake) count(call string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[call]
}

func (f *fake) allCalls() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.calls)
}

func (f *fake) GetQueueUrl(
	_ context.Context, in *awssqs.GetQueueUrlInput, _ ...func(*awssqs.Options),
) (*awssqs.GetQueueUrlOutput, error) {
	if *in.QueueName != "queue" {
		return nil, &types.QueueDoesNotExist{}
	}
	return &awssqs.GetQueueUrlOutput{QueueUrl: aws.String("https://sqs.test/000000000000/queue")}, nil
}

func (f *fake) ReceiveMessage(
	ctx context.Context, in *awssqs.ReceiveMessageInput, _ ...func(*awssqs.Options),
) (*awssqs.ReceiveMessageOutput, error) {
	f.mu.Lock()
	f.calls["receive"]++
	f.polls++
	f.most = max(f.most, f.polls)
	fails, deaf, answer := f.receive, f.deaf, f.answer
	f.mu.Unlock()
	defer f.set(func() { f.polls-- })
	if n := in.MaxNumberOfMessages; n < 1 || n > 10 {
		f.t.Errorf("receive of %d messages", n)
	}
	if in.WaitTimeSeconds < 1 || in.WaitTimeSeconds > 20 || in.VisibilityTimeout < 1 {
		f.t.Errorf("wait %d s, visibility %d s", in.WaitTimeSeconds, in.VisibilityTimeout)
	}
	if fails != nil {
		if err := fails(); err != nil {
			return nil, err
		}
	}
	if deaf {
		ctx = context.WithoutCancel(ctx)
	}
	until := time.Now().Add(time.Duration(in.WaitTimeSeconds) * time.Second)
	for {
		out, changed, next := f.take(int(in.MaxNumberOfMessages), time.Duration(in.VisibilityTimeout)*time.Second)
		if len(out.Messages) > 0 || !time.Now().Before(until) {
			if answer != nil {
				answer(out)
			}
			return out, nil
		}
		if next.IsZero() || next.After(until) {
			next = until
		}
		timer := time.NewTimer(time.Until(next))
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// take returns visible messages, and the time at which the next message becomes visible.
func (f *fake) take(
	n int, visibility time.Duration,
) (out *awssqs.ReceiveMessageOutput, changed <-chan struct{}, next time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	out = &awssqs.ReceiveMessageOutput{}
	now := time.Now()
	for _, m := range f.queue {
		switch {
		case m.deleted || len(out.Messages) == n:
		case m.visible.After(now):
			if next.IsZero() || m.visible.Before(next) {
				next = m.visible
			}
		default:
			m.receives = append(m.receives, now)
			m.handle = fmt.Sprintf("%s#%d", *m.MessageId, len(m.receives))
			m.received, m.visible, m.inFlight = now, now.Add(visibility), true
			c := m.Message
			c.ReceiptHandle = aws.String(m.handle)
			if c.Attributes == nil {
				c.Attributes = map[string]string{
					"ApproximateReceiveCount": strconv.Itoa(len(m.receives)),
					"SentTimestamp":           strconv.FormatInt(m.sent.UnixMilli(), 10),
				}
			}
			out.Messages = append(out.Messages, c)
		}
	}
	return out, f.changed, next
}

// find returns the message of a receipt handle, and reports whether the handle is the last one.
func (f *fake) find(handle *string) (m *stored, last bool) {
	id, _, _ := strings.Cut(aws.ToString(handle), "#")
	for _, m := range f.queue {
		if *m.MessageId == id && !m.deleted {
			return m, m.handle == *handle
		}
	}
	return nil, false
}

func (f *fake) ChangeMessageVisibility(
	ctx context.Context, in *awssqs.ChangeMessageVisibilityInput, _ ...func(*awssqs.Options),
) (*awssqs.ChangeMessageVisibilityOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls["visibility"]++
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if f.visibility != nil {
		if err := f.visibility(); err != nil {
			return nil, err
		}
	}
	m, last := f.find(in.ReceiptHandle)
	if m == nil || !last || m.visible.Before(time.Now()) {
		return nil, &types.MessageNotInflight{}
	}
	v := time.Duration(in.VisibilityTimeout) * time.Second
	if time.Now().Add(v).Sub(m.received) > 12*time.Hour {
		f.t.Errorf("%s invisible for %v after %v", *m.MessageId, v, time.Since(m.received))
		return nil, &smithy.GenericAPIError{Code: "InvalidParameterValue"}
	}
	m.visible = time.Now().Add(v)
	m.changes = append(m.changes, v)
	f.change()
	return &awssqs.ChangeMessageVisibilityOutput{}, nil
}

func (f *fake) DeleteMessageBatch(
	ctx context.Context, in *awssqs.DeleteMessageBatchInput, _ ...func(*awssqs.Options),
) (*awssqs.DeleteMessageBatchOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls["delete"]++
	f.deletes = append(f.deletes, len(in.Entries))
	if n := len(in.Entries); n < 1 || n > 10 {
		f.t.Errorf("delete of %d messages", n)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if f.delete != nil {
		if err := f.delete(); err != nil {
			return nil, err
		}
	}
	out, ids := &awssqs.DeleteMessageBatchOutput{}, map[string]bool{}
	for _, e := range in.Entries {
		if ids[*e.Id] {
			f.t.Errorf("batch has ID %s twice", *e.Id)
		}
		ids[*e.Id] = true
		m, last := f.find(e.ReceiptHandle)
		if m != nil && f.refuse != nil {
			if failed := f.refuse(*m.MessageId); failed != nil {
				failed.Id = e.Id
				out.Failed = append(out.Failed, *failed)
				continue
			}
		}
		out.Successful = append(out.Successful, types.DeleteMessageBatchResultEntry{Id: e.Id})
		if last { // else SQS says so too, and does not delete
			m.deleted = true
		}
	}
	f.change()
	return out, nil
}

func (f *fake) SendMessage(
	_ context.Context, in *awssqs.SendMessageInput, _ ...func(*awssqs.Options),
) (*awssqs.SendMessageOutput, error) {
	return nil, errors.New("the fake has one queue, " + *in.QueueUrl)
}
