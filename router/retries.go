package router

import (
	"sync"
	"time"
)

// retryAfter is the pause after which an order is advanced again if that failed. Its lease in the store is longer.
const retryAfter = 2 * time.Second

// maxRetries bounds the orders that are remembered for a retry. An order beyond it is claimed again when its lease has
// ended.
const maxRetries = 10_000

// retries has the orders that could not be advanced.
type retries struct {
	mu      sync.Mutex
	times   map[string]time.Time // when to advance them again
	failure error                // the first since the last sweep
}

func (r *retries) add(orderID string, now time.Time, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failure == nil {
		r.failure = err
	}
	if len(r.times) < maxRetries {
		r.times[orderID] = now.Add(retryAfter)
	}
}

// take returns orders, at most limit, that are to be advanced again.
func (r *retries) take(now time.Time, limit int) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var due []string
	for orderID, at := range r.times {
		if len(due) == limit {
			break
		}
		if !at.After(now) {
			delete(r.times, orderID)
			due = append(due, orderID)
		}
	}
	return due
}

// takeFailure returns the first failure since the last call.
func (r *retries) takeFailure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.failure
	r.failure = nil
	return err
}
