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

// ring is one queue of the stub. Messages are handed out in their order, each
// once; a receipt handle is a message's number.
type ring struct {
	mu      sync.Mutex
	slots   []slot
	head    int // the next to be handed out
	tail    int // where the next one is put
	deleted int
	changed chan struct{} // closed at each put and each delete
}

// slot is a message as a receive answers it, and whether it is still there.
type slot struct {
	text []byte
	held bool
}

func newRing() *ring { return &ring{changed: make(chan struct{})} }

// put adds messages with these bodies. The ring is as large as what was ever put
// in at once and not yet deleted.
func (q *ring) put(bodies ...string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.head == q.tail && q.deleted == q.tail { // empty: from the start again
		q.slots, q.head, q.tail, q.deleted = q.slots[:0], 0, 0, 0
	}
	sent := time.Now().UnixMilli()
	for _, body := range bodies {
		text, err := json.Marshal(body)
		if err != nil {
			panic(err) // a string
		}
		sum := md5.Sum([]byte(body))
		q.slots = append(q.slots, slot{held: true, text: fmt.Appendf(nil,
			`{"MessageId":"m-%d","ReceiptHandle":"%d","MD5OfBody":"%s","Body":%s,"Attributes":{"ApproximateReceiveCount":"1","SentTimestamp":"%d"}}`,
			q.tail, q.tail, hex.EncodeToString(sum[:]), text, sent)})
		q.tail++
	}
	q.change()
}

func (q *ring) change() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// receive answers with up to that many messages, and waits for the first.
func (q *ring) receive(ctx context.Context, most int, wait time.Duration) []byte {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		out, changed := q.take(most)
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

func (q *ring) take(most int) (out []byte, changed <-chan struct{}) {
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

// remove deletes a message that was handed out.
func (q *ring) remove(handle string) {
	n, err := strconv.Atoi(handle)
	q.mu.Lock()
	defer q.mu.Unlock()
	if err != nil || n < 0 || n >= q.head || !q.slots[n].held {
		return
	}
	q.slots[n].held = false
	if q.deleted++; q.deleted == q.tail {
		q.change()
	}
}

// emptied waits until all that was put is deleted.
func (q *ring) emptied(ctx context.Context) error {
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
