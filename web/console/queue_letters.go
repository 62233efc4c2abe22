package console

import (
	"context"
	"sync"
	"time"

	"github.com/approval-relay/approval-relay/role"
)

// The menu shows the number of dead letters on every page. Those in queues are read from SQS, so the number is kept for a
// while, and a page waits for it only shortly.
const (
	keepQueueLetters = 30 * time.Second
	readQueueLetters = 2 * time.Second
)

// queueLetters is the number of messages in all dead letter queues.
type queueLetters struct {
	mu     sync.Mutex
	count  int
	isPart bool // a queue could not be read
	readAt time.Time
}

// read returns the number, and reports whether it is only a part of it.
func (q *queueLetters) read(ctx context.Context, letters DeadLetters, now time.Time) (count int, isPart bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if age := now.Sub(q.readAt); age >= 0 && age < keepQueueLetters {
		return q.count, q.isPart
	}
	ctx, cancel := context.WithTimeout(role.WithScope(ctx, role.Everything()), readQueueLetters)
	defer cancel()
	q.count, q.isPart, q.readAt = 0, false, now
	for _, d := range letters.QueueDepths(ctx) {
		q.count += d.Messages
		q.isPart = q.isPart || d.Err != nil
	}
	return q.count, q.isPart
}

// forget makes the next page read the number again.
func (q *queueLetters) forget() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.readAt = time.Time{}
}
