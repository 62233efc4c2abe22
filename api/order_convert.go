package api

import (
	"cmp"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// mapSlice returns f of each element. It is never nil, so that JSON has a list and not null.
func mapSlice[In, Out any](in []In, f func(In) Out) []Out {
	out := make([]Out, 0, len(in))
	for _, v := range in {
		out = append(out, f(v))
	}
	return out
}

// newOrder returns the public form of an order.
func newOrder(o *approval.Order) Order {
	publish := func(a *approval.Approval) Approval { return publishApproval(o, a) }
	return Order{
		OrderID:            o.ID,
		Approvals:          mapSlice(o.Approvals, publish),
		UnmatchedDecisions: mapSlice(o.Unmatched, newUnmatchedDecision),
		History:            mapSlice(o.History, newEvent),
		ShedParts:          o.ShedParts,
	}
}

// publishApproval returns the public form of an approval of an order.
func publishApproval(o *approval.Order, a *approval.Approval) Approval {
	public := newApproval(a)
	if a.Status == approval.Pending {
		public.ShownDigest = o.ContentDigest(a)
	}
	return public
}

func newApproval(a *approval.Approval) Approval {
	return Approval{
		ApprovalID:        a.ID,
		Status:            a.Status,
		Workflow:          a.Workflow,
		Step:              a.Step,
		Target:            a.Target,
		StateName:         a.State,
		Execution:         a.Execution,
		Title:             a.Title,
		Details:           mapSlice(a.Details, newDetail),
		Requester:         a.Requester,
		Asker:             a.Asker,
		AskerMayDecide:    a.AskerMayDecide,
		Approvers:         mapSlice(a.Approvers, newApprover),
		Policy:            newPolicy(a.Policy),
		MinAssurance:      a.MinAssurance,
		Sources:           a.Sources,
		SourcesRequired:   a.SourcesRequired,
		Votes:             mapSlice(a.Votes, newVote),
		Choices:           mapSlice(a.Choices, newChoice),
		Form:              mapSlice(a.Form.Fields, newFormField),
		Edits:             a.Edits,
		Payload:           a.Payload,
		RequestDigest:     a.RequestDigest,
		OriginalDigest:    a.OriginalDigest,
		Round:             a.Round,
		PreviousRound:     newPreviousRound(a.Previous),
		Receipt:           a.Receipt,
		MaxRounds:         a.MaxRounds,
		Acts:              newActs(a.Acts),
		Questions:         newQuestions(a.Questions),
		RequestedAt:       a.RequestedAt.UTC(),
		StateEnteredAt:    a.StateEnteredAt.UTC(),
		AttemptStartedAt:  a.AttemptStartedAt.UTC(),
		RetryCount:        a.RetryCount,
		RedriveCount:      a.RedriveCount,
		Deadline:          a.Deadline.UTC(),
		TaskExpiresAt:     a.TaskExpires.UTC(),
		ClosedAt:          a.ClosedAt.UTC(),
		Reason:            a.Reason,
		SupersededBy:      a.SupersededBy,
		Notify:            newNotifyRules(a),
		Notifications:     mapSlice(a.Notifications, newNotification),
		FirstNotifiedAt:   a.FirstNotifiedAt.UTC(),
		Undeliverable:     a.Undeliverable,
		Dismissed:         a.Dismissed,
		Unanswered:        a.IsUnanswered(),
		Callback:          newCallback(a.Callback),
		HeartbeatInterval: Duration(a.HeartbeatInterval),
		HeartbeatTimeout:  Duration(a.HeartbeatTimeout),
		NextHeartbeatAt:   a.StoredHeartbeat().UTC(),
		RejectAsSuccess:   a.RejectAsSuccess,
		Output:            a.Output,
		Retention:         Duration(a.Retention),
		Traceparent:       a.Trace,
	}
}

func newApprover(p approval.Approver) Approver {
	return Approver{
		ID:               p.ID,
		SubstituteFor:    p.SubstituteFor,
		Escalated:        p.Escalated,
		Declined:         p.Declined,
		Channels:         p.Channels,
		FallbackChannels: p.FallbackChannels,
	}
}

func newPolicy(p approval.Policy) Policy {
	return Policy{Kind: p.Kind, Quorum: p.Quorum, Veto: !p.VetoDisabled}
}

func newVote(v approval.Vote) Vote {
	return Vote{
		DecisionID:  v.DecisionID,
		Outcome:     v.Outcome,
		DecidedBy:   v.By,
		Principal:   v.Principal,
		Claimed:     v.Claimed,
		ConfirmedBy: v.ConfirmedBy,
		Comment:     v.Comment,
		Via:         v.Via,
		Source:      v.Source,
		At:          v.At.UTC(),
		ShownDigest: v.ShownDigest,
		Choice:      v.Choice,
		Values:      v.Values,
		Changes:     mapSlice(v.Changes, newChange),
		Void:        v.Void,
	}
}

func newUnmatchedDecision(u approval.UnmatchedDecision) UnmatchedDecision {
	return UnmatchedDecision{
		DecisionID: u.Decision.ID,
		Outcome:    u.Decision.Outcome,
		DecidedBy:  u.Decision.By,
		Principal:  u.Decision.Principal,
		Claimed:    u.Decision.Claimed,
		Comment:    u.Decision.Comment,
		Via:        u.Decision.Via,
		Source:     u.Decision.Source,
		Workflows:  u.Decision.Workflows,
		Choice:     u.Decision.Choice,
		Values:     u.Decision.Values,
		Step:       u.Decision.Step,
		Execution:  u.Decision.Execution,
		ApprovalID: u.Decision.ApprovalID,
		SentAt:     u.Decision.SentAt.UTC(),
		At:         u.Decision.ReceivedAt.UTC(),
		ExpiresAt:  u.ExpiresAt.UTC(),
		Expired:    u.Expired,
	}
}

func newNotifyRules(a *approval.Approval) NotifyRules {
	return NotifyRules{
		Channels:         mapSlice(a.Channels, func(name string) string { return name }),
		FallbackChannels: a.FallbackChannels,
		GroupChannels:    a.GroupChannels,
		ProgramChannels:  a.ProgramChannels,
		Reminders:        mapSlice(a.Reminders, time.Time.UTC),
		RemindersSent:    a.RemindersSent,
		Escalations:      mapSlice(a.Escalations, newEscalation),
		EscalationsDone:  a.EscalationsDone,
		OnUndeliverable:  cmp.Or(UndeliverablePolicy(a.OnUndeliverable), UndeliverableWait),

		RequesterChannels:     a.RequesterChannels,
		RequesterWithdraws:    a.RequesterWithdraws,
		RequesterAnswers:      a.RequesterAnswers,
		RequesterSeesComments: a.RequesterComments,
		PassOnTo:              a.PassOnTo,
		DecidedUntold:         a.DecidedUntold,
	}
}

func newEscalation(e approval.Escalation) Escalation {
	return Escalation{At: e.At.UTC(), Approvers: mapSlice(e.Approvers, newApprover)}
}

func newNotification(n *approval.Notification) Notification {
	return Notification{
		NotificationID: n.ID,
		Kind:           n.Kind,
		Event:          n.Event,
		Channel:        n.Channel,
		Approver:       n.Approver,
		State:          newNotificationState(n.State),
		CreatedAt:      n.CreatedAt.UTC(),
		SentAt:         n.SentAt.UTC(),
		DueAt:          n.Due.UTC(),
		Attempts:       n.Attempts,
		AttemptRunning: n.AttemptRunning,
		LastError:      n.LastError,
	}
}

func newCallback(c approval.Callback) Callback {
	return Callback{
		State:          newCallbackState(c.State),
		PendingSince:   c.PendingSince.UTC(),
		DueAt:          c.Due.UTC(),
		Attempts:       c.Attempts,
		AttemptRunning: c.AttemptRunning,
		MaybeApplied:   c.MaybeApplied,
		LastError:      c.LastError,
		ReasonCode:     callbackReasonCode(c),
		EndedAt:        c.EndedAt.UTC(),
		Truth:          c.Reconciliation.Truth,
		Redrives:       c.Redrives,
	}
}

// callbackReasonCode returns the code of the last error, or "" if no attempt failed.
func callbackReasonCode(c approval.Callback) string {
	if c.LastError == "" {
		return ""
	}
	return string(c.ReasonCode())
}

func newEvent(e approval.Event) Event {
	return Event{
		At:         e.At.UTC(),
		Kind:       e.Kind,
		ApprovalID: e.Approval,
		Workflow:   e.Workflow,
		By:         e.By,
		Principal:  e.Principal,
		Claimed:    e.Claimed,
		From:       e.From,
		To:         e.To,
		Until:      e.Until.UTC(),
		Via:        e.Via,
		Source:     e.Source,
		Outcome:    e.Outcome,
		Code:       e.Code,
		Channel:    e.Channel,
		Target:     e.Target,
		Note:       e.Note,
		ReasonCode: string(e.ReasonCode),
		Attempt:    e.Attempt,
		Age:        Duration(e.Age),
		TimeLeft:   Duration(e.TimeLeft),
	}
}

// newCallbackState returns the public name of a state. The record has other names for the first two.
func newCallbackState(s approval.CallbackState) CallbackState {
	switch s {
	case approval.CallbackNone:
		return CallbackNone
	case approval.CallbackPending:
		return CallbackPending
	}
	return CallbackState(s)
}

// newNotificationState returns the public name of a state. The record has another name for pending.
func newNotificationState(s approval.NotificationState) NotificationState {
	if s == approval.NotificationPending {
		return NotificationPending
	}
	return NotificationState(s)
}
