// Package deadline bounds many short calls in time with few timers.
//
// Each context of context.WithTimeout has a timer and a channel of its own, and is registered with its parent. Nearly every
// call ends long before its limit, because the limit is only there for calls that hang. So calls that begin at about the
// same time share one deadline.
package deadline

import (
	"context"
	"sync/atomic"
	"time"
)

// precision is the part of a limit by which a deadline may be early: one sixteenth.
const precision = 16

// Group makes contexts with shared deadlines. Its calls should have the same limit: another limit begins a new deadline.
// The zero value is ready for use, and a Group is safe for concurrent use.
type Group struct{ latest atomic.Pointer[shared] }

// shared is a deadline, and the context that ends then.
type shared struct {
	at     time.Time
	ctx    context.Context
	cancel context.CancelFunc // it is never called: the context ends by its deadline only
}

// Within returns a context that ends at the limit, or by a sixteenth of the limit earlier. It has the values of ctx. It
// does not end with ctx, because a call that has begun must be finished.
func (g *Group) Within(ctx context.Context, limit time.Duration) context.Context {
	now := time.Now()
	s := g.latest.Load()
	if s == nil || !s.isFor(now, limit) {
		s = &shared{at: now.Add(limit)}
		s.ctx, s.cancel = context.WithDeadline(context.Background(), s.at)
		g.latest.Store(s)
	}
	return &bounded{Context: s.ctx, values: ctx}
}

// isFor reports whether the deadline suits a call of a limit that begins now.
func (s *shared) isFor(now time.Time, limit time.Duration) bool {
	left := s.at.Sub(now)
	return left <= limit && left > limit-limit/precision
}

// bounded is a context that ends with a shared one, and has the values of another.
type bounded struct {
	context.Context
	values context.Context
}

// Value implements context.Context. The shared context has values for the keys of package context only. By these, package
// context finds the context that ends children of b.
func (b *bounded) Value(key any) any {
	if v := b.Context.Value(key); v != nil {
		return v
	}
	return b.values.Value(key)
}
