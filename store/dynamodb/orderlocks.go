package dynamodb

import (
	"context"
	"sync"
)

// orderLocks is a mutex per order. Concurrent updates of an order in this process would only fail each other's
// condition. Updates of other processes are detected by the condition.
type orderLocks struct {
	mu    sync.Mutex
	locks map[string]*orderLock
}

type orderLock struct {
	token chan struct{} // holds a token while the lock is taken
	users int           // goroutines that hold the lock or wait for it
}

// acquire waits for the lock of an order, and returns the function that releases it.
func (l *orderLocks) acquire(ctx context.Context, orderID string) (release func(), err error) {
	l.mu.Lock()
	lock := l.locks[orderID]
	if lock == nil {
		lock = &orderLock{token: make(chan struct{}, 1)}
		l.locks[orderID] = lock
	}
	lock.users++
	l.mu.Unlock()
	leave := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if lock.users--; lock.users == 0 {
			delete(l.locks, orderID)
		}
	}
	select {
	case lock.token <- struct{}{}:
		return func() { <-lock.token; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}
