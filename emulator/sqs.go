package emulator

import (
	"container/heap"
	"context"
	"crypto/md5" //nolint:gosec // what the protocol asks for
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"path"
	"strconv"
	"sync"
	"time"
)

// maxMessage is the largest message, in bytes:
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html.
const maxMessage = 1 << 20

// SQS is standard queues. What is visible is a list, what is not is ordered by
// when it will be: a receive costs the same however many wait.
type SQS struct {
	mu     sync.Mutex
	queues map[string]*queue
	calls  map[string]int
	delay  time.Duration
}

// Attribute is a message attribute.
type Attribute struct {
	DataType    string `json:"DataType"`
	StringValue string `json:"StringValue,omitempty"`
	BinaryValue []byte `json:"BinaryValue,omitempty"`
}

type queued struct {
	id         string
	body       string
	attributes map[string]Attribute
	sent       time.Time
	received   int
	receipt    string
	visible    time.Time
	index      int // in the heap, -1 when it is not there
	gone       bool
}

type queue struct {
	name       string
	attributes map[string]string
	visible    []*queued // from head on
	head       int
	hidden     hidden
	receipts   map[string]*queued
	live       int
	deleted    int
	arrived    chan struct{} // closed when something becomes visible
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

// NewSQS returns one without queues.
func NewSQS() *SQS { return &SQS{queues: map[string]*queue{}, calls: map[string]int{}} }

// SetRoundTrip adds a delay to every call, as a network does.
func (s *SQS) SetRoundTrip(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delay = d
}

// Calls returns how often each API was called.
func (s *SQS) Calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int{}
	for k, v := range s.calls {
		out[k] = v
	}
	return out
}

// Create makes a queue if there is none of that name.
func (s *SQS) Create(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.create(name, nil)
}

func (s *SQS) create(name string, attributes map[string]string) *queue {
	q, ok := s.queues[name]
	if !ok {
		q = &queue{name: name, attributes: map[string]string{"VisibilityTimeout": "30"}, receipts: map[string]*queued{}, arrived: make(chan struct{})}
		s.queues[name] = q
	}
	for k, v := range attributes {
		q.attributes[k] = v
	}
	return q
}

// Put sends a message. The queue is made if there is none.
func (s *SQS) Put(name, body string, attributes map[string]Attribute) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.create(name, nil).put(body, attributes, 0)
}

// Depth returns how many messages a queue has, visible and not, and how many
// were deleted.
func (s *SQS) Depth(name string) (waiting, deleted int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queues[name]
	if q == nil {
		return 0, 0
	}
	return q.live, q.deleted
}

func (q *queue) put(body string, attributes map[string]Attribute, delay time.Duration) string {
	m := &queued{id: uuid(), body: body, attributes: attributes, sent: time.Now(), index: -1}
	q.live++
	if delay > 0 {
		m.visible = m.sent.Add(delay)
		heap.Push(&q.hidden, m)
		return m.id
	}
	q.show(m)
	return m.id
}

func (q *queue) show(m *queued) {
	q.visible = append(q.visible, m)
	close(q.arrived)
	q.arrived = make(chan struct{})
}

// take hands out at most n messages.
func (q *queue) take(n int, visibility time.Duration, now time.Time) []*queued {
	for len(q.hidden) > 0 && !q.hidden[0].visible.After(now) {
		m := heap.Pop(&q.hidden).(*queued) //nolint:forcetypeassert // ours
		q.visible = append(q.visible, m)
	}
	var out []*queued
	for len(out) < n && q.head < len(q.visible) {
		m := q.visible[q.head]
		q.visible[q.head] = nil
		q.head++
		if m.gone {
			continue
		}
		m.received++
		delete(q.receipts, m.receipt)
		m.receipt = rand.Text()
		q.receipts[m.receipt] = m
		m.visible = now.Add(visibility)
		heap.Push(&q.hidden, m)
		out = append(out, m)
	}
	if q.head == len(q.visible) {
		q.visible, q.head = q.visible[:0], 0
	}
	return out
}

func (q *queue) remove(receipt string) error {
	m, ok := q.receipts[receipt]
	if !ok {
		return fail("com.amazonaws.sqs#ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
	}
	if !m.gone {
		m.gone = true
		q.live--
		q.deleted++
	}
	if m.index >= 0 {
		heap.Remove(&q.hidden, m.index)
	}
	delete(q.receipts, receipt)
	return nil
}

func (q *queue) change(receipt string, visibility time.Duration, now time.Time) error {
	m, ok := q.receipts[receipt]
	if !ok {
		return fail("com.amazonaws.sqs#ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
	}
	if m.index < 0 {
		return fail("com.amazonaws.sqs#MessageNotInflight", "The message is not in flight.")
	}
	heap.Remove(&q.hidden, m.index)
	if visibility <= 0 {
		q.show(m)
		return nil
	}
	m.visible = now.Add(visibility)
	heap.Push(&q.hidden, m)
	return nil
}

func uuid() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func digest(body string) string {
	sum := md5.Sum([]byte(body)) //nolint:gosec // what the protocol asks for
	return hex.EncodeToString(sum[:])
}

func queueARN(name string) string { return "arn:aws:sqs:" + Region + ":" + Account + ":" + name }

func (s *SQS) serve(ctx context.Context, w http.ResponseWriter, base, action string, body []byte) {
	s.mu.Lock()
	s.calls[action]++
	delay := s.delay
	s.mu.Unlock()
	sleep(ctx, delay)
	var in request
	if err := json.Unmarshal(body, &in); err != nil {
		answer(w, nil, fail("SerializationException", "%s", err))
		return
	}
	out, err := s.act(ctx, base, action, in)
	answer(w, out, err)
}

// find returns the queue of a URL. The caller holds the lock.
func (s *SQS) find(url string) (*queue, error) {
	q, ok := s.queues[path.Base(url)]
	if !ok {
		return nil, fail("com.amazonaws.sqs#QueueDoesNotExist", "The specified queue does not exist.")
	}
	return q, nil
}

func seconds(n *int) time.Duration {
	if n == nil {
		return 0
	}
	return time.Duration(*n) * time.Second
}

func (q *queue) visibility(n *int) time.Duration {
	if n != nil {
		return seconds(n)
	}
	v, _ := strconv.Atoi(q.attributes["VisibilityTimeout"])
	return time.Duration(v) * time.Second
}
