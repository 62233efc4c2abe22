package console

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/untrusted"
)

// listQuery is the content of a list's address: the approvals that an operator wants to see, and their order.
type listQuery struct {
	state    listState
	workflow string
	approver string
	text     string
	sort     string
	// The times are distances from now: approvals that were requested that long ago, have their deadline within that time,
	// or were closed within that time. 0 selects all.
	olderThan      time.Duration
	deadlineWithin time.Duration
	closedWithin   time.Duration
	after          string // the position of the page; empty is the first page
	filtering      bool   // the filter is open
}

// The parameters of a list's address.
const (
	paramState          = "state"
	paramWorkflow       = "workflow"
	paramApprover       = "approver"
	paramText           = "q"
	paramSort           = "sort"
	paramOlderThan      = "older_than"
	paramDeadlineWithin = "deadline_within"
	paramClosedWithin   = "closed_within"
	paramAfter          = "after"
	paramFilter         = "filter"
)

// The orders of a list.
const (
	sortAge      = "age"
	sortDeadline = "deadline"
	sortClosed   = "closed"
	sortOrder    = "order"
)

// readListQuery reads the address of a list. An unknown state or order is refused: the operator would take the wrong
// approvals for the right ones.
func readListQuery(v url.Values) (listQuery, error) {
	q := listQuery{
		workflow:  strings.TrimSpace(v.Get(paramWorkflow)),
		approver:  strings.TrimSpace(v.Get(paramApprover)),
		text:      strings.TrimSpace(v.Get(paramText)),
		sort:      v.Get(paramSort),
		after:     v.Get(paramAfter),
		filtering: v.Has(paramFilter),
	}
	state, ok := findListState(cmp.Or(v.Get(paramState), statePending))
	if !ok {
		return listQuery{}, approval.InvalidField(paramState, "is not a state of the list")
	}
	q.state = state
	if q.sort != "" && !slices.Contains(sorts(), q.sort) {
		return listQuery{}, approval.InvalidField(paramSort, "is not an order of the list")
	}
	for name, to := range map[string]*time.Duration{
		paramOlderThan:      &q.olderThan,
		paramDeadlineWithin: &q.deadlineWithin,
		paramClosedWithin:   &q.closedWithin,
	} {
		if v.Get(name) == "" {
			continue
		}
		d, err := time.ParseDuration(v.Get(name))
		if err != nil || d < 0 {
			return listQuery{}, approval.InvalidField(name, "is not a time such as 4h")
		}
		*to = d
	}
	return q, nil
}

func sorts() []string { return []string{sortAge, sortDeadline, sortClosed, sortOrder} }

// values returns the parameters of the list's first page. Parameters with their default are left out.
func (q listQuery) values() url.Values {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	if q.state.name != statePending {
		set(paramState, q.state.name)
	}
	set(paramWorkflow, q.workflow)
	set(paramApprover, q.approver)
	set(paramText, q.text)
	set(paramSort, q.sort)
	set(paramOlderThan, formatParam(q.olderThan))
	set(paramDeadlineWithin, formatParam(q.deadlineWithin))
	set(paramClosedWithin, formatParam(q.closedWithin))
	return v
}

// formatParam returns a time as it is written in an address.
func formatParam(d time.Duration) string {
	if d == 0 {
		return ""
	}
	if d%time.Hour == 0 {
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return d.String()
}

// path returns the address of the list's first page.
func (q listQuery) path() string { return listPath(q.values()) }

// filterPath returns the address of the list with its filter open.
func (q listQuery) filterPath() string {
	v := q.values()
	v.Set(paramFilter, "open")
	return listPath(v)
}

// pagePath returns the address of the page after a position, or the empty text after the last page.
func (q listQuery) pagePath(after string) string {
	if after == "" {
		return ""
	}
	v := q.values()
	v.Set(paramAfter, after)
	return listPath(v)
}

func listPath(v url.Values) string {
	if len(v) == 0 {
		return "./"
	}
	return "./?" + v.Encode()
}

// inState returns the same list in another state. The order of the other state is its own.
func (q listQuery) inState(s listState) listQuery {
	q.state = s
	q.sort = ""
	return q
}

// isFiltered reports whether anything but the state limits the list.
func (q listQuery) isFiltered() bool { return len(q.filters()) > 0 }

// filterView is a condition of the list, with the address of the list without it.
type filterView struct {
	Name   string
	Value  string
	Remove string
}

// filters returns the conditions of the list.
func (q listQuery) filters() (out []filterView) {
	add := func(name, value string, remove func(*listQuery)) {
		if value == "" {
			return
		}
		without := q
		remove(&without)
		out = append(out, filterView{name, untrusted.MultiLine(value), without.path()})
	}
	add("Text", q.text, func(q *listQuery) { q.text = "" })
	add("Workflow", q.workflow, func(q *listQuery) { q.workflow = "" })
	add(q.approverLabel(), q.approver, func(q *listQuery) { q.approver = "" })
	add("Requested at least", ago(q.olderThan), func(q *listQuery) { q.olderThan = 0 })
	add("Deadline within", timeSpan(q.deadlineWithin), func(q *listQuery) { q.deadlineWithin = 0 })
	add("Closed within the last", timeSpan(q.closedWithin), func(q *listQuery) { q.closedWithin = 0 })
	return out
}

// approverLabel returns the meaning of the approver in the filter: see storeQuery.
func (q listQuery) approverLabel() string {
	if q.state.name == statePending {
		return "Waits for"
	}
	return "Approver"
}

func timeSpan(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return formatDuration(d)
}

func ago(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return formatDuration(d) + " ago"
}
