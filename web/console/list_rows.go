package console

import (
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// storeQuery returns the query of a page of the list.
func (q listQuery) storeQuery(now time.Time) store.Query {
	out := store.Query{
		State: store.State(q.state.name),
		Filter: store.Filter{
			Workflow:  q.workflow,
			Requester: q.requester,
			Execution: q.execution,
			Text:      q.text,
		},
		After: q.after,
		Limit: pageSize,
	}
	if q.state.name == stateAll {
		out.State = store.StateAll
	}
	if q.state.name == statePending { // what waits for a person, and not what that person has decided
		out.Filter.WaitsFor = q.approver
	} else {
		out.Filter.Approver = q.approver
	}
	if q.olderThan > 0 {
		out.Filter.RequestedBefore = now.Add(-q.olderThan)
	}
	if q.deadlineWithin > 0 {
		out.Filter.DeadlineBefore = now.Add(q.deadlineWithin)
	}
	if q.closedWithin > 0 {
		out.Filter.ClosedAfter = now.Add(-q.closedWithin)
	}
	switch q.sortOrder() {
	case sortAge:
		out.Sort = store.SortAge
	case sortDeadline:
		out.Sort = store.SortDeadline
	case sortClosed:
		out.Sort = store.SortClosed
		out.Descending = true
	case sortOrder:
		out.Sort = store.SortOrder
	}
	return out
}

// sortOrder returns the order of the list.
func (q listQuery) sortOrder() string {
	if q.sort != "" {
		return q.sort
	}
	return q.state.sort
}

// newRows returns the rows of a page.
func newRows(rows []store.Row, now time.Time) []row {
	var out []row
	for _, r := range rows {
		switch {
		case r.Approval != nil:
			out = append(out, newRow(r.Order, r.Approval, now))
		case r.Order.IsEmpty():
			out = append(out, newDamagedRow(r.Order))
		default:
			out = append(out, newUnmatchedRow(r.Order))
		}
	}
	return out
}

// newUnmatchedRow returns the row of an order with decisions only, which wait for their request.
func newUnmatchedRow(o *approval.Order) row {
	out := bareRow(o, "Decisions without a request")
	out.States = []statusView{{Text: "Waits for its request", Tone: "open"}}
	return out
}
