package handlers_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/notify"
)

// The end of an attempt is stored without a sync of its own, whatever the end. All else is synced.
func TestEndsOfAttemptsAreUnsynced(t *testing.T) {
	t.Parallel()
	notMade := func(context.Context) error { return approval.NotMade(approval.NotApplied(errors.New("no room"))) }
	failure := func(context.Context) error { return errors.New("no route") }
	for name, end := range map[string]func(context.Context) error{"ok": nil, "failed": failure, "not made": notMade} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, action := approved(t)
			require.NotEmpty(t, h.stored)
			require.NotContains(t, h.stored, "unsynced", "a request, a decision, and the beginning of an attempt")
			h.stored = nil
			require.NoError(t, h.callbacks(&outside{end: end}).Handle(actionMsg(t, action)))
			require.Equal(t, []string{"unsynced"}, h.stored)
			require.False(t, h.approval(t, "A-1").Callback.AttemptRunning)
		})
	}
}

// editable is a channel whose messages can be edited. The function runs while a message is being posted.
type editable struct {
	*outside

	post func() error
}

func (e editable) Post(context.Context, approval.Message) (string, error) { return "receipt", e.post() }

func (editable) Edit(context.Context, string, approval.Message) error { return nil }

// The end of an attempt that begins another action is synced before that action is dispatched: what the action does may
// survive a loss of power, so its beginning must.
func TestAnEndThatBeginsAnActionIsSynced(t *testing.T) {
	t.Parallel()
	h, action := approved(t)
	h.stored = nil
	// A refused callback begins a reconciliation or a message at once.
	refusal := func(context.Context) error { return approval.Permanent(errors.New("no such task")) }
	require.NoError(t, h.callbacks(&outside{end: refusal}).Handle(actionMsg(t, action)))
	require.NotEmpty(t, h.actions, "the truth is found out")
	require.Equal(t, []string{"synced"}, h.stored)

	for _, twice := range []bool{false, true} {
		h := newHouse()
		require.NoError(t, h.requests(func(w *handlers.Workflow) { w.Channels = []string{"mail"} }).
			Handle(msg(t, `{"orderId":"A-1","taskToken":"`+token+`"}`)))
		actions := h.take(approval.ActionNotify)
		require.NotEmpty(t, actions)
		// The approval closes while its message is being posted, so that the message is edited at once.
		channel := editable{&outside{}, func() error {
			return h.decisions(approval.ViaAPI).Handle(msg(t, `{"orderId":"A-1","decision":"approve"}`))
		}}
		h.now = h.now.Add(time.Second)
		h.stored, h.twice = nil, twice
		n := h.notifications(&outside{})
		n.Channels["mail"] = handlers.Channel{Sender: channel, Audience: notify.AudienceApprover}
		require.NoError(t, n.Handle(actionMsg(t, actions[0])))
		require.NotEmpty(t, h.take(approval.ActionNotify), "the edit")
		require.Equal(t, []string{"synced", "synced"}, h.stored, "the decision, and the end that begins the edit")
	}
}
