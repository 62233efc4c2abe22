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

type message struct {
	id          string
	body        string
	attributes  map[string]Attribute
	sent, firstReceived time.Time // first is of the first receive
	lastReceived       time.Time // of the last
	receives    int       // in all queues
	receivesHere        int       // received in this one
	source        string    // the ARN of the queue that gave it up
	trace       string    // AWSTraceHeader
	receipt     string
	visibleAt     time.Time
	heapIndex       int // in the heap, -1 when it is not there
	inFlight      bool
	deleted        bool
	redelivered       bool // it has come again after its deletion
}

// queue is a standard queue. What is visible is a list, what is not is ordered by
// when it will be: a receive costs the same however many wait.
type queue struct {
	name       string
	attributes map[string]string
	openToTopics       bool      // any topic may send to it
	deadLetters       *queue    // nil without a redrive policy
	maxReceives int       // receives before a message goes to dead
	visible    []*message // from head on
	head       int
	hidden     hidden
	messages   map[string]*message // that live, by ID
	inFlight     int                // messages in flight
	maxInFlight  int
	deleted    int
	arrived    chan struct{} // closed when a long poll must look again
	faults     *SQSFaults
}

// hidden is a heap by the time of becoming visible.
type hidden []*message

func (h hidden) Len() int           { return len(h) }
func (h hidden) Less(i, j int) bool { return h[i].visibleAt.Before(h[j].visibleAt) }
func (h hidden) Swap(i, j int)      { h[i], h[j] = h[j], h[i]; h[i].heapIndex, h[j].heapIndex = i, j }
func (h *hidden) Push(x any)        { m := x.(*message); m.heapIndex = len(*h); *h = append(*h, m) } //nolint:forcetypeassert // ours
func (h *hidden) Pop() any {
	old := *h
	m := old[len(old)-1]
	m.heapIndex = -1
	*h = old[:len(old)-1]
	return m
}

func newQueue(name string, faults *SQSFaults) *queue {
	return &queue{
		name: name, faults: faults, attributes: map[string]string{"VisibilityTimeout": "30", "DelaySeconds": "0", "ReceiveMessageWaitTimeSeconds": "0"},
		messages: map[string]*message{}, maxInFlight: maxInFlight, arrived: make(chan struct{}),
	}
}

func (q *queue) putMessage(body string, attributes map[string]Attribute, delay time.Duration) string {
	m := &message{
		id:         newUUID(),
		body:       body,
		attributes: attributes,
		sent:       time.Now(),
		heapIndex:      -1,
	}
	q.messages[m.id] = m
	if delay = max(delay, q.drawDelay()); delay > 0 {
		q.hideUntil(m, m.sent.Add(delay))
		return m.id
	}
	q.showMessage(m)
	return m.id
}

// drawDelay draws how late a message is.
func (q *queue) drawDelay() time.Duration {
	if q.faults.Delay <= 0 {
		return 0
	}
	return mrand.N(q.faults.Delay) //nolint:gosec // faults, not secrets
}

func drawFault(share float64) bool { return share > 0 && mrand.Float64() < share } //nolint:gosec // faults, not secrets

// wakePolls makes long polls look again.
func (q *queue) wakePolls() {
	close(q.arrived)
	q.arrived = make(chan struct{})
}

func (q *queue) showMessage(m *message) {
	q.appendVisible(m)
	q.wakePolls()
}

// appendVisible makes a message the last that is visible, or another.
func (q *queue) appendVisible(m *message) {
	q.visible = append(q.visible, m)
	if last := len(q.visible) - 1; drawFault(q.faults.Shuffle) {
		i := q.head + mrand.IntN(last-q.head+1) //nolint:gosec // faults, not secrets
		q.visible[i], q.visible[last] = q.visible[last], q.visible[i]
	}
}

// hideUntil keeps a message back until a time, for which long polls may have to wake
// earlier than they meant to.
func (q *queue) hideUntil(m *message, until time.Time) {
	m.visibleAt = until
	heap.Push(&q.hidden, m)
	if m.heapIndex == 0 {
		q.wakePolls()
	}
}

// removeHidden takes a message out of the hidden ones.
func (q *queue) removeHidden(m *message) {
	heap.Remove(&q.hidden, m.heapIndex)
	q.endFlight(m)
}

func (q *queue) endFlight(m *message) {
	if m.inFlight {
		m.inFlight = false
		q.inFlight--
	}
}

// showDue shows what has become visible.
func (q *queue) showDue(now time.Time) {
	for len(q.hidden) > 0 && !q.hidden[0].visibleAt.After(now) {
		m := heap.Pop(&q.hidden).(*message) //nolint:forcetypeassert // ours
		q.endFlight(m)
		q.appendVisible(m)
	}
}

// takeMessages hands out at most n messages. What was received too often goes to the dead
// letter queue instead.
func (q *queue) takeMessages(n int, visibility time.Duration, now time.Time) []*message {
	q.showDue(now)
	n = min(n, q.maxInFlight-q.inFlight)
	var out []*message
	for len(out) < n && q.head < len(q.visible) {
		m := q.visible[q.head]
		q.visible[q.head] = nil
		q.head++
		switch {
		case m.deleted:
		case q.deadLetters != nil && m.receivesHere >= q.maxReceives:
			q.moveToDeadLetters(m)
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

func (q *queue) handOut(m *message, visibility time.Duration, now time.Time) {
	m.receives++
	m.receivesHere++
	if m.receives == 1 {
		m.firstReceived = now
	}
	m.lastReceived, m.receipt = now, q.newReceiptHandle(m.id)
	if visibility > 0 {
		m.inFlight = true
		q.inFlight++
	}
	q.hideUntil(m, now.Add(max(visibility, 0))) // for the next receive, not this one
}

// moveToDeadLetters moves a message to the dead letter queue. It keeps its ID and count.
func (q *queue) moveToDeadLetters(m *message) {
	delete(q.messages, m.id)
	m.receivesHere, m.receipt, m.source = 0, "", queueARN(q.name)
	q.deadLetters.messages[m.id] = m
	q.deadLetters.showMessage(m)
}

// newReceiptHandle makes a receipt handle, of which only the queue's own are valid.
func (q *queue) newReceiptHandle(id string) string {
	return base64.StdEncoding.EncodeToString([]byte(q.name + " " + id + " " + rand.Text()))
}

// findByReceipt returns the message that a receipt handle is of, nil if that is deleted,
// and whether the handle is its last one.
func (q *queue) findByReceipt(receipt string) (m *message, last bool, err error) {
	b, err := base64.StdEncoding.DecodeString(receipt)
	parts := strings.Split(string(b), " ")
	if err != nil || len(parts) != 3 || parts[0] != q.name {
		return nil, false, newAPIError("com.amazonaws.sqs#ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
	}
	m = q.messages[parts[1]]
	return m, m != nil && m.receipt == receipt, nil
}

// deleteMessage deletes a message. As SQS does, it says so too of one that is deleted
// already, and of one that was received again since, which stays:
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html.
func (q *queue) deleteMessage(receipt string) error {
	m, last, err := q.findByReceipt(receipt)
	if err != nil || !last {
		return err
	}
	if !m.redelivered && drawFault(q.faults.Duplicate) { // as one of its servers may that was away
		m.redelivered, m.receipt = true, ""
		if m.heapIndex >= 0 {
			q.removeHidden(m)
		}
		q.hideUntil(m, time.Now().Add(q.drawDelay()))
		return nil
	}
	m.deleted = true
	q.deleted++
	if m.heapIndex >= 0 {
		q.removeHidden(m)
	}
	delete(q.messages, m.id)
	return nil
}

// setVisibility changes a visibility timeout. SQS refuses it for a message that is
// deleted, and takes it, to no effect, for one that is no longer in flight by
// this handle (https://github.com/localstack/localstack/pull/9632 compares).
func (q *queue) setVisibility(receipt string, visibility time.Duration, now time.Time) error {
	m, last, err := q.findByReceipt(receipt)
	if err != nil {
		return err
	}
	if m == nil {
		return newAPIError("InvalidParameterValue",
			"Value %s for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.", receipt)
	}
	q.showDue(now)
	if !last || !m.inFlight {
		return nil
	}
	if now.Add(visibility).Sub(m.lastReceived) > maxVisibility {
		return newAPIError("InvalidParameterValue",
			"Value %d for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds].", int(visibility.Seconds()))
	}
	q.removeHidden(m)
	if visibility <= 0 {
		q.showMessage(m)
		return nil
	}
	m.inFlight = true
	q.inFlight++
	q.hideUntil(m, now.Add(visibility))
	return nil
}

// countAttributes are those of GetQueueAttributes.
func (q *queue) countAttributes(now time.Time) map[string]string {
	q.showDue(now)
	return map[string]string{
		"QueueArn":                              queueARN(q.name),
		"ApproximateNumberOfMessages":           strconv.Itoa(len(q.messages) - len(q.hidden)),
		"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(q.inFlight),
		"ApproximateNumberOfMessagesDelayed":    strconv.Itoa(len(q.hidden) - q.inFlight),
	}
}

func (q *queue) secondsOrDefault(n *int, attribute string) time.Duration {
	if n != nil {
		return toDuration(n)
	}
	v, _ := strconv.Atoi(q.attributes[attribute])
	return time.Duration(v) * time.Second
}

func toDuration(n *int) time.Duration {
	if n == nil {
		return 0
	}
	return time.Duration(*n) * time.Second
}
