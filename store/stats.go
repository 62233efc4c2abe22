package store

import (
	"slices"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// Stats holds the counts that are read at every scrape of the metrics.
type Stats struct {
	Workflows map[string]WorkflowStats
	// Owed counts the owed answers of each workflow, see approval.Approval.IsOwed. It is nil if none is owed.
	Owed map[string]OwedStats
	// Exhausted is the number of orders with an exhausted callback.
	Exhausted int
	// Retrying is the number of orders with a failed attempt that will be retried.
	Retrying int
	// Undeliverable is the number of orders with a pending approval that nobody could be told of.
	Undeliverable int
	// Unanswered is the number of orders with a decision or timeout that the workflow did not get, or may not have got.
	Unanswered int
	// OldestDue is the earliest NextDue of all orders, in the past or in the future; zero if all are zero.
	OldestDue time.Time
	// DeadLetters is the number of dead letters in the store's own table.
	DeadLetters int
}

// AddStates counts an order in these states.
func (s *Stats) AddStates(set StateSet) {
	for member, count := range s.stateCounts() {
		if set&member != 0 {
			*count++
		}
	}
}

// stateCounts returns the counts of the states that need attention.
func (s *Stats) stateCounts() map[StateSet]*int {
	return map[StateSet]*int{
		InExhausted:     &s.Exhausted,
		InRetrying:      &s.Retrying,
		InUndeliverable: &s.Undeliverable,
		InUnanswered:    &s.Unanswered,
	}
}

// WorkflowStats counts the pending approvals of a workflow.
type WorkflowStats struct {
	Pending int
	// Oldest is when the oldest pending approval was requested; zero if Pending is 0.
	Oldest time.Time
}

// OwedStats counts the orders with an owed answer in a workflow. A store may count no more than the 1,000 answers that
// are owed for longest.
type OwedStats struct {
	Orders int
	// Oldest are the times since which the five oldest of them are owed, the oldest first.
	Oldest []time.Time
}

// OldestOwed is the largest number of times in OwedStats.
const OldestOwed = 5

// KeepOldest returns the five oldest of some times, the oldest first.
func KeepOldest(times ...time.Time) []time.Time {
	slices.SortFunc(times, time.Time.Compare)
	return times[:min(len(times), OldestOwed)]
}

// AddOwed counts an order with an owed answer.
func (s *Stats) AddOwed(w approval.OwedAnswer) {
	if s.Owed == nil {
		s.Owed = map[string]OwedStats{}
	}
	sum := s.Owed[w.Workflow]
	sum.Orders++
	sum.Oldest = KeepOldest(append(sum.Oldest, w.Since)...)
	s.Owed[w.Workflow] = sum
}

// OldestPending returns when the oldest of these approvals was requested; zero for an empty list.
func OldestPending(pending []approval.PendingApproval) time.Time {
	var oldest time.Time
	for _, p := range pending {
		if oldest.IsZero() || p.Since.Before(oldest) {
			oldest = p.Since
		}
	}
	return oldest
}
