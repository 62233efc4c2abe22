package dynamodb

import (
	"container/heap"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// maxTimers bounds the due times that are kept in memory. The index has all of them.
	maxTimers = 200_000
	// timerHorizon is how long before its due time an order of this process is kept. The scans find the others.
	timerHorizon = 10 * time.Minute
)

// timers are the orders that this process does something for soon: it has written them, or found them in its shards.
// They also hold the leases of Claim, which stay in this process: an order is normally found by one worker only, and
// the write by which an action begins has a condition.
type timers struct {
	mu     sync.Mutex
	queue  timerQueue
	orders map[string]*timer
	limit  int // of the orders
}

// timer is an order in timers.
type timer struct {
	orderID string
	at      int64 // when it can be claimed, Unix nanoseconds
	claimed int64 // the now of its last claim, if it is leased
	until   int64 // the end of its lease; 0 if it is not leased
	index   int   // in the queue
}

func newTimers() *timers { return &timers{orders: map[string]*timer{}, limit: maxTimers} }

// set is called with the due time of an order, in Unix nanoseconds. It is not due at all if isDue is false. An order
// that is still due at the now of its claim keeps its lease. Orders that are due after the horizon are left to the
// scans.
func (t *timers) set(orderID string, due int64, isDue bool, horizon int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	known := t.orders[orderID]
	switch {
	case known == nil && isDue && due <= horizon:
		t.add(orderID, due)
	case known == nil:
	case isDue && known.until != 0 && due <= known.claimed:
		t.move(known, known.until)
	case isDue && due <= horizon:
		known.until = 0
		t.move(known, due)
	default:
		heap.Remove(&t.queue, known.index)
		delete(t.orders, orderID)
	}
}

// find adds an order that a scan has found. If it is known and not leased, the earlier time counts: another worker may have
// written it since, and that worker may have ended.
func (t *timers) find(orderID string, at int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	known := t.orders[orderID]
	switch {
	case known == nil:
		t.add(orderID, at)
	case known.until == 0 && at < known.at:
		t.move(known, at)
	}
}

// add adds an order. If there is no space, an order that is due later gives way to it, and is left to the scans.
func (t *timers) add(orderID string, at int64) {
	if len(t.orders) >= t.limit && !t.makeSpace(at) {
		return
	}
	added := &timer{orderID: orderID, at: at}
	t.orders[orderID] = added
	heap.Push(&t.queue, added)
}

// makeSpace removes an order that is not leased and is due later than a time. It looks at some of the orders in the second
// half of the heap, where the later orders are.
func (t *timers) makeSpace(at int64) bool {
	var latest *timer
	leaves := t.queue[len(t.queue)/2:]
	for range 8 {
		one := leaves[rand.IntN(len(leaves))] //nolint:gosec // a sample is not a secret
		if one.until == 0 && one.at > at && (latest == nil || one.at > latest.at) {
			latest = one
		}
	}
	if latest == nil {
		return false
	}
	heap.Remove(&t.queue, latest.index)
	delete(t.orders, latest.orderID)
	return true
}

func (t *timers) move(known *timer, at int64) {
	known.at = at
	heap.Fix(&t.queue, known.index)
}

// take leases the orders that can be claimed now.
func (t *timers) take(now, until int64, limit int) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var ids []string
	for len(ids) < limit && len(t.queue) > 0 && t.queue[0].at <= now {
		first := t.queue[0]
		first.claimed = now
		first.until = until
		t.move(first, max(until, now+1))
		ids = append(ids, first.orderID)
	}
	return ids
}

// countDue returns the number of orders that can be claimed now, up to a limit.
func (t *timers) countDue(now int64, limit int) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for _, one := range t.queue {
		if one.at <= now {
			if n++; n == limit {
				break
			}
		}
	}
	return n
}

// timerQueue is a heap: the order that can be claimed first is at its root.
type timerQueue []*timer

// Len implements heap.Interface.
func (q timerQueue) Len() int { return len(q) }

// Less implements heap.Interface.
func (q timerQueue) Less(i, j int) bool { return q[i].at < q[j].at }

// Swap implements heap.Interface.
func (q timerQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index = i
	q[j].index = j
}

// Push implements heap.Interface.
func (q *timerQueue) Push(x any) {
	added, _ := x.(*timer)
	added.index = len(*q)
	*q = append(*q, added)
}

// Pop implements heap.Interface.
func (q *timerQueue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}
