package approval

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// sentMessage returns an approval of three whose message was sent and can be edited.
func sentMessage(t tb) (*Order, *Approval) {
	t.Helper()
	o, a, action := notifyingOrder(t, withApprovers("ann", "bob", "cid"), withPolicy(Policy{Kind: PolicyAll}), func(r *Request) {
		r.GroupChannels = []string{"mail"}
	})
	o.RecordNotificationResult(action, Result{Kind: ResultOK, Receipt: "C1/1.1"}, envAt(0))
	return o, a
}

// edits lists the notifications among the actions, by kind.
func edits(o *Order, actions []Action) []NotificationKind {
	var out []NotificationKind
	for _, action := range ofKind(ActionNotify, actions) {
		out = append(out, o.FindApproval(action.ApprovalID).findNotification(action.Notification).Kind)
	}
	return out
}

// Each vote updates the message; during an update, only the newest state is sent afterwards.
func TestVotesUpdateMessages(t *testing.T) {
	t.Parallel()
	o, a := sentMessage(t)
	first := requireVerdict(t, o, approveDecision("1"), envAt(time.Second), VerdictRecorded)
	require.Equal(t, []NotificationKind{NotifyUpdate}, edits(o, first))
	require.Empty(t, edits(o, requireVerdict(t, o, approveDecision("2", by("bob")), envAt(time.Second), VerdictRecorded)))
	second := o.RecordNotificationResult(ofKind(ActionNotify, first)[0], Result{Kind: ResultOK}, envAt(2*time.Second))
	second = append(second, o.Advance(envAt(2*time.Second))...)
	require.Equal(t, []NotificationKind{NotifyUpdate}, edits(o, second))
	require.Equal(t, "C1/1.1", a.Notifications[0].Receipt, "the message keeps its receipt")
}

// A press on an outdated message, and every act that the message shows, update it.
func TestOutdatedMessageIsUpdated(t *testing.T) {
	t.Parallel()
	o, a := sentMessage(t)
	stale := approveDecision("1", func(d *Decision) { d.ShownDigest = "older" })
	actions := requireVerdict(t, o, stale, envAt(time.Second), VerdictChanged)
	require.Equal(t, []NotificationKind{NotifyUpdate}, edits(o, actions))
	require.Empty(t, edits(o, requireVerdict(t, o, stale, envAt(time.Second), VerdictChanged)), "the update runs already")
	o.RecordNotificationResult(ofKind(ActionNotify, actions)[0], ok, envAt(2*time.Second))
	require.Len(t, a.Notifications, 2, "nothing has changed, so a single update shows it")
	require.Empty(t, a.Votes)

	o, a = sentMessage(t)
	v, actions, err := o.Decline(personAct("a1", "ann"), envAt(time.Second))
	requireAct(t, v, err, VerdictRecorded)
	require.Equal(t, []NotificationKind{NotifyUpdate}, edits(o, actions))
	require.Len(t, a.Notifications, 2)
}

// TestEditsInAnyOrder holds that a message ends with the newest state, in whatever order its edits are carried out: also if
// an update arrives after the outcome, or its result is lost.
func TestEditsInAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		o, a := sentMessage(t)
		type running struct {
			action Action
			state  string // when it was composed
		}
		var calls []running
		now, shown, voters := time.Second, "request", []string{"ann", "bob", "cid"}
		stateOf := func() string { return fmt.Sprintf("%s %d", a.Status, len(a.Votes)) }
		start := func(actions []Action) {
			for _, action := range ofKind(ActionNotify, actions) {
				calls = append(calls, running{action, stateOf()})
			}
		}
		end := func(i int, kind ResultKind) {
			call := calls[i]
			calls = append(calls[:i:i], calls[i+1:]...)
			if kind != ResultFailed || rapid.Bool().Draw(t, "applied all the same") {
				shown = call.state
			}
			start(o.RecordNotificationResult(call.action, Result{Kind: kind}, envAt(now)))
		}
		steps := rapid.IntRange(3, 20).Draw(t, "steps")
		for i := 0; i < steps || len(voters) > 0; i++ {
			now += 2 * time.Second
			switch {
			case len(calls) > 0 && rapid.Bool().Draw(t, "ends a call"):
				kind := rapid.SampledFrom([]ResultKind{ResultOK, ResultOK, ResultFailed}).Draw(t, "result")
				end(rapid.IntRange(0, len(calls)-1).Draw(t, "call"), kind)
			case len(voters) > 0:
				d := approveDecision(voters[0], by(voters[0]))
				voters = voters[1:]
				_, actions, err := o.Decide(d, testRetention, envAt(now))
				require.NoError(t, err)
				start(actions)
			}
			start(o.Advance(envAt(now)))
		}
		for range 100 {
			for len(calls) > 0 {
				end(len(calls)-1, ResultOK) // the oldest comes last
			}
			now += 10 * time.Second
			start(o.Advance(envAt(now)))
			if len(calls) == 0 {
				break
			}
		}
		require.Equal(t, stateOf(), shown)
	})
}
