package main

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"
)

// queue is a queue of the stub. It delivers messages in order, each message once. The receipt handle is the number of
// the message.
type queue struct {
	mu      sync.Mutex
	slots   []slot
	head    int // number of the next message to deliver
	tail    int // number of the next message to add
	deleted int
	changed chan struct{} // closed at each change
}

// slot has a message in the form of the answer to a receive.
type slot struct {
	text    []byte
	present bool
}

func newQueue() *queue { return &queue{changed: make(chan struct{})} }

// putBodies adds messages with these bodies. An empty queue starts with the first slot again.
func (q *queue) putBodies(bodies ...string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.head == q.tail && q.deleted == q.tail { // all messages are deleted
		q.slots = q.slots[:0]
		q.head = 0
		q.tail = 0
		q.deleted = 0
	}
	sent := time.Now().UnixMilli()
	for _, body := range bodies {
		text, err := json.Marshal(body)
		if err != nil {
			panic(err) // cannot happen: the value is a string
		}
		sum := md5.Sum([]byte(body))
		q.slots = append(q.slots, slot{present: true, text: fmt.Appendf(nil,
			`{"MessageId":"m-%d","ReceiptHandle":"%d","MD5OfBody":"%s","Body":%s,`+
				`"Attributes":{"ApproximateReceiveCount":"1","SentTimestamp":"%d"}}`,
			q.tail, q.tail, hex.EncodeToString(sum[:]), text, sent)})
		q.tail++
	}
	q.signalChange()
}

func (q *queue) signalChange() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// receiveUpTo returns the answer with at most this number of messages. It waits for the first message.
func (q *queue) receiveUpTo(ctx context.Context, most int, wait time.Duration) []byte {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		out, changed := q.takeUpTo(most)
		if out != nil {
			return out
		}
		select {
		case <-changed:
		case <-timer.C:
			return []byte("{}")
		case <-ctx.Done():
			return []byte("{}")
		}
	}
}

func (q *queue) takeUpTo(most int) (out []byte, changed <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(most, q.tail-q.head)
	if n == 0 {
		return nil, q.changed
	}
	out = []byte(`{"Messages":[`)
	for i, s := range q.slots[q.head : q.head+n] {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, s.text...)
	}
	q.head += n
	return append(out, `]}`...), nil
}

// deleteMessage deletes a delivered message.
func (q *queue) deleteMessage(handle string) {
	n, err := strconv.Atoi(handle)
	q.mu.Lock()
	defer q.mu.Unlock()
	if err != nil || n < 0 || n >= q.head || !q.slots[n].present {
		return
	}
	q.slots[n].present = false
	if q.deleted++; q.deleted == q.tail {
		q.signalChange()
	}
}

// waitUntilEmpty waits until all messages are deleted.
func (q *queue) waitUntilEmpty(ctx context.Context) error {
	for {
		q.mu.Lock()
		done, changed := q.deleted == q.tail, q.changed
		q.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("a queue was not emptied: %w", ctx.Err())
		}
	}
}
