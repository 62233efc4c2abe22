package advice

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

var now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// adviceCases has an approval in each state that an operator can meet, with the beginning of the advice.
func adviceCases() map[string]struct {
	approval approval.Approval
	want     string
} {
	closed := func(status approval.Status, state approval.CallbackState) approval.Approval {
		return approval.Approval{Status: status, Callback: approval.Callback{State: state}}
	}
	reconciling := func(state approval.CallbackState, r approval.Reconciliation) approval.Approval {
		a := closed(approval.Approved, state)
		a.Callback.Reconciliation = r
		return a
	}
	pending := func(change func(*approval.Approval)) approval.Approval {
		a := approval.Approval{
			Status:          approval.Pending,
			FirstNotifiedAt: now,
			Notifications:   []*approval.Notification{{State: approval.NotificationSent}},
		}
		a.Deadline = now.Add(time.Hour)
		a.Approvers = []approval.Approver{{ID: "ann@example.com"}}
		change(&a)
		return a
	}
	exhausted := func(change func(*approval.Approval)) approval.Approval {
		a := closed(approval.Approved, approval.CallbackExhausted)
		change(&a)
		return a
	}
	return map[string]struct {
		approval approval.Approval
		want     string
	}{
		"told":   {pending(func(*approval.Approval) {}), "Waiting for the approvers. Nothing to do"},
		"anyone": {pending(func(a *approval.Approval) { a.Approvers = nil }), "Waiting for a decision by anybody"},
		"late":   {pending(func(a *approval.Approval) { a.Deadline = now }), "The deadline has passed."},
		"proposed": {pending(func(a *approval.Approval) {
			a.Acts = []approval.RecordedAct{{Proposal: &approval.Proposal{ExpiresAt: now.Add(time.Hour)}}}
		}), "Waiting for a second operator"},
		"proposal that expired": {pending(func(a *approval.Approval) {
			a.Acts = []approval.RecordedAct{{Proposal: &approval.Proposal{ExpiresAt: now}}}
		}), "Waiting for the approvers."},
		"untold": {pending(func(a *approval.Approval) {
			a.Notifications[0].State = approval.NotificationPending
			a.Notifications[0].LastError = "421"
		}), "Nobody has been notified yet"},
		"undeliverable": {pending(func(a *approval.Approval) { a.Undeliverable = true }), "Nobody knows of this request. Tell an approver"},
		"undeliverable, dismissed": {pending(func(a *approval.Approval) {
			a.Undeliverable = true
			a.Dismissed = approval.AttentionUndeliverable
		}), "No notification was delivered, and an operator has dismissed that"},
		"owed": {closed(approval.Approved, approval.CallbackPending), "Closed. The callback to the workflow is under way."},
		"owed and failing": {
			approval.Approval{Status: approval.Rejected, Callback: approval.Callback{State: approval.CallbackPending, LastError: "x"}},
			"Closed, but the workflow does not have its answer yet.",
		},
		"delivered":  {closed(approval.Approved, approval.CallbackDelivered), "Nothing to do: the workflow has its answer."},
		"presumed":   {closed(approval.Approved, approval.CallbackPresumed), "Nothing to do. The reply to an attempt was lost"},
		"superseded": {closed(approval.Superseded, approval.CallbackSuperseded), "Nothing to do: a newer attempt"},
		"unknown":    {closed(approval.Approved, approval.CallbackUnknown), "The workflow no longer waits, and nobody can tell"},
		"too late":   {closed(approval.Rejected, approval.CallbackTooLate), "The workflow did not wait for this answer"},
		"timed out, too late": {
			closed(approval.TimedOut, approval.CallbackTooLate), "The workflow did not wait for this answer",
		},
		"cancelled, too late": {closed(approval.Cancelled, approval.CallbackTooLate), "Nothing to do: the workflow had ended by itself"},
		"cancelled, unknown":  {closed(approval.Cancelled, approval.CallbackUnknown), "Nothing to do: the workflow had ended by itself"},
		"unknown, asked":      {reconciling(approval.CallbackUnknown, approval.Reconciliation{Due: now}), "The workflow no longer waits. Whether"},
		"unknown, not found": {
			reconciling(approval.CallbackUnknown, approval.Reconciliation{Truth: approval.TruthNotFound}),
			"The workflow no longer waits, and nobody can tell",
		},
		"reconciled, answered": {
			reconciling(approval.CallbackDelivered, approval.Reconciliation{Truth: approval.TruthAnswered}),
			"Nothing to do: the reply to an attempt was lost, but",
		},
		"reconciled, another": {
			reconciling(approval.CallbackTooLate, approval.Reconciliation{Truth: approval.TruthAnother}),
			"The workflow went on with an answer that is not this one",
		},
		"reconciled, timed out": {
			reconciling(approval.CallbackTooLate, approval.Reconciliation{Truth: approval.TruthTimedOut}),
			"The workflow did not get this answer: its task had ended by its own time limit",
		},
		"reconciled, ended": {
			reconciling(approval.CallbackTooLate, approval.Reconciliation{Truth: approval.TruthEnded}),
			"The workflow did not get this answer: it had ended before",
		},
		"unanswered, dismissed": {
			approval.Approval{
				Status:    approval.Approved,
				Dismissed: approval.AttentionAnswer,
				Callback:  approval.Callback{State: approval.CallbackUnknown},
			},
			"Nothing to do: an operator has dismissed this.",
		},
		"exhausted": {exhausted(func(a *approval.Approval) { a.TaskExpires = now.Add(time.Hour) }), "The workflow still waits for its answer."},
		"exhausted, no limit": {
			exhausted(func(*approval.Approval) {}), "The workflow never got its answer, and may still wait.",
		},
		"exhausted, expired": {
			exhausted(func(a *approval.Approval) { a.TaskExpires = now.Add(-time.Hour) }),
			"The workflow never got its answer, and has stopped waiting.",
		},
		"exhausted for good": {
			exhausted(func(a *approval.Approval) { a.Callback.LastReasonCode = approval.ReasonInvalidToken }),
			"The workflow never got its answer, and a redrive cannot mend it",
		},
		"exhausted, dismissed": {
			exhausted(func(a *approval.Approval) { a.Dismissed = approval.AttentionAnswer }),
			"Nothing to do: an operator has dismissed this.",
		},
	}
}

// TestAdvice holds that the page of an order says what to do now in every state.
func TestAdvice(t *testing.T) {
	t.Parallel()
	for name, c := range adviceCases() {
		require.True(t, strings.HasPrefix(ForState(&c.approval, now), c.want), "%s: %s", name, ForState(&c.approval, now))
	}
}

// TestAdviceWhileReadOnly holds that the advice fits a store that is read-only for some minutes, and one for ever.
func TestAdviceWhileReadOnly(t *testing.T) {
	t.Parallel()
	for name, c := range adviceCases() {
		a := c.approval
		text := For(&a, now, &store.Control{Mode: store.ControlReadOnly})
		isWaiting := a.Status == approval.Pending || a.Callback.State == approval.CallbackPending
		require.Equal(t, isWaiting, strings.HasPrefix(text, "The store is read-only. Nobody can decide"), name)
		require.Equal(t, !isWaiting, strings.HasPrefix(text, c.want), name)
		require.Contains(t, text, "read-only", name)
		text = For(&a, now, &store.Control{Mode: store.ControlMoved})
		require.Contains(t, text, "in the new store", name)
		require.NotContains(t, text, "resumed", name)
	}
}

// TestAdviceInEveryState holds that each state of a callback has an advice of its own, also while the workflow is held.
func TestAdviceInEveryState(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, state := range append(approval.AllCallbackOutcomes(), approval.CallbackPending) {
		a := approval.Approval{Status: approval.Approved, Callback: approval.Callback{State: state}}
		text := ForState(&a, now)
		require.NotEmpty(t, text, state)
		require.False(t, seen[text], "%s has the advice of another state: %s", state, text)
		seen[text] = true
		require.NotEmpty(t, adviseHeld(&a, now, store.Control{Mode: store.ControlPause, By: "ada"}), state)
	}
}
