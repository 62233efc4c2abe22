package role_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/role"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/memory"
)

func ask(t *testing.T, s *memory.Store, orderID, workflow, step string) {
	t.Helper()
	require.NoError(t, s.Update(t.Context(), orderID, func(o *approval.Order) error {
		_, _, err := o.AddRequest(approval.Request{
			Token:     approval.NewToken(orderID + workflow + step),
			Target:    "sfn",
			Workflow:  workflow,
			Step:      step,
			Policy:    approval.Policy{Kind: approval.PolicyAny},
			Deadline:  time.Unix(1_800_000_000, 0),
			Retention: time.Hour,
		}, approval.Environment{Now: time.Unix(1_700_000_000, 0), Lease: time.Minute})
		return err
	}))
}

// What is outside the scope does not exist: not as an order, not as a part of one, not in lists, counts and dead letters.
func TestViewKeepsWithinTheScope(t *testing.T) {
	t.Parallel()
	s := memory.New()
	ask(t, s, "mine", "orders", "")
	ask(t, s, "shared", "orders", "a")
	ask(t, s, "shared", "refunds", "b")
	ask(t, s, "theirs", "refunds", "")
	for _, source := range []string{"request-orders", "request-refunds", "decision-erp"} {
		_, err := s.PutDeadLetter(t.Context(), store.DeadLetter{Source: source, Reason: "x"})
		require.NoError(t, err)
	}
	view := role.View{Records: s}
	ctx := role.WithScope(t.Context(), role.Scope{Workflows: []string{"orders"}})

	_, hidden := view.Get(ctx, "theirs")
	_, absent := view.Get(ctx, "absent")
	require.ErrorIs(t, hidden, approval.ErrNotFound)
	require.ErrorIs(t, absent, approval.ErrNotFound)
	o, err := view.Get(ctx, "shared")
	require.NoError(t, err)
	require.Len(t, o.Approvals, 1)
	require.NotEmpty(t, o.History)
	for _, e := range o.History {
		require.Equal(t, o.Approvals[0].ID, e.Approval)
	}

	for _, q := range []store.OrderQuery{{}, {State: store.StatePending}, {ByAge: true}} {
		orders, _, err := view.List(ctx, q)
		require.NoError(t, err)
		var ids []string
		for _, o := range orders {
			require.Len(t, o.Approvals, 1)
			require.Equal(t, "orders", o.Approvals[0].Workflow)
			ids = append(ids, o.ID)
		}
		require.ElementsMatch(t, []string{"mine", "shared"}, ids)
	}

	for _, q := range []store.Query{{}, {State: store.StatePending, Sort: store.SortAge}, {Filter: store.Filter{Text: "e"}}} {
		page, err := view.ListApprovals(ctx, q)
		require.NoError(t, err)
		require.NotEmpty(t, page.Rows)
		require.Equal(t, len(page.Rows), page.LookedAt, "the number of the others is hidden")
		for _, row := range page.Rows {
			require.Equal(t, "orders", row.Approval.Workflow)
			require.Len(t, row.Order.Approvals, 1)
		}
	}

	stats, err := view.Stats(ctx)
	require.NoError(t, err)
	require.Equal(t, 2, stats.Workflows["orders"].Pending)
	require.Len(t, stats.Workflows, 1)
	require.Zero(t, stats.DeadLetters)

	letters, err := view.ListDeadLetters(ctx, "", 10)
	require.NoError(t, err)
	require.Len(t, letters, 1)
	require.Equal(t, "request-orders", letters[0].Source)
}

// A call without a scope finds an empty store.
func TestViewWithoutScopeReadsNothing(t *testing.T) {
	t.Parallel()
	s := memory.New()
	ask(t, s, "mine", "orders", "")
	_, err := s.PutDeadLetter(t.Context(), store.DeadLetter{Source: "request-orders", Reason: "x"})
	require.NoError(t, err)
	view := role.View{Records: s}
	_, err = view.Get(t.Context(), "mine")
	require.ErrorIs(t, err, approval.ErrNotFound)
	orders, _, err := view.List(t.Context(), store.OrderQuery{})
	require.NoError(t, err)
	require.Empty(t, orders)
	letters, err := view.ListDeadLetters(t.Context(), "", 10)
	require.NoError(t, err)
	require.Empty(t, letters)
	stats, err := view.Stats(t.Context())
	require.NoError(t, err)
	require.Empty(t, stats.Workflows)
}

// Pages of other workflows do not end a list, and each entry of the scope comes once.
func TestViewPagesThroughOthers(t *testing.T) {
	t.Parallel()
	s := memory.New()
	for i := range 60 {
		workflow := "refunds"
		if i%20 == 19 {
			workflow = "orders"
		}
		ask(t, s, fmt.Sprintf("O-%02d", i), workflow, "")
		_, err := s.PutDeadLetter(t.Context(), store.DeadLetter{Source: "request-" + workflow, Reason: "x"})
		require.NoError(t, err)
	}
	view := role.View{Records: s}
	ctx := role.WithScope(t.Context(), role.Scope{Workflows: []string{"orders"}})
	var ids []string
	q := store.OrderQuery{Limit: 3}
	for range 60 {
		orders, next, err := view.List(ctx, q)
		require.NoError(t, err)
		for _, o := range orders {
			ids = append(ids, o.ID)
		}
		if q.After = next; next == "" {
			break
		}
	}
	require.Equal(t, []string{"O-19", "O-39", "O-59"}, ids)

	first, err := view.ListDeadLetters(ctx, "", 2)
	require.NoError(t, err)
	require.Len(t, first, 2)
	rest, err := view.ListDeadLetters(ctx, first[1].ID, 2)
	require.NoError(t, err)
	require.Len(t, rest, 1)
}
