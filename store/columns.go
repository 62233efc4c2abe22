package store

import (
	"math"
	"slices"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// Columns are the facts of a record that a store keeps beside it, to find and count orders without reading records.
type Columns struct {
	Due       time.Time // zero if the order is at rest
	Since     time.Time // of the oldest pending approval, or zero
	Attention StateSet
	Pending   []approval.PendingApproval
	Owed      []approval.OwedAnswer
}

// ColumnsOf returns the columns of an order.
func ColumnsOf(o *approval.Order) Columns {
	pending := o.PendingApprovals()
	return Columns{
		Due:       o.NextDue(),
		Since:     OldestPending(pending),
		Attention: StatesOf(o),
		Pending:   pending,
		Owed:      o.OwedAnswers(),
	}
}

// SubtractPending returns the approvals in all that are not in others.
func SubtractPending(all, others []approval.PendingApproval) []approval.PendingApproval {
	var out []approval.PendingApproval
	for _, p := range all {
		if !slices.ContainsFunc(others, func(q approval.PendingApproval) bool { return q.ApprovalID == p.ApprovalID }) {
			out = append(out, p)
		}
	}
	return out
}

// SubtractOwed returns the owed answers in all that are not in others, or not with the same time.
func SubtractOwed(all, others []approval.OwedAnswer) []approval.OwedAnswer {
	var out []approval.OwedAnswer
	for _, w := range all {
		isSame := func(v approval.OwedAnswer) bool { return v.Workflow == w.Workflow && v.Since.Equal(w.Since) }
		if !slices.ContainsFunc(others, isSame) {
			out = append(out, w)
		}
	}
	return out
}

// minTime and maxTime are the limits of a time in nanoseconds: the years 1677 and 2262.
var minTime, maxTime = time.Unix(0, math.MinInt64+1), time.Unix(0, math.MaxInt64)

// NoTime is the number of the zero time.
const NoTime = math.MinInt64

// ToNanos returns a time as a number that sorts as times do: Unix nanoseconds. A time beyond the limits becomes the nearest
// limit.
func ToNanos(t time.Time) int64 {
	switch {
	case t.IsZero():
		return NoTime
	case t.Before(minTime):
		return math.MinInt64 + 1
	case t.After(maxTime):
		return math.MaxInt64
	}
	return t.UnixNano()
}

// FromNanos returns the time with a number.
func FromNanos(n int64) time.Time {
	if n == NoTime {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
