package handlers_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/outbound"
)

// neverAdmits is a rate limit without a free slot before the context ends.
type neverAdmits struct{}

func (neverAdmits) Wait(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// limited is a target behind a rate limit that never admits a call.
type limited struct{ *outside }

func (l limited) Deliver(ctx context.Context, a approval.Answer) error {
	return callback.AttemptWithinLimit(ctx, neverAdmits{}, 20*time.Millisecond, func(ctx context.Context) error {
		return l.outside.Deliver(ctx, a)
	})
}

// openBreaker returns a breaker in front of the target, with an open circuit.
func openBreaker(t *testing.T, target callback.Target) *callback.Breaker {
	t.Helper()
	failing := &outside{end: func(context.Context) error { return outbound.EndpointFailed(errOdd) }}
	b := callback.NewBreaker(switched{&failing, target}, callback.BreakerConfig{})
	for range callback.FailuresToOpen {
		require.ErrorIs(t, b.Deliver(t.Context(), approval.Answer{}), errOdd)
	}
	failing = nil
	return b
}

// switched is the first target until that is nil, and then the other.
type switched struct {
	first **outside
	other callback.Target
}

func (s switched) Deliver(ctx context.Context, a approval.Answer) error {
	if *s.first != nil {
		return (*s.first).Deliver(ctx, a)
	}
	return s.other.Deliver(ctx, a)
}

// An attempt that was begun and not made, for whatever reason in this process, does not count: a failure is not recorded, its
// number is used again, and the workflow cannot have the answer.
func TestAnAttemptThatWasNotMadeIsNoFailure(t *testing.T) {
	t.Parallel()
	for name, hinder := range map[string]func(h *house, act approval.Action, c *handlers.Callback, o *outside){
		"the circuit is open": func(_ *house, act approval.Action, c *handlers.Callback, o *outside) {
			c.Targets[act.Target] = openBreaker(t, o)
		},
		"the rate limit has no slot": func(_ *house, act approval.Action, c *handlers.Callback, o *outside) {
			c.Targets[act.Target] = limited{o}
		},
		"the lease has ended": func(h *house, act approval.Action, _ *handlers.Callback, _ *outside) {
			h.now = act.LeaseExpires
		},
		"the lease is over for long": func(h *house, act approval.Action, _ *handlers.Callback, _ *outside) {
			h.now = act.LeaseExpires.Add(time.Hour)
		},
		"the lease is nearly over": func(h *house, act approval.Action, _ *handlers.Callback, _ *outside) {
			h.now = act.LeaseExpires.Add(-time.Second + 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, act := approved(t)
			o := &outside{}
			c := h.callbacks(o)
			hinder(h, act, c, o)
			require.NoError(t, c.Handle(actionMsg(t, act)))
			requireNoAttempt(t, h, o)
			h.now = h.now.Add(30 * time.Second)
			require.NoError(t, h.Run(t.Context(), "A-1", func(o *approval.Order, env approval.Environment) ([]approval.Action, error) {
				return o.Advance(env), nil
			}))
			acts := h.take(approval.ActionCallback)
			require.Len(t, acts, 1)
			require.Equal(t, 1, acts[0].Attempt)
			require.NoError(t, h.callbacks(o).Handle(actionMsg(t, acts[0])))
			require.Equal(t, approval.CallbackDelivered, h.approval(t, "A-1").Callback.State)
			require.Len(t, o.answers, 1)
		})
	}
}

func requireNoAttempt(t *testing.T, h *house, o *outside) {
	t.Helper()
	require.Empty(t, o.answers)
	require.Equal(t, []approval.ActionKind{approval.ActionCallback}, h.notMade)
	cb := h.approval(t, "A-1").Callback
	require.Equal(t, approval.CallbackPending, cb.State)
	require.Zero(t, cb.Attempts)
	require.False(t, cb.AttemptRunning)
	require.False(t, cb.MaybeApplied)
	order, err := h.store.Get(t.Context(), "A-1")
	require.NoError(t, err)
	for _, e := range order.History {
		require.NotEqual(t, approval.EventCallbackAttempt, e.Kind, "the history has no attempt")
	}
}

// The attempt of another process, or a later attempt of this process, is not returned by the end of an earlier one.
func TestReturnOfAnEarlierAttemptChangesNothing(t *testing.T) {
	t.Parallel()
	h, act := approved(t)
	h.now = act.LeaseExpires
	require.NoError(t, h.Run(t.Context(), "A-1", func(o *approval.Order, env approval.Environment) ([]approval.Action, error) {
		return o.Advance(env), nil
	}))
	second := h.take(approval.ActionCallback)
	require.Len(t, second, 1)
	o := &outside{}
	require.NoError(t, h.callbacks(o).Handle(actionMsg(t, act)))
	require.Empty(t, o.answers)
	cb := h.approval(t, "A-1").Callback
	require.True(t, cb.AttemptRunning)
	require.Equal(t, second[0].Attempt, cb.Attempts)
	require.Equal(t, second[0].LeaseExpires.UnixNano(), cb.Due.UnixNano())
}

// A message that was begun and not sent does not count as an attempt either.
func TestAMessageThatWasNotSentIsNoFailure(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]time.Duration{"ended": 0, "nearly over": -time.Second + 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse()
			require.NoError(t, h.requests(func(w *handlers.Workflow) { w.Channels = []string{"mail"} }).Handle(
				msg(t, `{"orderId":"A-1","taskToken":"`+token+`","approvers":["ann@example.com"]}`)))
			act := h.take(approval.ActionNotify)[0]
			h.now = act.LeaseExpires.Add(late)
			o := &outside{}
			require.NoError(t, h.notifications(o).Handle(actionMsg(t, act)))
			require.Empty(t, o.messages)
			n := h.approval(t, "A-1").Notifications[0]
			require.Equal(t, approval.NotificationPending, n.State)
			require.Zero(t, n.Attempts)
			require.False(t, n.AttemptRunning)
			require.Empty(t, n.LastError)
		})
	}
}

// While the program stops, the context of a message has ended. An action that was begun is carried out all the same, and
// its result is recorded.
func TestABegunActionIsCarriedOutWhileTheProgramStops(t *testing.T) {
	t.Parallel()
	h, act := approved(t)
	m := actionMsg(t, act)
	ctx, cancel := context.WithCancelCause(m.Context())
	cancel(errors.New("the program stops"))
	m.SetContext(ctx)
	o := &outside{end: func(ctx context.Context) error { return ctx.Err() }}
	require.NoError(t, h.callbacks(o).Handle(m))
	require.Len(t, o.answers, 1)
	require.Equal(t, approval.CallbackDelivered, h.approval(t, "A-1").Callback.State)
}
