package emulator

import (
	"container/heap"
	"crypto/rand"
	"encoding/base64"
	mrand "math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// maxVisibility is how long a message may be invisible, counted from when it was
// received:
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html.
const maxVisibility = 12 * time.Hour

type queued struct {
	id          string
	body        string
	attributes  map[string]Attribute
	sent, first time.Time // first is of the first receive
	taken       time.Time // of the last
	received    int       // in all queues
	here        int       // received in this one
	from        string    // the ARN of the queue that gave it up
	trace       string    // AWSTraceHeader
	receipt     string
	visible     time.Time
	index       int // in the heap, -1 when it is not there
	flying      bool
	gone        bool
	again       bool // it has come again after its deletion
}

// queue is a standard queue. What is visible is a list, what is not is ordered by
// when it will be: a receive costs the same however many wait.
type queue struct {
	name       string
	attributes map[string]string
	open       bool      // any topic may send to it
	dead       *queue    // nil without a redrive policy
	maxReceive int       // receives before a message goes to dead
	visible    []*queued // from head on
	head       int
	hidden     hidden
	messages   map[string]*queued // that live, by ID
	flying     int                // messages in flight
	maxFlying  int
	deleted    int
	arrived    chan struct{} // closed when a long poll must look again
	faults     *SQSFaults
}

// hidden is a heap by the time of becoming visible.
type hidden []*queued

func (h hidden) Len() int           { return len(h) }
func (h hidden) Less(i, j int) bool { return h[i].visible.Before(h[j].visible) }
func (h hidden) Swap(i, j int)      { h[i], h[j] = h[j], h[i]; h[i].index, h[j].index = i, j }
func (h *hidden) Push(x any)        { m := x.(*queued); m.index = len(*h); *h = append(*h, m) } //nolint:forcetypeassert // ours
func (h *hidden) Pop() any {
	old := *h
	m := old[len(old)-1]
	m.index = -1
	*h = old[:len(old)-1]
	return m
}

func newQueue(name string, faults *SQSFaults) *queue {
	return &queue{
		name: name, faults: faults, attributes: map[string]string{"VisibilityTimeout": "30", "DelaySeconds": "0", "ReceiveMessageWaitTimeSeconds": "0"},
		messages: map[string]*queued{}, maxFlying: maxInFlight, arrived: make(chan struct{}),
	}
}

func (q *queue) put(body string, attributes map[string]Attribute, delay time.Duration) string {
	m := &queued{
		id:         uuid(),
		body:       body,
		attributes: attributes,
		sent:       time.Now(),
		index:      -1,
	}
	q.messages[m.id] = m
	if delay = max(delay, q.late()); delay > 0 {
		q.hide(m, m.sent.Add(delay))
		return m.id
	}
	q.show(m)
	return m.id
}

// late draws how late a message is.
func (q *queue) late() time.Duration {
	if q.faults.Delay <= 0 {
		return 0
	}
	return mrand.N(q.faults.Delay) //nolint:gosec // faults, not secrets
}

func hit(share float64) bool { return share > 0 && mrand.Float64() < share } //nolint:gosec // faults, not secrets

// wake makes long polls look again.
func (q *queue) wake() {
	close(q.arrived)
	q.arrived = make(chan struct{})
}

func (q *queue) show(m *queued) {
	q.append(m)
	q.wake()
}

// append makes a message the last that is visible, or another.
func (q *queue) append(m *queued) {
	q.visible = append(q.visible, m)
	if last := len(q.visible) - 1; hit(q.faults.Shuffle) {
		i := q.head + mrand.IntN(last-q.head+1) //nolint:gosec // faults, not secrets
		q.visible[i], q.visible[last] = q.visible[last], q.visible[i]
	}
}

// hide keeps a message back until a time, for which long polls may have to wake
// earlier than they meant to.
func (q *queue) hide(m *queued, until time.Time) {
	m.visible = until
	heap.Push(&q.hidden, m)
	if m.index == 0 {
		q.wake()
	}
}

// unhide takes a message out of the hidden ones.
func (q *queue) unhide(m *queued) {
	heap.Remove(&q.hidden, m.index)
	q.land(m)
}

func (q *queue) land(m *queued) {
	if m.flying {
		m.flying = false
		q.flying--
	}
}

// surface shows what has become visible.
func (q *queue) surface(now time.Time) {
	for len(q.hidden) > 0 && !q.hidden[0].visible.After(now) {
		m := heap.Pop(&q.hidden).(*queued) //nolint:forcetypeassert // ours
		q.land(m)
		q.append(m)
	}
}

// take hands out at most n messages. What was received too often goes to the dead
// letter queue instead.
func (q *queue) take(n int, visibility time.Duration, now time.Time) []*queued {
	q.surface(now)
	n = min(n, q.maxFlying-q.flying)
	var out []*queued
	for len(out) < n && q.head < len(q.visible) {
		m := q.visible[q.head]
		q.visible[q.head] = nil
		q.head++
		switch {
		case m.gone:
		case q.dead != nil && m.here >= q.maxReceive:
			q.bury(m)
		default:
			q.handOut(m, visibility, now)
			out = append(out, m)
		}
	}
	if q.head == len(q.visible) {
		q.visible, q.head = q.visible[:0], 0
	}
	return out
}

func (q *queue) handOut(m *queued, visibility time.Duration, now time.Time) {
	m.received++
	m.here++
	if m.received == 1 {
		m.first = now
	}
	m.taken, m.receipt = now, q.handle(m.id)
	if visibility > 0 {
		m.flying = true
		q.flying++
	}
	q.hide(m, now.Add(max(visibility, 0))) // for the next receive, not this one
}

// bury moves a message to the dead letter queue. It keeps its ID and count.
func (q *queue) bury(m *queued) {
	delete(q.messages, m.id)
	m.here, m.receipt, m.from = 0, "", queueARN(q.name)
	q.dead.messages[m.id] = m
	q.dead.show(m)
}

// handle makes a receipt handle, of which only the queue's own are valid.
func (q *queue) handle(id string) string {
	return base64.StdEncoding.EncodeToString([]byte(q.name + " " + id + " " + rand.Text()))
}

// lookup returns the message that a receipt handle is of, nil if that is deleted,
// and whether the handle is its last one.
func (q *queue) lookup(receipt string) (m *queued, last bool, err error) {
	b, err := base64.StdEncoding.DecodeString(receipt)
	parts := strings.Split(string(b), " ")
	if err != nil || len(parts) != 3 || parts[0] != q.name {
		return nil, false, fail("com.amazonaws.sqs#ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
	}
	m = q.messages[parts[1]]
	return m, m != nil && m.receipt == receipt, nil
}

// remove deletes a message. As SQS does, it says so too of one that is deleted
// already, and of one that was received again since, which stays:
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html.
func (q *queue) remove(receipt string) error {
	m, last, err := q.lookup(receipt)
	if err != nil || !last {
		return err
	}
	if !m.again && hit(q.faults.Duplicate) { // as one of its servers may that was away
		m.again, m.receipt = true, ""
		if m.index >= 0 {
			q.unhide(m)
		}
		q.hide(m, time.Now().Add(q.late()))
		return nil
	}
	m.gone = true
	q.deleted++
	if m.index >= 0 {
		q.unhide(m)
	}
	delete(q.messages, m.id)
	return nil
}

// change changes a visibility timeout. SQS refuses it for a message that is
// deleted, and takes it, to no effect, for one that is no longer in flight by
// this handle (https://github.com/localstack/localstack/pull/9632 compares).
func (q *queue) change(receipt string, visibility time.Duration, now time.Time) error {
	m, last, err := q.lookup(receipt)
	if err != nil {
		return err
	}
	if m == nil {
		return fail("InvalidParameterValue",
			"Value %s for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.", receipt)
	}
	q.surface(now)
	if !last || !m.flying {
		return nil
	}
	if now.Add(visibility).Sub(m.taken) > maxVisibility {
		return fail("InvalidParameterValue",
			"Value %d for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds].", int(visibility.Seconds()))
	}
	q.unhide(m)
	if visibility <= 0 {
		q.show(m)
		return nil
	}
	m.flying = true
	q.flying++
	q.hide(m, now.Add(visibility))
	return nil
}

// counts are those of GetQueueAttributes.
func (q *queue) counts(now time.Time) map[string]string {
	q.surface(now)
	return map[string]string{
		"QueueArn":                              queueARN(q.name),
		"ApproximateNumberOfMessages":           strconv.Itoa(len(q.messages) - len(q.hidden)),
		"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(q.flying),
		"ApproximateNumberOfMessagesDelayed":    strconv.Itoa(len(q.hidden) - q.flying),
	}
}

func (q *queue) seconds(n *int, attribute string) time.Duration {
	if n != nil {
		return seconds(n)
	}
	v, _ := strconv.Atoi(q.attributes[attribute])
	return time.Duration(v) * time.Second
}

func seconds(n *int) time.Duration {
	if n == nil {
		return 0
	}
	return time.Duration(*n) * time.Second
}
