package dynamodb

import (
	"context"
	"sync"
)

// turns lets one update of an order at a time go on in this process: they would
// only fail each other's condition. What other processes do is seen by that.
type turns struct {
	mu      sync.Mutex
	waiting map[string]*turn
}

type turn struct {
	free  chan struct{}
	users int
}

// take waits for the turn of an order, and returns what ends it.
func (t *turns) take(ctx context.Context, orderID string) (end func(), err error) {
	t.mu.Lock()
	mine := t.waiting[orderID]
	if mine == nil {
		mine = &turn{free: make(chan struct{}, 1)}
		t.waiting[orderID] = mine
	}
	mine.users++
	t.mu.Unlock()
	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if mine.users--; mine.users == 0 {
			delete(t.waiting, orderID)
		}
	}
	select {
	case mine.free <- struct{}{}:
		return func() { <-mine.free; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}
