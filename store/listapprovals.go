package store

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// OrderLister lists orders. Every Store implements it.
type OrderLister interface {
	List(ctx context.Context, q OrderQuery) (orders []*approval.Order, next string, err error)
}

// Page is a page of a list of approvals.
type Page struct {
	Rows []Row
	// Next is the Query.After of the next page. It is empty after the last page.
	Next string
	// IsIncomplete is set if the page ended because it had looked at MaxLookedAt orders. The list goes on with Next. Other
	// rows than those of the page may come before them in the sort, unless the list is sorted by order ID, or lists pending
	// approvals by age.
	IsIncomplete bool
	// LookedAt is the number of orders that were read for this page.
	LookedAt int
}

// Row is an approval in a list.
type Row struct {
	Order *approval.Order
	// Approval is nil for an order with nothing but decisions without a request, and for an order whose record cannot be
	// read. The latter is empty except for its ID.
	Approval *approval.Approval
}

// MaxLookedAt is the largest number of orders that are read for a page.
const MaxLookedAt = 20_000

// walkPage is the number of orders that are read at once. Their records are in memory together.
const walkPage = 200

// ListApprovals returns a page of the approvals that a query selects. A row is an approval, not an order. It may miss or
// repeat an approval that changes meanwhile.
//
// It walks through the orders of the state in the order of a store's index, and keeps the first rows of the page. A list
// by order ID, and a list of pending approvals by age, end as soon as the page is full. For all other sorts it looks at
// every order of the state. The states that need attention have few orders, so that their lists are cheap; the cost of the
// other lists grows with the number of orders, up to MaxLookedAt for a page. If there are more orders, they are sorted in
// portions of so many: the rest of the list follows after the first portion.
func ListApprovals(ctx context.Context, orders OrderLister, q Query) (Page, error) {
	if !q.State.IsKnown() {
		return Page{}, approval.InvalidField("state", "%.40q is not one of %s", q.State, joinNames(States()))
	}
	if !q.Sort.IsKnown() {
		return Page{}, approval.InvalidField("sort", "%.40q is not one of order, %s", q.Sort, joinNames(Sorts()))
	}
	c, err := parseCursor(q)
	if err != nil {
		return Page{}, err
	}
	w := &walk{
		Query:  q,
		orders: orders,
		last:   c.Last,
		byAge:  q.Sort == SortAge && !q.Descending && q.State == StatePending,
	}
	w.isNatural = w.byAge || q.Sort == SortOrder && !q.Descending
	w.begin, w.visible = c.Walk, c.Walk
	if err := w.moveTo(c.Walk); err != nil {
		return Page{}, err
	}
	if err := w.run(ctx); err != nil {
		return Page{}, err
	}
	return w.page(), nil
}

// walk is a call of ListApprovals.
type walk struct {
	Query
	orders OrderLister
	byAge  bool
	// isNatural is set if the walk meets the rows in the order of the list, except that the rows of an order can come
	// later than the order itself.
	isNatural bool

	begin     string    // the position at which the walk began
	position  string    // behind the last order that was looked at
	visible   string    // behind the last such order that the reader may see
	since     time.Time // in a walk by age, the age of that order
	orderID   string    // of that order
	isAtEnd   bool      // nothing is behind the position
	isStopped bool      // the page is certain

	last     *rowKey // the last row of the page before; only later rows are on this page
	rows     []walkRow
	dropped  *walkRow // of the rows that did not fit, one of the first order
	lookedAt int
}

// walkRow is a row that may be on the page.
type walkRow struct {
	Row
	key    rowKey
	before string // the position before its order
	number int    // of its order in the walk
}

// run walks through the orders until the page is certain.
func (w *walk) run(ctx context.Context) error {
	for !w.isAtEnd && w.lookedAt < MaxLookedAt {
		page, next, err := w.orders.List(ctx, OrderQuery{
			State: w.State,
			ByAge: w.byAge,
			After: w.position,
			Limit: min(walkPage, MaxLookedAt-w.lookedAt),
		})
		if err != nil {
			return err
		}
		for _, o := range page {
			w.addOrder(o)
			if w.isCertain() {
				w.isStopped = true
				return nil
			}
		}
		w.isAtEnd = next == ""
		if next != "" {
			if err := w.moveTo(next); err != nil {
				return err
			}
		}
	}
	return nil
}

// moveTo sets the position to that of the index: the beginning of the walk, or the end of a page of orders.
func (w *walk) moveTo(position string) error {
	w.position = position
	if w.byAge {
		c, err := ParseAgeCursor(position)
		if err != nil {
			return err
		}
		w.since = c.Since
	}
	return nil
}

// addOrder adds the rows of an order, and moves the position behind it.
func (w *walk) addOrder(o *approval.Order) {
	before := w.shownPosition()
	w.lookedAt++
	w.orderID = o.ID
	w.position = o.ID
	if w.byAge {
		if p := o.PendingApprovals(); len(p) > 0 {
			w.since = OldestPending(p)
		}
		w.position = AgeCursor{Since: w.since, OrderID: o.ID}.String()
	}
	if w.isVisible(o) {
		w.visible = w.position
	}
	if len(o.Approvals) == 0 {
		isUnreadable := o.IsEmpty()
		if (isUnreadable || w.State == StateAll) && w.Filter.MatchesID(o.ID) {
			w.addRow(Row{Order: o}, before)
		}
		return
	}
	for _, a := range o.Approvals {
		if w.State.Matches(a) && w.Filter.Matches(o, a) {
			w.addRow(Row{Order: o, Approval: a}, before)
		}
	}
}

// isVisible reports whether the reader of the list may see an order.
func (w *walk) isVisible(o *approval.Order) bool {
	return slices.ContainsFunc(o.Approvals, func(a *approval.Approval) bool {
		return w.Filter.IsVisible == nil || w.Filter.IsVisible(a.Workflow)
	})
}

// shownPosition returns a position for the reader of the list, from which the walk can go on. A position has the ID of an
// order, so it is that of an order that the reader may see: the orders of others behind it are walked through again. Only
// where a whole page has looked at orders of others alone, the list could not go on without the ID of one of them.
func (w *walk) shownPosition() string {
	if w.Filter.IsVisible == nil {
		return w.position
	}
	return w.visible
}

// addRow adds a row, unless it was on an earlier page. If the page is full, the last row makes way.
func (w *walk) addRow(row Row, before string) {
	r := walkRow{Row: row, key: w.keyOf(row), before: before, number: w.lookedAt}
	if w.last != nil && w.compare(r.key, *w.last) <= 0 {
		return
	}
	i, _ := slices.BinarySearchFunc(w.rows, r, func(a, b walkRow) int { return w.compare(a.key, b.key) })
	w.rows = slices.Insert(w.rows, i, r)
	if size := pageSize(w.Limit); len(w.rows) > size {
		w.drop(w.rows[size])
		w.rows = w.rows[:size]
	}
}

// drop remembers the position of a row that does not fit on the page: the next page begins there.
func (w *walk) drop(r walkRow) {
	if w.dropped == nil || r.number < w.dropped.number {
		w.dropped = &r
	}
}

// isCertain reports whether no row behind the position comes before the last row of the page, and there is a next page.
func (w *walk) isCertain() bool {
	if !w.isNatural || w.dropped == nil {
		return false
	}
	if !w.byAge {
		return true
	}
	last := w.rows[len(w.rows)-1].key
	return cmp.Or(last.Time.compare(newKeyTime(w.since)), strings.Compare(last.OrderID, w.orderID)) <= 0
}

// page returns the page and the position of the next page.
func (w *walk) page() Page {
	p := Page{LookedAt: w.lookedAt, IsIncomplete: !w.isAtEnd && !w.isStopped}
	for _, r := range w.rows {
		p.Rows = append(p.Rows, r.Row)
	}
	next := cursor{State: w.State, Sort: w.Sort, Descending: w.Descending, Walk: w.begin}
	switch {
	case w.dropped != nil:
		last := w.rows[len(w.rows)-1]
		next.Last = &last.key
		if w.isStopped {
			next.Walk = w.dropped.before
		}
		if w.isStopped && w.Sort == SortOrder && last.number != w.dropped.number { // the page ends with a whole order
			next.Last = nil
		}
	case w.isAtEnd:
		return p
	default: // the portion is at its end
		next.Walk = w.shownPosition()
		if next.Walk == w.begin {
			next.Walk = w.position
		}
	}
	p.Next = next.String()
	return p
}
