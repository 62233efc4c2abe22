package emulator

import (
	"context"
	"crypto/fips140"
	"crypto/md5" //nolint:gosec // the protocol requires MD5
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// SQS emulates standard queues.
type SQS struct {
	mu     sync.Mutex
	queues map[string]*queue
	calls  map[string]int
	delay  time.Duration
	faults SQSFaults
}

// SQSFaults sets how often the liberties of a standard queue occur, as shares of messages from 0 to 1.
type SQSFaults struct {
	Duplicate float64       // share of deleted messages that are delivered once more
	Shuffle   float64       // share of messages that overtake others
	Delay     time.Duration // longest delay of a delivery
}

// SetFaults sets the faults of later calls.
func (s *SQS) SetFaults(f SQSFaults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
}

// Attribute is a message attribute.
type Attribute struct {
	DataType    string `json:"DataType"`
	StringValue string `json:"StringValue,omitempty"`
	BinaryValue []byte `json:"BinaryValue,omitempty"`
}

// NewSQS returns an SQS without queues.
func NewSQS() *SQS {
	return &SQS{queues: map[string]*queue{}, calls: map[string]int{}}
}

// SetRoundTrip sets a delay that every call has, as a network does.
func (s *SQS) SetRoundTrip(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delay = d
}

// CallCounts returns the number of calls of each API.
func (s *SQS) CallCounts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

// CreateQueue creates a queue if it does not exist. Any topic may send to it, while a queue that was created through
// the API needs a policy for that.
func (s *SQS) CreateQueue(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queueNamed(name).openToTopics = true
}

// queueNamed returns a queue and creates it if it does not exist. The caller holds the lock.
func (s *SQS) queueNamed(name string) *queue {
	q, ok := s.queues[name]
	if !ok {
		q = newQueue(name, &s.faults)
		s.queues[name] = q
	}
	return q
}

// PutMessage sends a message without any check and returns its ID. It creates the queue if it does not exist.
func (s *SQS) PutMessage(name, body string, attributes map[string]Attribute) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queueNamed(name).putMessage(body, attributes, 0)
}

// CountMessages returns the number of messages in a queue, visible and hidden, and the number of deleted messages.
func (s *SQS) CountMessages(name string) (waiting, deleted int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queues[name]
	if q == nil {
		return 0, 0
	}
	return len(q.messages), q.deleted
}

// deliverNotification sends a notification of a topic to a queue. Like SNS, it drops the notification silently if the
// queue does not exist or does not permit the topic to send.
func (s *SQS) deliverNotification(arn, topic, body string, attributes map[string]Attribute) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queues[arn[strings.LastIndex(arn, ":")+1:]]
	if q == nil || queueARN(q.name) != arn {
		return
	}
	policy := q.attributes["Policy"]
	if q.openToTopics || strings.Contains(strings.ToLower(policy), "sqs:sendmessage") && strings.Contains(policy, topic) {
		q.putMessage(body, attributes, 0)
	}
}

// newUUID returns a random identifier in the form of a UUID.
func newUUID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func md5Hex(body string) string {
	var sum [md5.Size]byte
	fips140.WithoutEnforcement(func() { sum = md5.Sum([]byte(body)) }) //nolint:gosec // the protocol requires MD5
	return hex.EncodeToString(sum[:])
}

func queueARN(name string) string { return "arn:aws:sqs:" + Region + ":" + Account + ":" + name }

func (s *SQS) serveCall(ctx context.Context, w http.ResponseWriter, base, action string, body []byte) {
	s.mu.Lock()
	s.calls[action]++
	delay := s.delay
	s.mu.Unlock()
	waitFor(ctx, delay)
	var in request
	if err := json.Unmarshal(body, &in); err != nil || !utf8.Valid(body) {
		writeAnswer(w, nil, newAPIError("SerializationException", "the body is not JSON"))
		return
	}
	out, err := s.runAction(ctx, base, action, in)
	if refused, ok := errors.AsType[*apiError](err); ok {
		w.Header().Set("X-Amzn-Query-Error", queryCode(refused.Code)+";Sender")
	}
	writeAnswer(w, out, err)
}

// findQueue returns the queue with a URL. The caller holds the lock.
func (s *SQS) findQueue(url string) (*queue, error) {
	q, ok := s.queues[path.Base(url)]
	if !ok {
		return nil, newAPIError("com.amazonaws.sqs#QueueDoesNotExist", "The specified queue does not exist.")
	}
	return q, nil
}
