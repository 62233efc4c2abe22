package storetest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// fates are what can have happened to an approval. Each has at most a single state that needs attention.
func fates() map[string]func(*approval.Approval) {
	closed := func(s approval.Status, c approval.CallbackState) func(*approval.Approval) {
		return func(a *approval.Approval) {
			a.Status = s
			a.ClosedAt = a.RequestedAt.Add(time.Minute)
			a.Callback = approval.Callback{State: c, Due: a.ClosedAt, EndedAt: a.ClosedAt}
		}
	}
	return map[string]func(*approval.Approval){
		"answered":      closed(approval.Approved, approval.CallbackDelivered),
		"exhausted":     closed(approval.Rejected, approval.CallbackExhausted),
		"pending":       func(*approval.Approval) {},
		"superseded":    closed(approval.Superseded, approval.CallbackTooLate),
		"unanswered":    closed(approval.TimedOut, approval.CallbackTooLate),
		"undeliverable": func(a *approval.Approval) { a.Undeliverable = true },
		"retrying": func(a *approval.Approval) {
			closed(approval.Approved, approval.CallbackPending)(a)
			a.Callback.LastError = "timeout"
			a.Callback.PendingSince = a.ClosedAt
		},
	}
}

// statesOfFates are the fates that each state selects, besides the closed ones.
func statesOfFates() map[store.State][]string {
	return map[store.State][]string{
		store.StatePending:       {"pending", "undeliverable"},
		store.StateRetrying:      {"retrying"},
		store.StateUndeliverable: {"undeliverable"},
		store.StateExhausted:     {"exhausted"},
		store.StateUnanswered:    {"unanswered"},
		store.StateAttention:     {"exhausted", "retrying", "unanswered", "undeliverable"},
	}
}

// giveFates stores an order with an approval for each fate, or changes the approvals of a stored order.
func giveFates(t *testing.T, s store.Store, id string, names ...string) {
	t.Helper()
	mustUpdate(t, s, id, func(o *approval.Order) error {
		o.Approvals = nil
		for i, name := range names {
			request := newRequest(fmt.Sprint(id, i), time.Hour, atStep(fmt.Sprint(i)))
			if _, _, err := o.AddRequest(request, environmentAt(0)); err != nil {
				return err
			}
			a := o.Approvals[i]
			a.Undeliverable = false
			fates()[name](a)
		}
		return nil
	})
}

// statesSelect lists the orders of each state, before and after each order has got another state. The counts agree.
func statesSelect(t *testing.T, s store.Store) {
	names := []string{"answered", "exhausted", "pending", "retrying", "superseded", "unanswered", "undeliverable"}
	for shift := range names {
		fateOf := map[string][]string{}
		for i := range names {
			id := fmt.Sprintf("o%02d", i)
			fateOf[id] = []string{names[(i+shift)%len(names)]}
			if i < 3 { // with a second approval
				fateOf[id] = append(fateOf[id], names[(i+2*shift)%len(names)])
			}
			giveFates(t, s, id, fateOf[id]...)
		}
		for state, selected := range statesOfFates() {
			want := []string{}
			for i := range names {
				id := fmt.Sprintf("o%02d", i)
				if slices.ContainsFunc(fateOf[id], func(name string) bool { return slices.Contains(selected, name) }) {
					want = append(want, id)
				}
			}
			require.Equal(t, want, orderIDs(listAll(t, s, store.OrderQuery{State: state, Limit: 2})), "%s, shift %d", state, shift)
		}
		for _, state := range []store.State{store.StateAll, store.StateClosed} {
			require.Len(t, listAll(t, s, store.OrderQuery{State: state, Limit: 2}), len(names))
		}
		requireCounted(t, s)
	}
}

// approvalsAreListed lists approvals by every state and sort, some also backwards and with a filter. The pages together
// are what sorting all approvals gives.
func approvalsAreListed(t *testing.T, s store.Store) {
	names := []string{"answered", "exhausted", "pending", "retrying", "unanswered", "undeliverable"}
	for i := range 18 {
		id := fmt.Sprintf("o%02d", i)
		giveFates(t, s, id, names[i%6], names[(i/6+2*i)%6])
		mustUpdate(t, s, id, func(o *approval.Order) error {
			for j, a := range o.Approvals {
				at := start.Add(time.Duration((i*7+j*5)%13) * time.Hour)
				a.RequestedAt = at
				a.Deadline = start.Add(time.Duration((i*5+j*3)%11) * time.Hour)
				if !a.ClosedAt.IsZero() {
					a.ClosedAt = at.Add(time.Minute)
				}
				a.Requester = []string{"rita", "Rob"}[(i+j)%2]
			}
			return nil
		})
	}
	all := listAll(t, s, store.OrderQuery{})
	for _, state := range append(store.States(), store.StateAll) {
		for _, sort := range append(store.Sorts(), store.SortOrder) {
			q := store.Query{State: state, Sort: sort, Limit: 7}
			require.Equal(t, sortApprovals(all, q), listApprovals(t, s, q), "%+v", q)
			if state != store.StatePending {
				continue
			}
			q.Descending = true
			require.Equal(t, sortApprovals(all, q), listApprovals(t, s, q), "%+v", q)
			q.Filter.Requester = "rob"
			require.Equal(t, sortApprovals(all, q), listApprovals(t, s, q), "%+v", q)
		}
	}
}

// listApprovals returns the rows of all pages, as "order approval".
func listApprovals(t *testing.T, s store.Store, q store.Query) []string {
	t.Helper()
	names := []string{}
	for range 1000 {
		page, err := store.ListApprovals(context.Background(), s, q)
		require.NoError(t, err)
		for _, r := range page.Rows {
			names = append(names, r.Order.ID+" "+r.Approval.ID)
		}
		if q.After = page.Next; q.After == "" {
			return names
		}
	}
	require.Fail(t, "the list has no end")
	return nil
}

// sortApprovals returns the expected result of listApprovals.
func sortApprovals(orders []*approval.Order, q store.Query) []string {
	type row struct {
		at   time.Time
		name string
		key  string
	}
	var rows []row
	for _, o := range orders {
		for _, a := range o.Approvals {
			if !q.State.Matches(a) || !q.Filter.Matches(o, a) {
				continue
			}
			at := map[store.Sort]time.Time{
				store.SortAge:      a.RequestedAt,
				store.SortDeadline: a.Deadline,
				store.SortClosed:   a.ClosedAt,
			}[q.Sort]
			key := fmt.Sprintf("%s %020d %s", o.ID, a.RequestedAt.UnixNano(), a.ID)
			rows = append(rows, row{at: at, name: o.ID + " " + a.ID, key: key})
		}
	}
	slices.SortFunc(rows, func(a, b row) int {
		c := cmp.Or(a.at.Compare(b.at), cmp.Compare(a.key, b.key))
		if q.Descending {
			c = -c
		}
		if q.Sort != store.SortOrder && a.at.IsZero() != b.at.IsZero() { // without a time, it comes last
			c = -a.at.Compare(b.at)
		}
		return c
	})
	names := []string{}
	for _, r := range rows {
		names = append(names, r.name)
	}
	return names
}
