package router

import (
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// queue has the slots of a resource, and the orders that wait for one.
type queue struct {
	limit   int              // slots of the resource
	used    int              // slots that are reserved or in use
	granted map[string]grant // the free slots that are kept for an order

	waiting map[string]waiting // by order
	urgent  []string           // the order IDs of urgent actions, served before the others
	normal  []string
}

// waiting is the place of an order in a queue.
type waiting struct {
	kind   approval.ActionKind
	urgent bool
}

// grant is a free slot that is kept for an order.
type grant struct {
	orderID  string
	resource resource
	number   uint64
	since    time.Time
}

func newQueue() *queue { return &queue{granted: map[string]grant{}, waiting: map[string]waiting{}} }

// hasSlot reports whether an order can take a slot: the one that is kept for it, or one that nobody waits for.
func (q *queue) hasSlot(orderID string, limit int) bool {
	if _, kept := q.granted[orderID]; kept {
		return true
	}
	return len(q.waiting) == 0 && q.hasFreeSlot(limit)
}

func (q *queue) hasFreeSlot(limit int) bool { return q.used+len(q.granted) < limit }

// add adds an order to the end of its list, and reports whether it is new. An order that has become urgent moves to the
// urgent ones; next skips what it leaves in the other list.
func (q *queue) add(orderID string, kind approval.ActionKind, urgent bool) bool {
	before, known := q.waiting[orderID]
	if known && (before.urgent || !urgent) {
		return false
	}
	q.waiting[orderID] = waiting{kind: kind, urgent: urgent}
	if urgent {
		q.urgent = append(q.urgent, orderID)
	} else {
		q.normal = append(q.normal, orderID)
	}
	return !known
}

// next removes the order that waits for the longest time, the urgent ones first.
func (q *queue) next() (orderID string, kind approval.ActionKind, found bool) {
	for _, list := range []*[]string{&q.urgent, &q.normal} {
		for len(*list) > 0 {
			orderID, *list = (*list)[0], (*list)[1:]
			w, there := q.waiting[orderID]
			if there && w.urgent == (list == &q.urgent) {
				delete(q.waiting, orderID)
				return orderID, w.kind, true
			}
		}
	}
	return "", "", false
}

// isUnused reports whether the queue can be forgotten.
func (q *queue) isUnused() bool { return q.used == 0 && len(q.granted) == 0 && len(q.waiting) == 0 }
