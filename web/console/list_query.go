package console

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/untrusted"
)

// listQuery is the content of a list's address: the approvals that an operator wants to see, and their order.
type listQuery struct {
	state    listState
	workflow string
	// approver is somebody who may decide. In the list of pending approvals, it is somebody who has not decided yet.
	approver  string
	requester string
	execution string
	text      string
	sort      string
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
	paramRequester      = "requester"
	paramExecution      = "execution"
	paramText           = "q"
	paramSort           = "sort"
	paramOlderThan      = "older_than"
	paramDeadlineBefore = "deadline_before"
	paramClosedAfter    = "closed_after"
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
		requester: strings.TrimSpace(v.Get(paramRequester)),
		execution: strings.TrimSpace(v.Get(paramExecution)),
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
		paramDeadlineBefore: &q.deadlineWithin,
		paramClosedAfter:    &q.closedWithin,
	} {
		if v.Get(name) == "" {
			continue
		}
		d, ok := parseTimeSpan(v.Get(name))
		if !ok {
			return listQuery{}, approval.InvalidField(name, "is not a time such as 4h or 7d")
		}
		*to = d
	}
	return q, nil
}

// parseTimeSpan parses a time such as 90m, 4h or 7d.
func parseTimeSpan(text string) (time.Duration, bool) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err == nil
	}
	d, err := time.ParseDuration(text)
	return d, err == nil && d >= 0
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
	set(paramRequester, q.requester)
	set(paramExecution, q.execution)
	set(paramText, q.text)
	set(paramSort, q.sort)
	set(paramOlderThan, formatParam(q.olderThan))
	set(paramDeadlineBefore, formatParam(q.deadlineWithin))
	set(paramClosedAfter, formatParam(q.closedWithin))
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

// exportPath returns the address of all approvals of the list as a file.
func (q listQuery) exportPath(format string) string {
	v := q.values()
	v.Set(paramState, q.state.name)
	if q.state.name == statePending && q.approver != "" {
		v.Del(paramApprover)
		v.Set("waits_for", q.approver)
	}
	v.Del(paramSort)
	v.Set("format", format)
	return "export?" + v.Encode()
}

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
	add("Requester", q.requester, func(q *listQuery) { q.requester = "" })
	add("Execution", q.execution, func(q *listQuery) { q.execution = "" })
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
