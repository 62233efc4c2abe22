package handlers_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/notify"
)

// outside is a target and a channel with configurable results.
type outside struct {
	answers    []approval.Answer
	heartbeats []approval.Answer
	messages   []approval.Message
	end        func(context.Context) error // nil is nil
}

func (o *outside) Deliver(ctx context.Context, a approval.Answer) error {
	o.answers = append(o.answers, a)
	return o.ended(ctx)
}

func (o *outside) Heartbeat(ctx context.Context, a approval.Answer) error {
	o.heartbeats = append(o.heartbeats, a)
	return o.ended(ctx)
}

func (o *outside) Notify(ctx context.Context, m approval.Message) error {
	o.messages = append(o.messages, m)
	return o.ended(ctx)
}

func (o *outside) ended(ctx context.Context) error {
	if o.end == nil {
		return nil
	}
	return o.end(ctx)
}

func hangs(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

func (h *house) callbacks(o *outside) *handlers.Callback {
	return &handlers.Callback{Transitions: h.Transitions, Targets: map[string]callback.Target{"sfn": o}, Timeout: 10 * time.Second}
}

func (h *house) notifications(o *outside) *handlers.Notification {
	return &handlers.Notification{
		Transitions: h.Transitions,
		Channels:    map[string]handlers.Channel{"mail": {Sender: o, Audience: notify.AudienceApprover}},
		Timeout:     10 * time.Second,
		Links:       links{},
	}
}

func actionMsg(t *testing.T, a approval.Action) *message.Message {
	t.Helper()
	m := msg(t, "")
	m.SetContext(handlers.WithAction(m.Context(), a))
	return m
}

// approved returns a house in which order A-1 is approved and its callback is pending.
func approved(t *testing.T) (*house, approval.Action) {
	t.Helper()
	h := asked(t)
	require.NoError(t, h.decisions(approval.ViaAPI).Handle(msg(t, `{"orderId":"A-1","decision":"approve"}`)))
	acts := h.take(approval.ActionCallback)
	require.Len(t, acts, 1)
	return h, acts[0]
}

func TestCallback(t *testing.T) {
	t.Parallel()
	h, act := approved(t)
	o := &outside{}
	require.NoError(t, h.callbacks(o).Handle(actionMsg(t, act)))
	require.Len(t, o.answers, 1)
	require.Equal(t, token, o.answers[0].Token.Reveal())
	require.Equal(t, approval.Approved, o.answers[0].Status)
	require.Equal(t, approval.CallbackDelivered, h.approval(t, "A-1").Callback.State)

	require.NoError(t, h.callbacks(o).Handle(actionMsg(t, act)), "handed over again")
	require.Len(t, o.answers, 1, "it has ended")
}

// An attempt with an expired lease belongs to another process.
func TestAnAttemptThatIsNoLongerOursIsNotMade(t *testing.T) {
	t.Parallel()
	h, act := approved(t)
	h.now = act.LeaseExpires
	o := &outside{}
	require.NoError(t, h.callbacks(o).Handle(actionMsg(t, act)))
	require.Empty(t, o.answers)
}

// Every result of a call is recorded.
func TestHowCallbacksEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end   error
		state approval.CallbackState
		maybe bool
	}{
		"closed":      {approval.ErrClosed, approval.CallbackTooLate, false},
		"refused":     {approval.Permanent(errOdd), approval.CallbackExhausted, false},
		"not applied": {approval.NotApplied(errOdd), approval.CallbackPending, false},
		"unknown":     {errOdd, approval.CallbackPending, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, act := approved(t)
			o := &outside{end: func(context.Context) error { return c.end }}
			require.NoError(t, h.callbacks(o).Handle(actionMsg(t, act)))
			callback := h.approval(t, "A-1").Callback
			require.Equal(t, c.state, callback.State)
			require.Equal(t, c.maybe, callback.MaybeApplied)
			require.False(t, callback.AttemptRunning)
		})
	}
}

func TestATargetThatIsNotConfiguredIsToldByName(t *testing.T) {
	t.Parallel()
	h, act := approved(t)
	none := h.callbacks(&outside{})
	none.Targets = nil
	require.NoError(t, none.Handle(actionMsg(t, act)))
	callback := h.approval(t, "A-1").Callback
	require.Equal(t, approval.CallbackPending, callback.State, "an operator may configure it")
	require.False(t, callback.MaybeApplied)
	require.Contains(t, callback.LastError, `target "sfn" is not configured`)
}

// A call to a target that never answers ends at its time limit or at the end of its lease, whichever is earlier. The
// result is recorded, although the message's context has ended.
func TestACallThatHangs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ limit, want time.Duration }{
		"the time limit": {10 * time.Second, 10 * time.Second},
		"the lease":      {time.Hour, 59 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h, act := approved(t)
				h.now = began.Add(time.Second)
				o := &outside{end: hangs}
				handler := h.callbacks(o)
				handler.Timeout = c.limit
				m := actionMsg(t, act)
				ctx, cancel := context.WithCancel(m.Context())
				cancel()
				m.SetContext(ctx)
				start := time.Now()
				require.NoError(t, handler.Handle(m))
				require.Equal(t, c.want, time.Since(start))
				callback := h.approval(t, "A-1").Callback
				require.True(t, callback.MaybeApplied)
				require.False(t, callback.AttemptRunning)
			})
		})
	}
}

func TestTheEndOfACallThatCannotBeStored(t *testing.T) {
	t.Parallel()
	h, act := approved(t)
	o := &outside{end: func(context.Context) error { h.failing = errOdd; return nil }}
	require.ErrorIs(t, h.callbacks(o).Handle(actionMsg(t, act)), errOdd)
	require.True(t, h.approval(t, "A-1").Callback.AttemptRunning, "its lease ends by itself")
}

func withHeartbeats(w *handlers.Workflow) {
	w.HeartbeatInterval = time.Minute
	w.HeartbeatTargets = []string{"sfn"}
}

// A target without heartbeats costs no heartbeat, and its older attempts cannot be probed.
func TestOnlyTargetsWithHeartbeatsGetThem(t *testing.T) {
	t.Parallel()
	for name, targets := range map[string][]string{"sfn has heartbeats": {"sfn"}, "another target has": {"lambda"}} {
		h := asked(t, func(w *handlers.Workflow) {
			withHeartbeats(w)
			w.HeartbeatTargets = targets
		})
		has := targets[0] == "sfn"
		a := h.approval(t, "A-1")
		require.Equal(t, has, a.CanProbe, name)
		require.Equal(t, has, a.HeartbeatInterval > 0, name)
		require.Equal(t, has, !a.HeartbeatDue.IsZero(), name)
	}
}

// A heartbeat counts as taken only if the target has taken it: not if it was refused or held back, nor if the target has
// none any more.
func TestHeartbeatThatWasNotTaken(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(h *handlers.Callback, o *outside){
		"failed": func(_ *handlers.Callback, o *outside) {
			o.end = func(context.Context) error { return errors.New("reset") }
		},
		"held back": func(_ *handlers.Callback, o *outside) {
			o.end = func(context.Context) error { return approval.NotMade(errors.New("the breaker is open")) }
		},
		"a target without heartbeats": func(h *handlers.Callback, o *outside) {
			h.Targets["sfn"] = struct{ callback.Target }{o}
		},
		"behind a breaker, without heartbeats": func(h *handlers.Callback, o *outside) {
			h.Targets["sfn"] = callback.NewBreaker(struct{ callback.Target }{o}, callback.BreakerConfig{})
		},
	} {
		h := asked(t, withHeartbeats)
		h.now = began.Add(time.Minute)
		h.advance(t)
		o := &outside{}
		handler := h.callbacks(o)
		change(handler, o)
		require.NoError(t, handler.Handle(actionMsg(t, h.take(approval.ActionHeartbeat)[0])), name)
		h.now = began.Add(2 * time.Minute)
		h.advance(t)
		require.Equal(t, began, h.approval(t, "A-1").HeartbeatTaken.UTC(), name)
	}
}

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	h := asked(t, withHeartbeats)
	h.now = began.Add(time.Minute)
	h.advance(t)
	beats := h.take(approval.ActionHeartbeat)
	require.Len(t, beats, 1)
	o := &outside{}
	updates := h.updates
	h.events = nil
	require.NoError(t, h.callbacks(o).Handle(actionMsg(t, beats[0])))
	require.Equal(t, updates, h.updates, "an accepted heartbeat changes nothing, so nothing is stored")
	require.Len(t, h.events, 1, "the metrics count it")
	require.Equal(t, approval.EventHeartbeat, h.events[0].Kind)
	require.Len(t, o.heartbeats, 1)
	require.Empty(t, o.answers)
	require.Equal(t, began, h.approval(t, "A-1").HeartbeatTaken.UTC(), "the start of the task")

	h.now = began.Add(2 * time.Minute)
	h.advance(t)
	require.Equal(t, began.Add(time.Minute), h.approval(t, "A-1").HeartbeatTaken.UTC(), "the next one stores it")
	beats = h.take(approval.ActionHeartbeat)
	require.Equal(t, approval.Pending, h.approval(t, "A-1").Status)

	o.end = func(context.Context) error { return approval.ErrClosed }
	require.NoError(t, h.callbacks(o).Handle(actionMsg(t, beats[0])))
	require.Equal(t, approval.Cancelled, h.approval(t, "A-1").Status, "nobody waits any more")
}

func TestNotification(t *testing.T) {
	t.Parallel()
	h := newHouse()
	mail := func(w *handlers.Workflow) { w.Channels, w.Approvers = []string{"mail"}, []string{"ann"} }
	require.NoError(t, h.requests(mail).Handle(msg(t, `{"orderId":"A-1","taskToken":"`+token+`","title":"Desks"}`)))
	act := h.take(approval.ActionNotify)[0]
	o := &outside{}
	require.NoError(t, h.notifications(o).Handle(actionMsg(t, act)))
	require.Len(t, o.messages, 1)
	require.Equal(t, "link for ann", o.messages[0].Link.Reveal())
	require.Equal(t, []string{"A-1", "ann", "Desks"}, []string{o.messages[0].OrderID, o.messages[0].Approver, o.messages[0].Title})
	require.Equal(t, approval.NotificationSent, h.approval(t, "A-1").Notifications[0].State)

	require.NoError(t, h.notifications(o).Handle(actionMsg(t, act)), "handed over again")
	require.Len(t, o.messages, 1)
}

// TestLinkForAudience holds that the present audience of a channel decides about the link: the notification was queued
// for ann alone, and a reload gave the channel other readers before it was sent.
func TestLinkForAudience(t *testing.T) {
	t.Parallel()
	for audience, want := range map[notify.Audience]struct{ link, approver string }{
		notify.AudienceApprover: {"link for ann", "ann"},
		notify.AudienceGroup:    {"link for ", ""},
		notify.AudiencePrograms: {"", "ann"},
		notify.AudienceUnknown:  {"", "ann"},
	} {
		t.Run(audience.String(), func(t *testing.T) {
			t.Parallel()
			h := newHouse()
			mail := func(w *handlers.Workflow) { w.Channels, w.Approvers = []string{"mail"}, []string{"ann"} }
			require.NoError(t, h.requests(mail).Handle(msg(t, `{"orderId":"A-1","taskToken":"`+token+`"}`)))
			o := &outside{}
			notifications := h.notifications(o)
			notifications.Channels["mail"] = handlers.Channel{Sender: o, Audience: audience}
			require.NoError(t, notifications.Handle(actionMsg(t, h.take(approval.ActionNotify)[0])))
			require.Len(t, o.messages, 1)
			require.Equal(t, want.link, o.messages[0].Link.Reveal())
			require.Equal(t, want.approver, o.messages[0].Approver)
			require.Equal(t, want.link != "", o.messages[0].Button.Reveal() != "")
		})
	}
}

func TestNotificationsThatFail(t *testing.T) {
	t.Parallel()
	mail := func(w *handlers.Workflow) { w.Channels = []string{"mail"} }
	h := newHouse()
	require.NoError(t, h.requests(mail).Handle(msg(t, `{"orderId":"A-1","taskToken":"x"}`)))
	act := h.take(approval.ActionNotify)[0]
	none := h.notifications(&outside{})
	none.Channels = nil
	require.NoError(t, none.Handle(actionMsg(t, act)))
	n := h.approval(t, "A-1").Notifications[0]
	require.Equal(t, approval.NotificationPending, n.State)
	require.Contains(t, n.LastError, `channel "mail" is not configured`)

	// After the approval has closed, its notification is not sent.
	h = newHouse()
	require.NoError(t, h.requests(mail).Handle(msg(t, `{"orderId":"A-1","taskToken":"x"}`)))
	act = h.take(approval.ActionNotify)[0]
	require.NoError(t, h.decisions(approval.ViaAPI).Handle(msg(t, `{"orderId":"A-1","decision":"approve"}`)))
	o := &outside{}
	require.NoError(t, h.notifications(o).Handle(actionMsg(t, act)))
	require.Empty(t, o.messages)

	synctest.Test(t, func(t *testing.T) {
		h := newHouse()
		require.NoError(t, h.requests(mail).Handle(msg(t, `{"orderId":"A-1","taskToken":"x"}`)))
		act := h.take(approval.ActionNotify)[0]
		start := time.Now()
		require.NoError(t, h.notifications(&outside{end: hangs}).Handle(actionMsg(t, act)))
		require.Equal(t, 10*time.Second, time.Since(start))
		require.Contains(t, h.approval(t, "A-1").Notifications[0].LastError, "deadline exceeded")
	})
}

func TestWhatIsNoAction(t *testing.T) {
	t.Parallel()
	h := newHouse()
	for name, m := range map[string]*message.Message{
		"no action":            msg(t, `{"order_id":"A-1"}`),
		"an action of nothing": actionMsg(t, approval.Action{}),
	} {
		require.True(t, approval.IsPermanent(h.callbacks(nil).Handle(m)), name)
		require.True(t, approval.IsPermanent(h.notifications(nil).Handle(m)), name)
	}
	nobody := actionMsg(t, approval.Action{OrderID: "nobody"})
	require.ErrorIs(t, h.callbacks(nil).Handle(nobody), approval.ErrNotFound)
	require.ErrorIs(t, h.notifications(nil).Handle(nobody), approval.ErrNotFound)
}

// links makes texts in the place of links.
type links struct{}

func (links) URL(c approval.Capability) string         { return "link for " + c.Approver }
func (links) StatusURL(c approval.Capability) string   { return "status for " + c.Approver }
func (links) ButtonToken(c approval.Capability) string { return "button for " + c.ApprovalID }

// Operators learn where the order of a proposal is. Its console asks them to sign in, and programs learn nothing more.
func TestEventOfAProposal(t *testing.T) {
	t.Parallel()
	h := newHouse()
	bus := func(w *handlers.Workflow) { w.ProgramChannels = []string{"mail"} }
	require.NoError(t, h.requests(bus).Handle(msg(t, `{"orderId":"A-1","taskToken":"`+token+`","title":"Desks"}`)))
	for _, event := range []string{approval.ProgramEventRequested, approval.ProgramEventProposed} {
		require.NoError(t, h.Run(t.Context(), "A-1", func(o *approval.Order, env approval.Environment) ([]approval.Action, error) {
			if event == approval.ProgramEventRequested {
				return nil, nil
			}
			env.NeedsSecond = func(string) bool { return true }
			env.ProposalChannels = []string{"mail"}
			_, actions, err := o.Decide(approval.Decision{
				ID: "p-1", Outcome: approval.Approve, By: "ada", Principal: "operator:ada", Via: approval.ViaOperator, Comment: "x",
			}, approval.UnmatchedRetention{}, env)
			return actions, err
		}))
		o := &outside{}
		handler := h.notifications(o)
		handler.ConsoleURL = func(orderID string) string { return "https://ops.example.com/console/order?id=" + orderID }
		require.NoError(t, handler.Handle(actionMsg(t, h.take(approval.ActionNotify)[0])))
		require.Len(t, o.messages, 1)
		require.Equal(t, event, o.messages[0].Event)
		require.True(t, o.messages[0].Link.IsZero())
		require.True(t, o.messages[0].Button.IsZero())
		require.Equal(t, event == approval.ProgramEventProposed, o.messages[0].Console != "", event)
	}
}
