package router

import (
	"sync"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// maxWaitingOrders bounds the orders that wait for capacity in memory. An order beyond it is left to the sweeper, which
// claims it again when its lease has ended.
const maxWaitingOrders = 100_000

// grantTime is how long a free slot is kept for the order that it was granted to. Within it the order is advanced, unless
// the store is slow for this order: then the slot goes to the next one.
const grantTime = time.Second

// resource is something with a capacity of its own: a kind of action on a channel or target, or a host of callback URLs.
// So a slow one delays no other.
type resource struct {
	kind approval.ActionKind // empty for a host, and for a paused workflow
	name string
	// paused tells a workflow from a host: orders wait for it while an operator has paused it.
	paused bool
}

// need is a slot of a resource, with the number of slots that the resource has by the current configuration.
type need struct {
	resource
	limit int
}

// capacity counts the slots in use, and keeps the orders that wait for one, first in first out. There are never more
// slots in use than the limit. It is safe for concurrent use.
type capacity struct {
	observer DispatchObserver
	isPaused func(workflow string) bool // nil if no workflow ever is
	signal   chan struct{}              // has a value if there are grants to take

	mu         sync.Mutex
	ready      map[approval.ActionKind]bool // the kinds that can be carried out; a host is always ready
	queues     map[resource]*queue
	held       map[actionKey]holding // the slots in use
	waiters    map[string]*waiter    // by order
	grants     []grant               // not taken yet
	lastNumber uint64                // of a grant
}

// holding has the slots of an action.
type holding struct {
	kind      approval.ActionKind
	resources [maxNeeds]resource
	count     int // of the resources
}

// maxNeeds is the most resources that an action needs: a host and a target.
const maxNeeds = 2

// waiter is an order that waits for capacity.
type waiter struct {
	queues  int       // the number of queues that it waits in
	nextDue time.Time // when it has something else to do; zero for never
}

func newCapacity(o DispatchObserver, isPaused func(workflow string) bool) *capacity {
	return &capacity{
		isPaused: isPaused,
		observer: o,
		signal:   make(chan struct{}, 1),
		ready:    map[approval.ActionKind]bool{},
		queues:   map[resource]*queue{},
		held:     map[actionKey]holding{},
		waiters:  map[string]*waiter{},
	}
}

// slots returns the number of slots that a resource with a queue has now.
func (c *capacity) slots(r resource) int {
	if r.paused && c.isPaused(r.name) {
		return 0
	}
	if r.kind == "" || c.ready[r.kind] {
		return c.queues[r].limit
	}
	return 0
}

// reserve takes all of the slots together. Otherwise the order waits for the first resource that is full.
func (c *capacity) reserve(key actionKey, action approval.Action, urgent bool, needs []need) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.held[key]; known || c.queues == nil { // it is under way, or the program stops
		return false
	}
	for _, n := range needs {
		if !c.queueOf(n).hasSlot(action.OrderID, c.slots(n.resource)) {
			c.enqueue(n.resource, action, urgent)
			return false
		}
	}
	h := holding{kind: action.Kind, count: len(needs)}
	for i, n := range needs {
		h.resources[i] = n.resource
		q := c.queues[n.resource]
		delete(q.granted, action.OrderID)
		q.used++
	}
	c.held[key] = h
	c.observer.RunningActionsChanged(action.Kind, 1)
	return true
}

// maxResumed is the number of orders of a resumed workflow that are advanced at the same time.
const maxResumed = 64

// awaitResume lets the order of an action wait until its workflow is no longer paused. expireGrants notices that.
func (c *capacity) awaitResume(action approval.Action) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.queues == nil {
		return
	}
	r := resource{name: action.Workflow, paused: true}
	c.queueOf(need{r, maxResumed})
	c.enqueue(r, action, false)
}

// release returns the slots of an action. It does nothing if they are returned already.
func (c *capacity) release(key actionKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h, held := c.held[key]
	if !held {
		return
	}
	delete(c.held, key)
	c.observer.RunningActionsChanged(h.kind, -1)
	for _, r := range h.resources[:h.count] {
		c.queues[r].used--
		c.fill(r)
	}
}

// queueOf returns the queue of a resource. The limit is that of now: a reload of the configuration may have changed it.
func (c *capacity) queueOf(n need) *queue {
	q := c.queues[n.resource]
	if q == nil {
		q = newQueue()
		c.queues[n.resource] = q
	}
	q.limit = n.limit
	return q
}

// enqueue lets an order wait for a resource, unless too many wait.
func (c *capacity) enqueue(r resource, action approval.Action, urgent bool) {
	w := c.waiters[action.OrderID]
	if w == nil && len(c.waiters) >= maxWaitingOrders {
		return
	}
	if !c.queues[r].add(action.OrderID, action.Kind, urgent) {
		return
	}
	if w == nil {
		w = &waiter{}
		c.waiters[action.OrderID] = w
	}
	w.queues++
	c.observer.WaitingOrdersChanged(action.Kind, 1)
}

// fill grants the free slots of a resource to the orders that wait for it. It forgets a resource that is not used.
func (c *capacity) fill(r resource) {
	q := c.queues[r]
	for q.hasFreeSlot(c.slots(r)) {
		orderID, kind, found := q.next()
		if !found {
			break
		}
		c.observer.WaitingOrdersChanged(kind, -1)
		w := c.waiters[orderID]
		if w.queues--; w.queues == 0 {
			delete(c.waiters, orderID)
		}
		c.lastNumber++
		g := grant{orderID: orderID, resource: r, number: c.lastNumber, since: time.Now()}
		q.granted[orderID] = g
		c.grants = append(c.grants, g)
		select {
		case c.signal <- struct{}{}:
		default: // it has a value already
		}
	}
	if q.isUnused() {
		delete(c.queues, r)
	}
}

// takeGrants returns the grants since the last call. Their orders must be advanced, and each grant then be returned.
func (c *capacity) takeGrants() []grant {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := c.grants
	c.grants = nil
	return taken
}

// returnGrant ends a grant. If the order has not used the slot, the next order gets it.
func (c *capacity) returnGrant(g grant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if q := c.queues[g.resource]; q != nil && q.granted[g.orderID].number == g.number {
		delete(q.granted, g.orderID)
		c.fill(g.resource)
	}
}

// expireGrants ends the grants that were not used in time, so that a slow order keeps no slot from the others. It also
// grants what became free without a release: the orders of a workflow that was resumed.
func (c *capacity) expireGrants(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for r, q := range c.queues {
		for orderID, g := range q.granted {
			if now.Sub(g.since) >= grantTime {
				delete(q.granted, orderID)
			}
		}
		c.fill(r)
	}
}

// setNextDue states when an order has something else to do than to wait.
func (c *capacity) setNextDue(orderID string, next time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w := c.waiters[orderID]; w != nil {
		w.nextDue = next
	}
}

// takeDue returns waiting orders, at most limit, that have something else to do by now.
func (c *capacity) takeDue(now time.Time, limit int) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var due []string
	for orderID, w := range c.waiters {
		if len(due) == limit {
			break
		}
		if !w.nextDue.IsZero() && !w.nextDue.After(now) {
			w.nextDue = time.Time{}
			due = append(due, orderID)
		}
	}
	return due
}

// setReady states that actions of these kinds can be carried out from now on.
func (c *capacity) setReady(kinds ...approval.ActionKind) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, kind := range kinds {
		c.ready[kind] = true
	}
	for r := range c.queues {
		c.fill(r)
	}
}

// close returns all slots and forgets the waiting orders. From then on nothing is reserved.
func (c *capacity) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range c.held {
		c.observer.RunningActionsChanged(h.kind, -1)
	}
	for _, q := range c.queues {
		for _, w := range q.waiting {
			c.observer.WaitingOrdersChanged(w.kind, -1)
		}
	}
	c.held = nil
	c.queues = nil
	c.waiters = nil
	c.grants = nil
}
