package role

import (
	"context"
	"fmt"
	"slices"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// Records is the part of a store that operators read.
type Records interface {
	Get(ctx context.Context, orderID string) (*approval.Order, error)
	List(ctx context.Context, q store.OrderQuery) (orders []*approval.Order, next string, err error)
	Stats(ctx context.Context) (store.Stats, error)
	ListDeadLetters(ctx context.Context, after string, limit int) ([]store.DeadLetter, error)
}

// View is what an operator may read of a store: the scope of the call's context limits every method, and a context
// without a scope reads an empty store. So a page or a route that is added later cannot forget the check.
type View struct{ Records Records }

// scopeOf returns the scope of a call. Without one, it is the empty scope.
func scopeOf(ctx context.Context) Scope {
	s, _ := ScopeOf(ctx)
	return s
}

// Get returns the part of an order that is in the scope, or approval.ErrNotFound, as if there were no such order.
func (v View) Get(ctx context.Context, orderID string) (*approval.Order, error) {
	o, err := v.Records.Get(ctx, orderID)
	if err != nil {
		return nil, err
	}
	part, ok := scopeOf(ctx).Part(o)
	if !ok {
		return nil, fmt.Errorf("order %q: %w", orderID, approval.ErrNotFound)
	}
	return part, nil
}

// The bounds of the pages that a call looks at before it answers with a page that is shorter than asked for.
const (
	maxListPages   = 20
	maxLetterPages = 200
)

// List lists the parts of orders that are in the scope. A limited scope makes pages shorter: it goes on to the next page
// only while a page is empty.
func (v View) List(ctx context.Context, q store.OrderQuery) (orders []*approval.Order, next string, err error) {
	scope := scopeOf(ctx)
	if scope.All { // also orders whose record cannot be read, so that their workflows are unknown
		return v.Records.List(ctx, q)
	}
	for range maxListPages {
		page, after, err := v.Records.List(ctx, q)
		if err != nil {
			return nil, "", err
		}
		for _, o := range page {
			if part, ok := scope.Part(o); ok && selects(q, part) {
				orders = append(orders, part)
			}
		}
		next = after
		if len(orders) > 0 || next == "" {
			break
		}
		q.After = next
	}
	return orders, next, nil
}

// Stats returns the counts of the workflows in the scope. The other counts are of all workflows together, so a limited
// scope gets only zeros.
func (v View) Stats(ctx context.Context) (store.Stats, error) {
	scope := scopeOf(ctx)
	all, err := v.Records.Stats(ctx)
	if err != nil || scope.All {
		return all, err
	}
	part := store.Stats{Workflows: map[string]store.WorkflowStats{}}
	for name, counts := range all.Workflows {
		if scope.Includes(name) {
			part.Workflows[name] = counts
		}
	}
	for name, owed := range all.Owed {
		if scope.Includes(name) {
			if part.Owed == nil {
				part.Owed = map[string]store.OwedStats{}
			}
			part.Owed[name] = owed
		}
	}
	return part, nil
}

// ListDeadLetters lists the dead letters of sources in the scope.
func (v View) ListDeadLetters(ctx context.Context, after string, limit int) (letters []store.DeadLetter, err error) {
	scope := scopeOf(ctx)
	if scope.All {
		return v.Records.ListDeadLetters(ctx, after, limit)
	}
	for range maxLetterPages {
		page, err := v.Records.ListDeadLetters(ctx, after, limit)
		if err != nil {
			return nil, err
		}
		for _, d := range page {
			if scope.IncludesSource(d.Source) {
				letters = append(letters, d)
			}
			if len(letters) == limit {
				return letters, nil
			}
		}
		if len(page) < limit {
			break
		}
		after = page[len(page)-1].ID
	}
	return letters, nil
}

// selects reports whether a query still selects an order after approvals were taken out of it.
func selects(q store.OrderQuery, part *approval.Order) bool {
	state := q.State
	if q.ByAge {
		state = store.StatePending
	}
	return slices.ContainsFunc(part.Approvals, state.Matches)
}

// ListApprovals lists the approvals in the scope.
func (v View) ListApprovals(ctx context.Context, q store.Query) (store.Page, error) {
	scope := scopeOf(ctx)
	if scope.All {
		return store.ListApprovals(ctx, v.Records, q)
	}
	wanted := q.Filter.IsVisible
	q.Filter.IsVisible = func(workflow string) bool {
		return scope.Includes(workflow) && (wanted == nil || wanted(workflow))
	}
	page, err := store.ListApprovals(ctx, v.Records, q)
	for i, row := range page.Rows {
		page.Rows[i].Order, _ = scope.Part(row.Order)
	}
	if !page.IsIncomplete { // it counts the orders of others too
		page.LookedAt = len(page.Rows)
	}
	return page, err
}
