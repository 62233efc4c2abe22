package store_test

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

var startTime = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// orderList is a list of orders, as a store with an index of every state returns it.
type orderList struct {
	orders []*approval.Order // by ID
	byAge  []*approval.Order // set when it is needed
	reads  int               // orders that were returned
	err    error
}

// List implements store.OrderLister.
func (l *orderList) List(_ context.Context, q store.OrderQuery) (out []*approval.Order, next string, err error) {
	if l.err != nil {
		return nil, "", l.err
	}
	age := func(o *approval.Order) store.AgeCursor {
		return store.AgeCursor{Since: store.OldestPending(o.PendingApprovals()), OrderID: o.ID}
	}
	orders := l.orders
	after := q.After
	position := func(o *approval.Order) string { return o.ID }
	isBehind := func(o *approval.Order) bool { return o.ID > after }
	if q.ByAge {
		from, err := store.ParseAgeCursor(after)
		if err != nil {
			return nil, "", err
		}
		if l.byAge == nil {
			l.byAge = slices.SortedFunc(slices.Values(l.orders), func(a, b *approval.Order) int { return age(a).Compare(age(b)) })
		}
		orders = l.byAge
		position = func(o *approval.Order) string { return age(o).String() }
		isBehind = func(o *approval.Order) bool { return age(o).Compare(from) > 0 }
	}
	for _, o := range orders {
		isPending := len(o.PendingApprovals()) > 0
		set := q.State.Set()
		isSelected := isPending
		if !q.ByAge && q.State != store.StatePending {
			isSelected = set == 0 || store.StatesOf(o)&set != 0
		}
		if !isSelected || !isBehind(o) {
			continue
		}
		if len(out) == q.PageSize() {
			return out, position(out[len(out)-1]), nil
		}
		out = append(out, o)
		l.reads++
	}
	return out, "", nil
}

// namesOf returns the rows as "order/approval".
func namesOf(rows []store.Row) []string {
	names := []string{}
	for _, r := range rows {
		name := r.Order.ID
		if r.Approval != nil {
			name += "/" + r.Approval.ID
		}
		names = append(names, name)
	}
	return names
}

// listPages returns the rows of all pages.
func listPages(t require.TestingT, orders store.OrderLister, q store.Query) (names []string, pages []store.Page) {
	names = []string{}
	for range 10_000 {
		page, err := store.ListApprovals(context.Background(), orders, q)
		require.NoError(t, err)
		if q.Limit > 0 {
			require.LessOrEqual(t, len(page.Rows), q.Limit)
		}
		names = append(names, namesOf(page.Rows)...)
		pages = append(pages, page)
		if page.Next == "" {
			return names, pages
		}
		q.After = page.Next
	}
	require.Fail(t, "the list has no end")
	return nil, nil
}

func drawTime(t *rapid.T, name string) time.Time {
	return startTime.Add(time.Duration(rapid.IntRange(-4, 4).Draw(t, name)) * time.Hour)
}

func drawApproval(t *rapid.T, id string) *approval.Approval {
	a := &approval.Approval{
		ID:          id,
		Status:      rapid.SampledFrom(approval.AllStatuses()).Draw(t, "status"),
		RequestedAt: drawTime(t, "requested"),
	}
	a.Workflow = rapid.SampledFrom([]string{"payments", "refunds"}).Draw(t, "workflow")
	a.Requester = rapid.SampledFrom([]string{"", "Rita@example.com"}).Draw(t, "requester")
	a.Title = rapid.SampledFrom([]string{"", "Pay LOVELACE"}).Draw(t, "title")
	a.Deadline = drawTime(t, "deadline")
	if rapid.Bool().Draw(t, "has approvers") {
		a.Approvers = []approval.Approver{{ID: "ann@example.com"}, {ID: "bob@example.com"}}
	}
	if a.Status == approval.Pending {
		a.Undeliverable = rapid.Bool().Draw(t, "undeliverable")
		return a
	}
	a.ClosedAt = drawTime(t, "closed")
	outcomes := append(approval.AllCallbackOutcomes(), approval.CallbackPending)
	a.Callback.State = rapid.SampledFrom(outcomes).Draw(t, "callback")
	a.Callback.LastError = rapid.SampledFrom([]string{"", "timeout"}).Draw(t, "error")
	return a
}

func drawQuery(t *rapid.T) store.Query {
	pick := func(name string, values ...string) string {
		return rapid.SampledFrom(append(values, "", "")).Draw(t, name)
	}
	q := store.Query{
		State:      rapid.SampledFrom(append(store.States(), store.StateAll)).Draw(t, "state"),
		Sort:       rapid.SampledFrom(append(store.Sorts(), store.SortOrder)).Draw(t, "sort"),
		Descending: rapid.Bool().Draw(t, "descending"),
		Limit:      rapid.IntRange(1, 5).Draw(t, "limit"),
		Filter: store.Filter{
			Workflow:  pick("in workflow", "payments"),
			Approver:  pick("of approver", "ANN@example.com"),
			WaitsFor:  pick("waits for", "bob@example.com"),
			Requester: pick("of requester", "rita@EXAMPLE.com"),
			Text:      pick("text", "lovelace", "o1", "bob"),
		},
	}
	if rapid.Bool().Draw(t, "before") {
		q.Filter.DeadlineBefore = drawTime(t, "deadline before")
	}
	return q
}

// sortValue returns the time by which a query sorts, for the model.
func sortValue(q store.Query, a *approval.Approval) time.Time {
	switch q.Sort {
	case store.SortAge:
		return a.RequestedAt
	case store.SortDeadline:
		return a.Deadline
	case store.SortClosed:
		return a.ClosedAt
	case store.SortOrder:
	}
	return time.Time{}
}

// modelList lists by sorting all approvals.
func modelList(orders []*approval.Order, q store.Query) []string {
	var rows []store.Row
	for _, o := range orders {
		for _, a := range o.Approvals {
			if q.State.Matches(a) && q.Filter.Matches(o, a) {
				rows = append(rows, store.Row{Order: o, Approval: a})
			}
		}
	}
	slices.SortFunc(rows, func(a, b store.Row) int {
		at, bt := sortValue(q, a.Approval), sortValue(q, b.Approval)
		if q.Sort != store.SortOrder && at.IsZero() != bt.IsZero() {
			if at.IsZero() {
				return 1
			}
			return -1
		}
		c := cmp.Or(at.Compare(bt), cmp.Compare(a.Order.ID, b.Order.ID),
			a.Approval.RequestedAt.Compare(b.Approval.RequestedAt), cmp.Compare(a.Approval.ID, b.Approval.ID))
		if q.Descending {
			return -c
		}
		return c
	})
	return namesOf(rows)
}

// TestListIsSortedAndComplete compares the pages of random queries with a list that is made by sorting all approvals.
func TestListIsSortedAndComplete(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var orders []*approval.Order
		for i := range rapid.IntRange(0, 12).Draw(t, "orders") {
			o := &approval.Order{ID: fmt.Sprintf("o%02d", i)}
			for j := range rapid.IntRange(1, 3).Draw(t, "approvals") {
				o.Approvals = append(o.Approvals, drawApproval(t, fmt.Sprint("a", j)))
			}
			orders = append(orders, o)
		}
		q := drawQuery(t)
		names, pages := listPages(t, &orderList{orders: orders}, q)
		require.Equal(t, modelList(orders, q), names)
		for i, p := range pages {
			require.False(t, p.IsIncomplete)
			require.True(t, i == 0 || len(p.Rows) > 0, "no page but the first is empty")
		}
	})
}

// pendingOrders returns that many orders, each with a pending approval that is a minute younger than the one before.
func pendingOrders(count int) []*approval.Order {
	var orders []*approval.Order
	for i := range count {
		a := &approval.Approval{ID: "a", Status: approval.Pending, RequestedAt: startTime.Add(time.Duration(i) * time.Minute)}
		a.Deadline = startTime.Add(-time.Duration(i) * time.Minute)
		orders = append(orders, &approval.Order{ID: fmt.Sprintf("o%06d", i), Approvals: []*approval.Approval{a}})
	}
	return orders
}

// The first page of the lists that the indexes sort reads little, also of a large store.
func TestSortedByIndexReadsOnePage(t *testing.T) {
	t.Parallel()
	for _, q := range []store.Query{
		{State: store.StatePending, Sort: store.SortAge, Limit: 50},
		{State: store.StatePending, Limit: 50},
		{Limit: 50},
	} {
		l := &orderList{orders: pendingOrders(5000)}
		page, err := store.ListApprovals(t.Context(), l, q)
		require.NoError(t, err)
		require.Len(t, page.Rows, 50)
		require.LessOrEqual(t, l.reads, 200)
		q.After = page.Next
		page, err = store.ListApprovals(t.Context(), l, q)
		require.NoError(t, err)
		require.Equal(t, "o000050", page.Rows[0].Order.ID)
		require.LessOrEqual(t, l.reads, 400)
	}
}

// A list that must look at every order ends its page after a number of orders, states it, and goes on from there. Every
// row is listed once.
func TestPageIsBounded(t *testing.T) {
	t.Parallel()
	orders := pendingOrders(store.MaxLookedAt + 500)
	for _, q := range []store.Query{
		{State: store.StatePending, Sort: store.SortDeadline, Limit: 1000},
		{Sort: store.SortAge, Descending: true, Limit: 1000},
		{State: store.StatePending, Sort: store.SortAge, Filter: store.Filter{Text: "O02"}, Limit: 1000},
		{Filter: store.Filter{Text: "o02"}},
	} {
		l := &orderList{orders: orders}
		page, err := store.ListApprovals(t.Context(), l, q)
		require.NoError(t, err)
		require.True(t, page.IsIncomplete)
		require.Equal(t, store.MaxLookedAt, page.LookedAt)
		require.Equal(t, store.MaxLookedAt, l.reads)

		names, pages := listPages(t, l, q)
		require.False(t, pages[len(pages)-1].IsIncomplete)
		want := len(orders)
		if q.Filter.Text != "" {
			want = 500
		}
		require.Len(t, names, want)
		slices.Sort(names)
		require.Len(t, slices.Compact(names), want)
	}
}

// A young approval of an old order is listed at its own age.
func TestAgeIsThatOfTheApproval(t *testing.T) {
	t.Parallel()
	orders := pendingOrders(3000)
	young := *orders[2999].Approvals[0]
	young.ID = "young"
	orders[0].Approvals = append(orders[0].Approvals, &young)
	l := &orderList{orders: orders}
	names, _ := listPages(t, l, store.Query{State: store.StatePending, Sort: store.SortAge, Limit: 1000})
	require.Len(t, names, 3001)
	require.Equal(t, []string{"o000000/a", "o000001/a"}, names[:2])
	require.Equal(t, []string{"o000000/young", "o002999/a"}, names[2999:])
}

// Orders without approvals are listed by their ID: those with decisions only among all orders, and unreadable records in
// every state in which the store has them.
func TestOrdersWithoutApprovalsAreListed(t *testing.T) {
	t.Parallel()
	orders := []*approval.Order{
		{ID: "early", Unmatched: []approval.UnmatchedDecision{{Decision: approval.Decision{ID: "d"}}}},
		pendingOrders(1)[0],
		{ID: "unreadable"},
	}
	list := func(q store.Query) []string {
		names, _ := listPages(t, &orderList{orders: orders}, q)
		return names
	}
	require.Equal(t, []string{"early", "o000000/a", "unreadable"}, list(store.Query{Limit: 1}))
	require.Equal(t, []string{"o000000/a", "early", "unreadable"}, list(store.Query{Sort: store.SortAge, Limit: 1}))
	require.Equal(t, []string{"unreadable"}, list(store.Query{State: store.StateClosed}))
	require.Equal(t, []string{"unreadable"}, list(store.Query{Filter: store.Filter{Text: "READ"}}))
	require.Empty(t, list(store.Query{Filter: store.Filter{Workflow: "payments"}}))
	require.Empty(t, list(store.Query{Filter: store.Filter{IsVisible: func(string) bool { return false }}}))
}

func TestBadQueriesAreRefused(t *testing.T) {
	t.Parallel()
	l := &orderList{orders: pendingOrders(5)}
	page, err := store.ListApprovals(t.Context(), l, store.Query{Sort: store.SortAge, Limit: 2})
	require.NoError(t, err)
	for want, q := range map[string]store.Query{
		"state: ":             {State: "exausted"},
		"sort: ":              {Sort: "old"},
		"after: is not":       {After: "o000001", Sort: store.SortAge},
		"after: is not a pos": {After: "o000001", Descending: true},
		"after: is a":         {After: page.Next, Sort: store.SortDeadline},
		"after: is a pos":     {After: page.Next, Sort: store.SortAge, Descending: true},
		"after: is a positio": {After: page.Next, Sort: store.SortAge, State: store.StatePending},
		"after: is not a": {
			State: store.StatePending,
			Sort:  store.SortAge,
			After: base64.RawURLEncoding.EncodeToString([]byte(`{"state":"pending","sort":"age","walk":"x"}`)),
		},
	} {
		_, err := store.ListApprovals(t.Context(), l, q)
		require.True(t, approval.IsPermanent(err), want)
		require.True(t, strings.HasPrefix(err.Error(), want), err.Error())
	}
	l.err = errors.New("the disk is on fire")
	_, err = store.ListApprovals(t.Context(), l, store.Query{})
	require.ErrorIs(t, err, l.err)
}

// A list by order ID goes on after any order ID. A page that ends within an order goes on within it.
func TestListGoesOnAfterAnOrder(t *testing.T) {
	t.Parallel()
	orders := pendingOrders(4)
	second := *orders[1].Approvals[0]
	second.ID = "b"
	orders[1].Approvals = append(orders[1].Approvals, &second)
	l := &orderList{orders: orders}
	page, err := store.ListApprovals(t.Context(), l, store.Query{Limit: 1})
	require.NoError(t, err)
	require.Equal(t, "o000000", page.Next)
	names, _ := listPages(t, l, store.Query{After: "o000000x", Limit: 1})
	require.Equal(t, []string{"o000001/a", "o000001/b", "o000002/a", "o000003/a"}, names)
}

// The position of the next page never has the ID of an order that the reader may not see.
func TestNextPageNamesNoOrderOfOthers(t *testing.T) {
	t.Parallel()
	isVisible := func(workflow string) bool { return workflow == "payments" }
	for _, count := range []int{60, store.MaxLookedAt + 100} {
		orders := pendingOrders(count)
		want := 0
		for i, o := range orders {
			o.Approvals[0].Workflow = "refunds"
			if i%15 == 3 {
				o.Approvals[0].Workflow = "payments"
				second := *o.Approvals[0]
				second.ID = "b"
				o.Approvals = append(o.Approvals, &second)
				want += 2
			}
			o.ID = fmt.Sprintf("%06d-%s", i, o.Approvals[0].Workflow) // it tells whose the order is
		}
		for _, q := range []store.Query{
			{Limit: 1},
			{Limit: 3},
			{State: store.StatePending, Sort: store.SortAge, Limit: 3},
			{Sort: store.SortDeadline, Limit: 1000},
		} {
			if count > 60 {
				q.Limit = 1000
			}
			q.Filter.IsVisible = isVisible
			names, pages := listPages(t, &orderList{orders: orders}, q)
			require.Len(t, names, want)
			slices.Sort(names)
			require.Len(t, slices.Compact(names), want)
			for _, p := range pages {
				text := p.Next
				if decoded, err := base64.RawURLEncoding.DecodeString(p.Next); err == nil {
					text += string(decoded)
				}
				require.NotContains(t, text, "refunds")
			}
		}
	}
}
