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

// maxVisibility is the longest time that a message may be invisible, counted from its receive:
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html.
const maxVisibility = 12 * time.Hour

// message is a message in a queue.
type message struct {
	id            string
	body          string
	attributes    map[string]Attribute
	sent          time.Time
	firstReceived time.Time
	lastReceived  time.Time
	receives      int    // in all queues
	receivesHere  int    // in the present queue
	source        string // ARN of the queue that moved the message to its dead letter queue
	trace         string // value of the attribute AWSTraceHeader
	receipt       string
	visibleAt     time.Time
	heapIndex     int // position in queue.hidden, -1 while the message is visible
	inFlight      bool
	deleted       bool
	redelivered   bool // delivered once more after its deletion
}

// queue is a standard queue. Visible messages are a list, hidden messages a heap ordered by the time at which they
// become visible. So the cost of a receive does not depend on the number of messages.
type queue struct {
	name         string
	attributes   map[string]string
	openToTopics bool       // any topic may send to it
	deadLetters  *queue     // nil without a redrive policy
	maxReceives  int        // receives before a message moves to deadLetters
	visible      []*message // its first message is at head
	head         int
	hidden       hidden
	messages     map[string]*message // present messages by ID
	inFlight     int                 // number of messages in flight
	maxInFlight  int
	deleted      int
	arrived      chan struct{} // closed when long polls must look again
	faults       *SQSFaults
}

// hidden is a heap of messages, ordered by the time at which they become visible.
type hidden []*message

// Len implements heap.Interface.
func (h hidden) Len() int { return len(h) }

// Less implements heap.Interface.
func (h hidden) Less(i, j int) bool { return h[i].visibleAt.Before(h[j].visibleAt) }

// Swap implements heap.Interface.
func (h hidden) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].heapIndex = i
	h[j].heapIndex = j
}

// Push implements heap.Interface.
func (h *hidden) Push(x any) {
	m := x.(*message) //nolint:forcetypeassert // the heap has only messages
	m.heapIndex = len(*h)
	*h = append(*h, m)
}

// Pop implements heap.Interface.
func (h *hidden) Pop() any {
	old := *h
	m := old[len(old)-1]
	m.heapIndex = -1
	*h = old[:len(old)-1]
	return m
}

func newQueue(name string, faults *SQSFaults) *queue {
	return &queue{
		name:        name,
		faults:      faults,
		attributes:  map[string]string{"VisibilityTimeout": "30", "DelaySeconds": "0", "ReceiveMessageWaitTimeSeconds": "0"},
		messages:    map[string]*message{},
		maxInFlight: maxInFlight,
		arrived:     make(chan struct{}),
	}
}

// putMessage adds a message and returns its ID.
func (q *queue) putMessage(body string, attributes map[string]Attribute, delay time.Duration) string {
	m := &message{
		id:         newUUID(),
		body:       body,
		attributes: attributes,
		sent:       time.Now(),
		heapIndex:  -1,
	}
	q.messages[m.id] = m
	if delay = max(delay, q.drawDelay()); delay > 0 {
		q.hideUntil(m, m.sent.Add(delay))
		return m.id
	}
	q.showMessage(m)
	return m.id
}

// drawDelay returns a random delay within the configured faults.
func (q *queue) drawDelay() time.Duration {
	if q.faults.Delay <= 0 {
		return 0
	}
	return mrand.N(q.faults.Delay) //nolint:gosec // for faults, not for secrets
}

// drawFault reports at random whether a fault of this share happens.
func drawFault(share float64) bool {
	return share > 0 && mrand.Float64() < share //nolint:gosec // for faults, not for secrets
}

// wakePolls makes waiting long polls look at the queue again.
func (q *queue) wakePolls() {
	close(q.arrived)
	q.arrived = make(chan struct{})
}

func (q *queue) showMessage(m *message) {
	q.appendVisible(m)
	q.wakePolls()
}

// appendVisible adds a message at the end of the list of visible messages. With the fault Shuffle it may overtake
// others.
func (q *queue) appendVisible(m *message) {
	q.visible = append(q.visible, m)
	if last := len(q.visible) - 1; drawFault(q.faults.Shuffle) {
		i := q.head + mrand.IntN(last-q.head+1) //nolint:gosec // for faults, not for secrets
		q.visible[i], q.visible[last] = q.visible[last], q.visible[i]
	}
}

// hideUntil hides a message until a time. Long polls are woken if it is the next to become visible.
func (q *queue) hideUntil(m *message, until time.Time) {
	m.visibleAt = until
	heap.Push(&q.hidden, m)
	if m.heapIndex == 0 {
		q.wakePolls()
	}
}

// removeHidden removes a message from the hidden messages.
func (q *queue) removeHidden(m *message) {
	heap.Remove(&q.hidden, m.heapIndex)
	q.endFlight(m)
}

// endFlight records that a message is no longer in flight.
func (q *queue) endFlight(m *message) {
	if m.inFlight {
		m.inFlight = false
		q.inFlight--
	}
}

// showDue makes hidden messages visible if they are due.
func (q *queue) showDue(now time.Time) {
	for len(q.hidden) > 0 && !q.hidden[0].visibleAt.After(now) {
		m := heap.Pop(&q.hidden).(*message) //nolint:forcetypeassert // ours
		q.endFlight(m)
		q.appendVisible(m)
	}
}

// takeMessages returns at most n messages and hides them. A message that was received too often moves to the dead
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

// handOut records that a message is received, and hides it.
func (q *queue) handOut(m *message, visibility time.Duration, now time.Time) {
	m.receives++
	m.receivesHere++
	if m.receives == 1 {
		m.firstReceived = now
	}
	m.lastReceived = now
	m.receipt = q.newReceiptHandle(m.id)
	if visibility > 0 {
		m.inFlight = true
		q.inFlight++
	}
	q.hideUntil(m, now.Add(max(visibility, 0))) // with 0 it is visible to the next receive, not to the present call
}

// moveToDeadLetters moves a message to the dead letter queue. The message keeps its ID and its number of receives.
func (q *queue) moveToDeadLetters(m *message) {
	delete(q.messages, m.id)
	m.receivesHere = 0
	m.receipt = ""
	m.source = queueARN(q.name)
	q.deadLetters.messages[m.id] = m
	q.deadLetters.showMessage(m)
}

// newReceiptHandle returns a receipt handle. It is valid in this queue only.
func (q *queue) newReceiptHandle(id string) string {
	return base64.StdEncoding.EncodeToString([]byte(q.name + " " + id + " " + rand.Text()))
}

// findByReceipt returns the message of a receipt handle, or nil if the message is deleted. last reports whether the
// handle is the latest handle of the message.
func (q *queue) findByReceipt(receipt string) (m *message, last bool, err error) {
	b, err := base64.StdEncoding.DecodeString(receipt)
	parts := strings.Split(string(b), " ")
	if err != nil || len(parts) != 3 || parts[0] != q.name {
		return nil, false, newAPIError("com.amazonaws.sqs#ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
	}
	m = q.messages[parts[1]]
	return m, m != nil && m.receipt == receipt, nil
}

// deleteMessage deletes a message. As in SQS, it also succeeds without effect if the message is deleted already or was
// received again since:
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html.
func (q *queue) deleteMessage(receipt string) error {
	m, last, err := q.findByReceipt(receipt)
	if err != nil || !last {
		return err
	}
	if !m.redelivered && drawFault(q.faults.Duplicate) {
		// A server of SQS that was away may deliver a deleted message once more.
		m.redelivered = true
		m.receipt = ""
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

// setVisibility changes a visibility timeout. SQS refuses the call for a deleted message, and accepts it without effect
// if the message is no longer in flight by this handle (https://github.com/localstack/localstack/pull/9632 compares).
func (q *queue) setVisibility(receipt string, visibility time.Duration, now time.Time) error {
	m, last, err := q.findByReceipt(receipt)
	if err != nil {
		return err
	}
	if m == nil {
		return newAPIError("InvalidParameterValue",
			"Value %s for parameter ReceiptHandle is invalid. Reason: "+
				"Message does not exist or is not available for visibility timeout change.", receipt)
	}
	q.showDue(now)
	if !last || !m.inFlight {
		return nil
	}
	if now.Add(visibility).Sub(m.lastReceived) > maxVisibility {
		return newAPIError("InvalidParameterValue",
			"Value %d for parameter VisibilityTimeout is invalid. Reason: "+
				"Total VisibilityTimeout for the message is beyond the limit [43200 seconds].", int(visibility.Seconds()))
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

// countAttributes returns the attributes of GetQueueAttributes that count messages, and the ARN.
func (q *queue) countAttributes(now time.Time) map[string]string {
	q.showDue(now)
	return map[string]string{
		"QueueArn":                              queueARN(q.name),
		"ApproximateNumberOfMessages":           strconv.Itoa(len(q.messages) - len(q.hidden)),
		"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(q.inFlight),
		"ApproximateNumberOfMessagesDelayed":    strconv.Itoa(len(q.hidden) - q.inFlight),
	}
}

// secondsOrDefault returns n seconds, or the value of a queue attribute if n is nil.
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
