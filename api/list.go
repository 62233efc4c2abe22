package api

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// OrderList is a page of approvals.
type OrderList struct {
	// Orders are the orders with the approvals that the query selects, in the order of the sort. An order whose approvals
	// are not next to each other in the sort is listed several times.
	Orders []ListedOrder `json:"orders"`
	// Next is the value of the query parameter `after` that returns the next page; it is missing on the last page.
	Next string `json:"next,omitempty"`
	// Incomplete is set if the page ended because it had looked at many orders. The list goes on with Next. Sorts other than
	// by order ID, and than that of pending approvals by age, then begin again: they sort 20,000 orders at a time.
	Incomplete bool `json:"incomplete,omitempty"`
	// LookedAt is the number of orders that were read for an incomplete page.
	LookedAt int `json:"lookedAt,omitempty"`
}

// ListedOrder is an order in a list, with the approvals that the query selects.
type ListedOrder struct {
	OrderID   string     `json:"orderId"`
	Approvals []Approval `json:"approvals"`
	// UnmatchedDecisions are decisions that no approval admits yet.
	UnmatchedDecisions []UnmatchedDecision `json:"unmatchedDecisions"`
	// Unreadable is set if the record of the order cannot be read.
	Unreadable bool `json:"unreadable,omitempty"`
}

// filterParameters lists the query parameters that select approvals.
func filterParameters() []string {
	return []string{
		"approver", "closed_after", "closed_before", "deadline_before", "execution", "older_than", "q", "requester", "state",
		"waits_for", "workflow",
	}
}

// listParameters lists the query parameters of a list of approvals.
func listParameters() []string {
	names := append(filterParameters(), "after", "limit", "sort")
	slices.Sort(names)
	return names
}

// exportParameters lists the query parameters of an export.
func exportParameters() []string {
	names := append(filterParameters(), "after", "format")
	slices.Sort(names)
	return names
}

// readFilter reads the parameters that select approvals. An empty parameter selects all.
func readFilter(values url.Values, now time.Time) (store.Query, error) {
	p := parameters{values: values, now: now}
	q := store.Query{
		State: p.readState(),
		Filter: store.Filter{
			Workflow:        values.Get("workflow"),
			Approver:        values.Get("approver"),
			WaitsFor:        values.Get("waits_for"),
			Requester:       values.Get("requester"),
			Execution:       values.Get("execution"),
			Text:            strings.TrimSpace(values.Get("q")),
			RequestedBefore: p.readPast("older_than"),
			DeadlineBefore:  p.readFuture("deadline_before"),
			ClosedAfter:     p.readPast("closed_after"),
			ClosedBefore:    p.readPast("closed_before"),
		},
	}
	return q, p.err
}

// parameters reads query parameters. It keeps the first fault.
type parameters struct {
	values url.Values
	now    time.Time
	err    error
}

func (p *parameters) fail(name, format string, args ...any) {
	if p.err == nil {
		p.err = approval.InvalidField(name, format, args...)
	}
}

func (p *parameters) readState() store.State {
	text := p.values.Get("state")
	state := store.State(text)
	if text == "all" {
		return store.StateAll
	}
	if !state.IsKnown() {
		p.fail("state", "must be all, %s", joinWords(store.States()))
	}
	return state
}

// readSort reads the sort. A minus sign before its name reverses it.
func (p *parameters) readSort() (sort store.Sort, descending bool) {
	name, descending := strings.CutPrefix(p.values.Get("sort"), "-")
	if name == "order" {
		return store.SortOrder, descending
	}
	sort = store.Sort(name)
	if !sort.IsKnown() || name == "" && descending {
		p.fail("sort", "must be order, %s, or one of them after a minus sign", joinWords(store.Sorts()))
	}
	return sort, descending
}

// readPast reads a time, or a duration before now.
func (p *parameters) readPast(name string) time.Time { return p.readTime(name, -1) }

// readFuture reads a time, or a duration after now.
func (p *parameters) readFuture(name string) time.Time { return p.readTime(name, 1) }

func (p *parameters) readTime(name string, sign time.Duration) time.Time {
	text := p.values.Get(name)
	if text == "" {
		return time.Time{}
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t
		}
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return p.now.Add(sign * time.Duration(n) * 24 * time.Hour)
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		p.fail(name, "must be a duration such as 90m, 4h or 7d, a date such as 2026-03-01, or a time such as 2026-03-01T09:00:00Z")
	}
	return p.now.Add(sign * d)
}

func joinWords[T ~string](words []T) string {
	var texts []string
	for _, w := range words {
		texts = append(texts, string(w))
	}
	return strings.Join(texts[:len(texts)-1], ", ") + " or " + texts[len(texts)-1]
}

func (a *OperatorAPI) listOrders(r *http.Request, _ []byte) (any, error) {
	limit, err := pageLimit(r)
	if err != nil {
		return nil, err
	}
	values := r.URL.Query()
	q, err := readFilter(values, a.Redriver.Transitions.Now())
	if err != nil {
		return nil, err
	}
	p := parameters{values: values}
	q.Sort, q.Descending = p.readSort()
	if p.err != nil {
		return nil, p.err
	}
	q.After = values.Get("after")
	q.Limit = limit
	page, err := a.Lister.ListApprovals(r.Context(), q)
	if err != nil {
		return nil, err
	}
	return newOrderList(page), nil
}

// newOrderList returns the public form of a page. Neighbouring rows of the same order are in one entry.
func newOrderList(page store.Page) OrderList {
	list := OrderList{
		Orders:     []ListedOrder{},
		Next:       page.Next,
		Incomplete: page.IsIncomplete,
	}
	if page.IsIncomplete {
		list.LookedAt = page.LookedAt
	}
	for _, row := range page.Rows {
		last := len(list.Orders) - 1
		if last < 0 || list.Orders[last].OrderID != row.Order.ID {
			list.Orders = append(list.Orders, ListedOrder{
				OrderID:            row.Order.ID,
				Approvals:          []Approval{},
				UnmatchedDecisions: mapSlice(row.Order.Unmatched, newUnmatchedDecision),
				Unreadable:         row.Order.IsEmpty(),
			})
			last++
		}
		if row.Approval != nil {
			entry := &list.Orders[last]
			entry.Approvals = append(entry.Approvals, publishApproval(row.Order, row.Approval))
		}
	}
	return list
}
