package router

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/approval-relay/approval-relay/approval"
)

// AdoptOrphans makes the actions that the previous process left under way due at once, so that they do not wait for
// their leases to expire. It must run before this process begins actions of its own, because it cannot tell these from
// orphans. If it fails, the sweeper begins the next attempts after the leases have expired.
func (s *Sweeper) AdoptOrphans(ctx context.Context) {
	if s.Orphans == nil {
		return
	}
	ids, err := s.Orphans(ctx)
	if err == nil {
		err = s.adoptAll(ctx, ids)
	}
	if err != nil {
		s.Log.LogAttrs(ctx, slog.LevelError, "adopting running actions failed", slog.String("error", err.Error()))
	}
}

// adoptAll adopts the orphans of orders, a batch of them concurrently. It returns the first error and adopts the others.
func (s *Sweeper) adoptAll(ctx context.Context, ids []string) error {
	var group errgroup.Group
	group.SetLimit(s.Batch)
	for _, id := range ids {
		group.Go(func() error { return s.transition(ctx, id, adoptOrder) })
	}
	return group.Wait()
}

// adoptOrder makes the running actions of an order due. It leaves an order without a running action as it is.
func adoptOrder(o *approval.Order, env approval.Environment) ([]approval.Action, error) {
	if !o.ReleaseLeases(env) {
		return nil, errUnchanged
	}
	return nil, nil
}

// revisitHorizon is beyond every due time.
const revisitHorizon = 100 * 365 * 24 * time.Hour

// Revisit advances all orders that will be due at any time, a batch of them concurrently. It is for the time after a
// correction of the clock: a due time that lies further in the future than it can be counts as due, but Claim does not
// return its order. A store without Orphans is shared by workers whose clocks follow a reference from the start.
func (s *Sweeper) Revisit(ctx context.Context) {
	if s.DueBy == nil || s.Orphans == nil {
		return
	}
	ids, err := s.DueBy(ctx, s.Transitions.Now().Add(revisitHorizon))
	if err != nil {
		s.Log.LogAttrs(ctx, slog.LevelError, "looking at all due orders again failed", slog.String("error", err.Error()))
		return
	}
	var group errgroup.Group
	group.SetLimit(s.Batch)
	for _, id := range ids {
		group.Go(func() error { s.advance(ctx, id); return nil })
	}
	_ = group.Wait()
	s.Log.LogAttrs(ctx, slog.LevelInfo, "all due orders were looked at again", slog.Int("orders", len(ids)))
}
