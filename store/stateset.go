package store

import "github.com/approval-relay/approval-relay/approval"

// StateSet is a set of the states that need attention. A store keeps the set of each order beside its record, in an index
// of the orders with a set that is not empty. The values are stored: they never change.
type StateSet uint8

// The members of a set.
const (
	InExhausted     StateSet = 1
	InRetrying      StateSet = 2
	InUndeliverable StateSet = 4
	InUnanswered    StateSet = 8
)

// StatesOf returns the states that need attention, of all approvals of an order.
func StatesOf(o *approval.Order) StateSet {
	var set StateSet
	for _, a := range o.Approvals {
		if a.IsExhausted() {
			set |= InExhausted
		}
		if a.IsRetrying() {
			set |= InRetrying
		}
		if a.IsUndeliverable() {
			set |= InUndeliverable
		}
		if a.IsUnanswered() {
			set |= InUnanswered
		}
	}
	return set
}

// Set returns the set of orders that a store reads to list a state: an order with one of its members may have an approval
// in the state. It is empty for the states that have no index of their own, or another one: all, pending and closed.
func (s State) Set() StateSet {
	switch s {
	case StateExhausted:
		return InExhausted
	case StateRetrying:
		return InRetrying
	case StateUndeliverable:
		return InUndeliverable
	case StateUnanswered:
		return InUnanswered
	case StateAttention:
		return InExhausted | InRetrying | InUndeliverable | InUnanswered
	case StateAll, StatePending, StateClosed:
	}
	return 0
}
