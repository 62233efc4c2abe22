package record

import (
	"encoding/json"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// The layouts below name every field that is stored. A new field gets the next free number of its layout; numbers below 32
// take one byte less. The number of a field that is gone is never used again.

var orderLayout = &layout[approval.Order]{name: "Order", fields: []field[approval.Order]{
	text(1, "id", func(o *approval.Order) *string { return &o.ID }),
	pointers(2, "approvals", approvalLayout, func(o *approval.Order) *[]*approval.Approval { return &o.Approvals }),
	list(3, "history", eventLayout, func(o *approval.Order) *[]approval.Event { return &o.History }),
	list(4, "seen", judgedLayout, func(o *approval.Order) *[]approval.JudgedDecision { return &o.JudgedDecisions }),
	list(5, "unmatched", unmatchedLayout, func(o *approval.Order) *[]approval.UnmatchedDecision { return &o.Unmatched }),
	texts(6, "shed", func(o *approval.Order) *[]string { return &o.ShedParts }),
}}

var eventLayout = &layout[approval.Event]{name: "Event", fields: []field[approval.Event]{
	moment(1, "at", func(e *approval.Event) *time.Time { return &e.At }),
	text(2, "kind", func(e *approval.Event) *approval.EventKind { return &e.Kind }),
	text(3, "approval", func(e *approval.Event) *string { return &e.Approval }),
	text(4, "workflow", func(e *approval.Event) *string { return &e.Workflow }),
	text(5, "by", func(e *approval.Event) *string { return &e.By }),
	text(6, "principal", func(e *approval.Event) *string { return &e.Principal }),
	text(7, "claimed", func(e *approval.Event) *string { return &e.Claimed }),
	text(8, "from", func(e *approval.Event) *string { return &e.From }),
	text(9, "to", func(e *approval.Event) *string { return &e.To }),
	moment(10, "until", func(e *approval.Event) *time.Time { return &e.Until }),
	text(11, "via", func(e *approval.Event) *approval.Via { return &e.Via }),
	text(12, "source", func(e *approval.Event) *string { return &e.Source }),
	text(13, "outcome", func(e *approval.Event) *approval.Outcome { return &e.Outcome }),
	text(14, "code", func(e *approval.Event) *string { return &e.Code }),
	text(15, "channel", func(e *approval.Event) *string { return &e.Channel }),
	text(16, "target", func(e *approval.Event) *string { return &e.Target }),
	text(17, "note", func(e *approval.Event) *string { return &e.Note }),
	text(18, "reason_code", func(e *approval.Event) *approval.ReasonCode { return &e.ReasonCode }),
	count(19, "attempt", func(e *approval.Event) *int { return &e.Attempt }),
	span(20, "age", func(e *approval.Event) *time.Duration { return &e.Age }),
	span(21, "left", func(e *approval.Event) *time.Duration { return &e.TimeLeft }),
}}

var judgedLayout = &layout[approval.JudgedDecision]{name: "JudgedDecision", fields: []field[approval.JudgedDecision]{
	text(1, "id", func(j *approval.JudgedDecision) *string { return &j.ID }),
	text(2, "source", func(j *approval.JudgedDecision) *string { return &j.Source }),
	text(3, "outcome", func(j *approval.JudgedDecision) *approval.Outcome { return &j.Outcome }),
	text(4, "choice", func(j *approval.JudgedDecision) *string { return &j.Choice }),
	text(5, "values_digest", func(j *approval.JudgedDecision) *string { return &j.ValuesDigest }),
	one(6, "verdict", verdictLayout, func(j *approval.JudgedDecision) *approval.Verdict { return &j.Verdict }),
}}

var verdictLayout = &layout[approval.Verdict]{name: "Verdict", fields: []field[approval.Verdict]{
	text(1, "code", func(v *approval.Verdict) *approval.VerdictCode { return &v.Code }),
	text(2, "approval_id", func(v *approval.Verdict) *string { return &v.ApprovalID }),
	text(3, "status", func(v *approval.Verdict) *approval.Status { return &v.Status }),
}}

var unmatchedLayout = &layout[approval.UnmatchedDecision]{
	name: "UnmatchedDecision",
	fields: []field[approval.UnmatchedDecision]{
		one(1, "decision", decisionLayout, func(u *approval.UnmatchedDecision) *approval.Decision { return &u.Decision }),
		moment(2, "expires", func(u *approval.UnmatchedDecision) *time.Time { return &u.ExpiresAt }),
		moment(3, "remove", func(u *approval.UnmatchedDecision) *time.Time { return &u.RemoveAt }),
		truth(4, "expired", func(u *approval.UnmatchedDecision) *bool { return &u.Expired }),
		moment(5, "judge_at", func(u *approval.UnmatchedDecision) *time.Time { return &u.JudgeAt }),
		moment(6, "admitted_at", func(u *approval.UnmatchedDecision) *time.Time { return &u.AdmittedAt }),
	},
}

var decisionLayout = &layout[approval.Decision]{name: "Decision", fields: []field[approval.Decision]{
	text(1, "id", func(d *approval.Decision) *string { return &d.ID }),
	truth(2, "id_from_body", func(d *approval.Decision) *bool { return &d.IDFromBody }),
	text(3, "step", func(d *approval.Decision) *string { return &d.Step }),
	text(4, "execution", func(d *approval.Decision) *string { return &d.Execution }),
	text(5, "approval_id", func(d *approval.Decision) *string { return &d.ApprovalID }),
	text(6, "outcome", func(d *approval.Decision) *approval.Outcome { return &d.Outcome }),
	text(7, "choice", func(d *approval.Decision) *string { return &d.Choice }),
	rawJSON(8, "values", func(d *approval.Decision) *json.RawMessage { return &d.Values }),
	text(9, "by", func(d *approval.Decision) *string { return &d.By }),
	text(10, "principal", func(d *approval.Decision) *string { return &d.Principal }),
	text(11, "claimed", func(d *approval.Decision) *string { return &d.Claimed }),
	texts(12, "workflows", func(d *approval.Decision) *[]string { return &d.Workflows }),
	text(13, "comment", func(d *approval.Decision) *string { return &d.Comment }),
	text(14, "via", func(d *approval.Decision) *approval.Via { return &d.Via }),
	text(15, "source", func(d *approval.Decision) *string { return &d.Source }),
	moment(16, "sent_at", func(d *approval.Decision) *time.Time { return &d.SentAt }),
	moment(17, "at", func(d *approval.Decision) *time.Time { return &d.ReceivedAt }),
	text(18, "trace", func(d *approval.Decision) *string { return &d.Trace }),
	text(19, "shown", func(d *approval.Decision) *string { return &d.ShownDigest }),
}}
