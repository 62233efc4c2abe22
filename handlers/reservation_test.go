package handlers_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
)

// notifyAll is a request with a message to each of three people.
func (h *house) notifyAll() *handlers.Request {
	return h.requests(func(w *handlers.Workflow) { w.Channels = []string{"mail", "sms", "chat"} })
}

// reservedActions returns the actions whose capacity is reserved and not released.
func (h *house) reservedActions() (actions []approval.Action) {
	for _, r := range h.reserved {
		actions = append(actions, r.Action)
	}
	return actions
}

// What a transition reserves is dispatched or released, however the transition ends.
func TestWhatIsReservedIsDispatchedOrReleased(t *testing.T) {
	t.Parallel()
	request := `{"orderId":"A-1","taskToken":"x"}`

	t.Run("stored", func(t *testing.T) {
		t.Parallel()
		h := newHouse()
		require.NoError(t, h.notifyAll().Handle(msg(t, request)))
		require.Len(t, h.reserved, 3)
		require.ElementsMatch(t, h.reservedActions(), h.take(approval.ActionNotify))
	})
	t.Run("run twice", func(t *testing.T) {
		t.Parallel()
		h := newHouse()
		h.twice = true
		require.NoError(t, h.notifyAll().Handle(msg(t, request)))
		require.Len(t, h.reserved, 3, "the first run's capacity is released")
		require.ElementsMatch(t, h.reservedActions(), h.take(approval.ActionNotify))
	})
	t.Run("not stored", func(t *testing.T) {
		t.Parallel()
		h := newHouse()
		h.failsAfter = errOdd
		require.ErrorIs(t, h.notifyAll().Handle(msg(t, request)), errOdd)
		require.Empty(t, h.reserved)
		require.Empty(t, h.actions)
	})
	advance := func(after func([]approval.Action) ([]approval.Action, error)) (*house, func() error) {
		h := newHouse()
		h.full = true
		require.NoError(t, h.notifyAll().Handle(msg(t, request)))
		require.Empty(t, h.take(approval.ActionNotify))
		h.full = false
		return h, func() error {
			return h.Run(t.Context(), "A-1", func(o *approval.Order, env approval.Environment) ([]approval.Action, error) {
				return after(o.Advance(env))
			})
		}
	}
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		h, run := advance(func([]approval.Action) ([]approval.Action, error) { return nil, errOdd })
		require.ErrorIs(t, run(), errOdd)
		require.Empty(t, h.reserved)
	})
	t.Run("panicked", func(t *testing.T) {
		t.Parallel()
		h, run := advance(func([]approval.Action) ([]approval.Action, error) { panic("odd") })
		require.Panics(t, func() { _ = run() })
		require.Empty(t, h.reserved)
	})
	t.Run("not returned", func(t *testing.T) {
		t.Parallel()
		h, run := advance(func(actions []approval.Action) ([]approval.Action, error) { return actions[1:], nil })
		require.NoError(t, run())
		require.ElementsMatch(t, h.reservedActions(), h.take(approval.ActionNotify))
		require.Len(t, h.reserved, 2)
	})
}

// An order whose due action found no capacity states when it has something else to do.
func TestAnOrderWithoutCapacityStatesItsNextDueTime(t *testing.T) {
	t.Parallel()
	h := newHouse()
	require.NoError(t, h.notifyAll().Handle(msg(t, `{"orderId":"A-1","taskToken":"x"}`)))
	require.Zero(t, h.nextDue, "nothing waits")
	h.full = true
	require.NoError(t, h.notifyAll().Handle(msg(t, `{"orderId":"A-2","taskToken":"y"}`)))
	require.Equal(t, h.approval(t, "A-2").Deadline, h.nextDue)
}

// The answer to a workflow that stops waiting soon is urgent.
func TestAnAnswerIsUrgentBeforeItsTaskEnds(t *testing.T) {
	t.Parallel()
	for left, urgent := range map[time.Duration]bool{
		handlers.UrgentBefore - time.Second: true,
		handlers.UrgentBefore:               false,
	} {
		h := newHouse()
		require.NoError(t, h.requests().Handle(msg(t, `{"orderId":"A-1","taskToken":"x"}`)))
		require.NoError(t, h.Run(t.Context(), "A-1", func(o *approval.Order, env approval.Environment) ([]approval.Action, error) {
			o.Approvals[0].TaskExpires = env.Now.Add(left)
			return nil, nil
		}))
		h.reserved = nil
		require.NoError(t, h.decisions(approval.ViaAPI).Handle(msg(t, `{"orderId":"A-1","decision":"approve"}`)))
		require.Len(t, h.reserved, 1)
		require.Equal(t, urgent, h.reserved[0].Urgent, left)
		require.Equal(t, "x", h.reserved[0].Token.Reveal())
	}
}

// An action that was held back before any call is counted as such.
func TestAnActionThatWasNotMadeIsCounted(t *testing.T) {
	t.Parallel()
	h, act := approved(t)
	o := &outside{end: func(context.Context) error { return approval.NotMade(errOdd) }}
	require.NoError(t, h.callbacks(o).Handle(actionMsg(t, act)))
	require.Equal(t, []approval.ActionKind{approval.ActionCallback}, h.notMade)
	require.Equal(t, approval.CallbackPending, h.approval(t, "A-1").Callback.State)
}

// A caller who leaves while their decision is recorded does not interrupt it.
func TestACallerWhoLeavesDoesNotInterruptTheirDecision(t *testing.T) {
	t.Parallel()
	h := asked(t)
	ctx, leave := context.WithCancel(t.Context())
	h.beforeUpdate = func(update context.Context) {
		leave()
		require.NoError(t, update.Err())
		_, bounded := update.Deadline()
		require.True(t, bounded, "the store may hang")
	}
	verdict, err := h.decisions(approval.ViaAPI).Decider.Decide(ctx, "A-1", approval.Decision{
		ID:      "d-1",
		Outcome: approval.Approve,
		By:      "ann@example.com",
		Via:     approval.ViaAPI,
		Source:  "api",
	})
	require.NoError(t, err)
	require.True(t, verdict.IsAccepted())
	require.Len(t, h.take(approval.ActionCallback), 1)

	_, err = h.decisions(approval.ViaAPI).Decider.Decide(ctx, "A-1", approval.Decision{ID: "d-2", Outcome: approval.Reject})
	require.ErrorIs(t, err, context.Canceled, "nothing is begun for somebody who has left")
}

// A message that the rate limit of its channel does not admit in time is not sent and counts as no attempt.
func TestRateLimitOfAChannel(t *testing.T) {
	t.Parallel()
	h := newHouse()
	require.NoError(t, h.requests(func(w *handlers.Workflow) { w.Channels = []string{"mail"} }).Handle(
		msg(t, `{"orderId":"A-1","taskToken":"`+token+`","approvers":["ann@example.com","bob@example.com"]}`)))
	acts := h.take(approval.ActionNotify)
	require.Len(t, acts, 2)
	o := &outside{}
	notifications := h.notifications(o)
	notifications.Timeout = time.Minute // nothing waits for it: the next turn is an hour away
	channel := notifications.Channels["mail"]
	channel.Limit = rate.NewLimiter(rate.Every(time.Hour), 1)
	notifications.Channels["mail"] = channel
	for range len(acts) + 1 {
		require.NoError(t, notifications.Handle(actionMsg(t, acts[0])))
	}
	sent := len(o.messages)
	require.Equal(t, 1, sent, "the burst")
	for _, act := range acts[1:] {
		require.NoError(t, notifications.Handle(actionMsg(t, act)))
		require.Len(t, o.messages, 1)
		for _, n := range h.approval(t, "A-1").Notifications {
			if n.ID == act.Notification {
				require.Zero(t, n.Attempts, "it counts as no attempt")
				require.Equal(t, approval.NotificationPending, n.State)
			}
		}
	}
	require.Len(t, h.notMade, len(acts)-1)
}
