package record

import (
	"encoding/json"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/language"
)

var callbackLayout = &layout[approval.Callback]{name: "Callback", fields: []field[approval.Callback]{
	text(1, "state", func(c *approval.Callback) *approval.CallbackState { return &c.State }),
	moment(2, "owed_at", func(c *approval.Callback) *time.Time { return &c.PendingSince }),
	moment(3, "due", func(c *approval.Callback) *time.Time { return &c.Due }),
	count(4, "attempt", func(c *approval.Callback) *int { return &c.Attempts }),
	count(5, "before", func(c *approval.Callback) *int { return &c.AttemptsBeforeRedrive }),
	truth(6, "running", func(c *approval.Callback) *bool { return &c.AttemptRunning }),
	truth(7, "maybe_applied", func(c *approval.Callback) *bool { return &c.MaybeApplied }),
	moment(8, "maybe_applied_at", func(c *approval.Callback) *time.Time { return &c.MaybeAppliedAt }),
	text(9, "last_error", func(c *approval.Callback) *string { return &c.LastError }),
	text(10, "last_reason_code", func(c *approval.Callback) *approval.ReasonCode { return &c.LastReasonCode }),
	moment(11, "held_since", func(c *approval.Callback) *time.Time { return &c.HeldSince }),
	moment(12, "refused_since", func(c *approval.Callback) *time.Time { return &c.RefusedSince }),
	one(13, "pause", pauseLayout, func(c *approval.Callback) *approval.Pause { return &c.Pause }),
	moment(14, "ended_at", func(c *approval.Callback) *time.Time { return &c.EndedAt }),
	one(15, "reconcile", reconciliationLayout, func(c *approval.Callback) *approval.Reconciliation { return &c.Reconciliation }),
	count(16, "redrives", func(c *approval.Callback) *int { return &c.Redrives }),
}}

var pauseLayout = &layout[approval.Pause]{name: "Pause", fields: []field[approval.Pause]{
	moment(1, "since", func(p *approval.Pause) *time.Time { return &p.Since }),
	span(2, "total", func(p *approval.Pause) *time.Duration { return &p.Total }),
	truth(3, "resumed", func(p *approval.Pause) *bool { return &p.Resumed }),
}}

var reconciliationLayout = &layout[approval.Reconciliation]{name: "Reconciliation", fields: []field[approval.Reconciliation]{
	moment(1, "due", func(r *approval.Reconciliation) *time.Time { return &r.Due }),
	count(2, "attempts", func(r *approval.Reconciliation) *int { return &r.Attempts }),
	truth(3, "running", func(r *approval.Reconciliation) *bool { return &r.Running }),
	text(4, "truth", func(r *approval.Reconciliation) *approval.Truth { return &r.Truth }),
	moment(5, "at", func(r *approval.Reconciliation) *time.Time { return &r.At }),
}}

var probeLayout = &layout[approval.Probe]{name: "Probe", fields: []field[approval.Probe]{
	text(1, "newer", func(p *approval.Probe) *string { return &p.Newer }),
	truth(2, "holding", func(p *approval.Probe) *bool { return &p.Holding }),
	moment(3, "since", func(p *approval.Probe) *time.Time { return &p.Since }),
	moment(4, "due", func(p *approval.Probe) *time.Time { return &p.Due }),
	moment(5, "started_at", func(p *approval.Probe) *time.Time { return &p.StartedAt }),
	truth(6, "running", func(p *approval.Probe) *bool { return &p.Running }),
	truth(7, "repeat", func(p *approval.Probe) *bool { return &p.Repeat }),
	count(8, "failures", func(p *approval.Probe) *int { return &p.Failures }),
	count(9, "attempts", func(p *approval.Probe) *int { return &p.Attempts }),
	count(10, "answers", func(p *approval.Probe) *int { return &p.Answers }),
}}

var notificationLayout = &layout[approval.Notification]{name: "Notification", fields: []field[approval.Notification]{
	text(1, "id", func(n *approval.Notification) *string { return &n.ID }),
	text(2, "kind", func(n *approval.Notification) *approval.NotificationKind { return &n.Kind }),
	text(3, "event", func(n *approval.Notification) *string { return &n.Event }),
	text(4, "channel", func(n *approval.Notification) *string { return &n.Channel }),
	text(5, "approver", func(n *approval.Notification) *string { return &n.Approver }),
	text(6, "state", func(n *approval.Notification) *approval.NotificationState { return &n.State }),
	count(7, "round", func(n *approval.Notification) *int { return &n.Round }),
	count(8, "fallback", func(n *approval.Notification) *int { return &n.NextFallback }),
	text(9, "receipt", func(n *approval.Notification) *string { return &n.Receipt }),
	truth(10, "outdated", func(n *approval.Notification) *bool { return &n.Outdated }),
	moment(11, "owed_at", func(n *approval.Notification) *time.Time { return &n.CreatedAt }),
	moment(12, "due", func(n *approval.Notification) *time.Time { return &n.Due }),
	count(13, "attempt", func(n *approval.Notification) *int { return &n.Attempts }),
	truth(14, "running", func(n *approval.Notification) *bool { return &n.AttemptRunning }),
	moment(15, "held_since", func(n *approval.Notification) *time.Time { return &n.HeldSince }),
	one(16, "pause", pauseLayout, func(n *approval.Notification) *approval.Pause { return &n.Pause }),
	moment(17, "sent_at", func(n *approval.Notification) *time.Time { return &n.SentAt }),
	text(18, "last_error", func(n *approval.Notification) *string { return &n.LastError }),
}}

var voteLayout = &layout[approval.Vote]{name: "Vote", fields: []field[approval.Vote]{
	text(1, "decision_id", func(v *approval.Vote) *string { return &v.DecisionID }),
	text(2, "outcome", func(v *approval.Vote) *approval.Outcome { return &v.Outcome }),
	text(3, "choice", func(v *approval.Vote) *string { return &v.Choice }),
	rawJSON(4, "values", func(v *approval.Vote) *json.RawMessage { return &v.Values }),
	list(5, "changes", changeLayout, func(v *approval.Vote) *[]approval.Change { return &v.Changes }),
	truth(6, "void", func(v *approval.Vote) *bool { return &v.Void }),
	text(7, "by", func(v *approval.Vote) *string { return &v.By }),
	text(8, "principal", func(v *approval.Vote) *string { return &v.Principal }),
	text(9, "claimed", func(v *approval.Vote) *string { return &v.Claimed }),
	text(10, "comment", func(v *approval.Vote) *string { return &v.Comment }),
	text(11, "comment_digest", func(v *approval.Vote) *string { return &v.CommentDigest }),
	text(12, "via", func(v *approval.Vote) *approval.Via { return &v.Via }),
	text(13, "source", func(v *approval.Vote) *string { return &v.Source }),
	moment(14, "at", func(v *approval.Vote) *time.Time { return &v.At }),
	text(15, "shown", func(v *approval.Vote) *string { return &v.ShownDigest }),
	text(16, "confirmed_by", func(v *approval.Vote) *string { return &v.ConfirmedBy }),
}}

var changeLayout = &layout[approval.Change]{name: "Change", fields: []field[approval.Change]{
	text(1, "field", func(c *approval.Change) *string { return &c.Field }),
	text(2, "path", func(c *approval.Change) *string { return &c.Path }),
	rawJSON(3, "from", func(c *approval.Change) *json.RawMessage { return &c.From }),
	rawJSON(4, "to", func(c *approval.Change) *json.RawMessage { return &c.To }),
	text(5, "by", func(c *approval.Change) *string { return &c.By }),
	moment(6, "at", func(c *approval.Change) *time.Time { return &c.At }),
}}

var actLayout = &layout[approval.RecordedAct]{name: "RecordedAct", fields: []field[approval.RecordedAct]{
	text(1, "id", func(r *approval.RecordedAct) *string { return &r.ID }),
	text(2, "kind", func(r *approval.RecordedAct) *approval.ActKind { return &r.Kind }),
	moment(3, "at", func(r *approval.RecordedAct) *time.Time { return &r.At }),
	text(4, "by", func(r *approval.RecordedAct) *string { return &r.By }),
	text(5, "from", func(r *approval.RecordedAct) *string { return &r.From }),
	texts(6, "to", func(r *approval.RecordedAct) *[]string { return &r.To }),
	text(7, "reason", func(r *approval.RecordedAct) *string { return &r.Reason }),
	moment(8, "deadline", func(r *approval.RecordedAct) *time.Time { return &r.Deadline }),
	optional(9, "proposal", proposalLayout, func(r *approval.RecordedAct) **approval.Proposal { return &r.Proposal }),
}}

var proposalLayout = &layout[approval.Proposal]{name: "Proposal", fields: []field[approval.Proposal]{
	text(1, "kind", func(p *approval.Proposal) *approval.ActKind { return &p.Kind }),
	text(2, "principal", func(p *approval.Proposal) *string { return &p.Principal }),
	text(3, "claimed", func(p *approval.Proposal) *string { return &p.Claimed }),
	moment(4, "expires_at", func(p *approval.Proposal) *time.Time { return &p.ExpiresAt }),
	text(5, "outcome", func(p *approval.Proposal) *approval.Outcome { return &p.Outcome }),
	text(6, "choice", func(p *approval.Proposal) *string { return &p.Choice }),
	rawJSON(7, "values", func(p *approval.Proposal) *json.RawMessage { return &p.Values }),
	text(8, "shown_digest", func(p *approval.Proposal) *string { return &p.ShownDigest }),
	text(9, "from", func(p *approval.Proposal) *string { return &p.From }),
	texts(10, "to", func(p *approval.Proposal) *[]string { return &p.To }),
	moment(11, "until", func(p *approval.Proposal) *time.Time { return &p.Until }),
	text(12, "confirmed_by", func(p *approval.Proposal) *string { return &p.ConfirmedBy }),
	moment(13, "confirmed_at", func(p *approval.Proposal) *time.Time { return &p.ConfirmedAt }),
}}

var questionLayout = &layout[approval.Question]{name: "Question", fields: []field[approval.Question]{
	text(1, "id", func(q *approval.Question) *string { return &q.ID }),
	text(2, "by", func(q *approval.Question) *string { return &q.By }),
	text(3, "text", func(q *approval.Question) *string { return &q.Text }),
	moment(4, "at", func(q *approval.Question) *time.Time { return &q.At }),
	text(5, "answer", func(q *approval.Question) *string { return &q.Answer }),
	moment(6, "answered_at", func(q *approval.Question) *time.Time { return &q.AnsweredAt }),
}}

var previousLayout = &layout[approval.PreviousRound]{name: "PreviousRound", fields: []field[approval.PreviousRound]{
	text(1, "approval_id", func(p *approval.PreviousRound) *string { return &p.ApprovalID }),
	moment(2, "returned_at", func(p *approval.PreviousRound) *time.Time { return &p.ReturnedAt }),
	list(3, "votes", previousVoteLayout, func(p *approval.PreviousRound) *[]approval.PreviousVote { return &p.Votes }),
	list(4, "differences", differenceLayout, func(p *approval.PreviousRound) *[]approval.Difference { return &p.Differences }),
	count(5, "more_differences", func(p *approval.PreviousRound) *int { return &p.MoreDifferences }),
}}

var previousVoteLayout = &layout[approval.PreviousVote]{name: "PreviousVote", fields: []field[approval.PreviousVote]{
	text(1, "by", func(v *approval.PreviousVote) *string { return &v.By }),
	text(2, "outcome", func(v *approval.PreviousVote) *approval.Outcome { return &v.Outcome }),
	text(3, "choice", func(v *approval.PreviousVote) *string { return &v.Choice }),
	textMap(4, "label", func(v *approval.PreviousVote) *language.Text { return &v.Label }),
	text(5, "comment", func(v *approval.PreviousVote) *string { return &v.Comment }),
	moment(6, "at", func(v *approval.PreviousVote) *time.Time { return &v.At }),
	truth(7, "void", func(v *approval.PreviousVote) *bool { return &v.Void }),
}}

var differenceLayout = &layout[approval.Difference]{name: "Difference", fields: []field[approval.Difference]{
	text(1, "name", func(d *approval.Difference) *string { return &d.Name }),
	text(2, "before", func(d *approval.Difference) *string { return &d.Before }),
	text(3, "after", func(d *approval.Difference) *string { return &d.After }),
}}
