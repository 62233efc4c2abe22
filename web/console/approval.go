package console

import (
	"cmp"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/untrusted"
	"github.com/approval-relay/approval-relay/web/look"
)

func viewApproval(a *approval.Approval, now time.Time) approvalView {
	v := approvalView{
		ID:        a.ID,
		Title:     untrusted.MultiLine(a.Title),
		Workflow:  untrusted.MultiLine(a.Workflow),
		Step:      untrusted.MultiLine(a.Step),
		Execution: untrusted.MultiLine(a.Execution),
		Requester: untrusted.MultiLine(a.Requester),
		Target:    untrusted.MultiLine(a.Target),
		Reason:    untrusted.MultiLine(a.Reason),
		Status:    status(a, now),
		Next:      advice(a, now),
		Policy:    policy(a.Policy),
		Requested: look.NewMoment(a.RequestedAt, now),
		Deadline:  look.NewMoment(a.Deadline, now),
		Callback:  viewCallback(a, now),
	}
	if !a.TaskExpires.IsZero() {
		m := look.NewMoment(a.TaskExpires, now)
		v.Expires = &m
	}
	for _, f := range a.Details {
		v.Details = append(v.Details, approval.Field{Name: untrusted.MultiLine(f.Name), Value: untrusted.MultiLine(f.Value)})
	}
	for _, p := range a.Approvers {
		var notes []string
		if p.SubstituteFor != "" {
			notes = append(notes, "covers "+untrusted.MultiLine(p.SubstituteFor))
		}
		if p.Escalated {
			notes = append(notes, "escalated to")
		}
		if voted(a, p.ID) {
			notes = append(notes, "has decided")
		}
		v.Asked = append(v.Asked, askedView{untrusted.MultiLine(p.ID), strings.Join(notes, ", ")})
	}
	for _, x := range a.Votes {
		v.Votes = append(v.Votes, voteView{person(x.By), outcome(x.Outcome), via(x.Via, x.Source), untrusted.MultiLine(x.Comment), look.NewMoment(x.At, now)})
	}
	for _, n := range a.Notifications {
		m := viewMessage(n, now)
		if v.Messages = append(v.Messages, m); m.State.Tone == "bad" {
			v.Failing++
		}
	}
	if a.Status == approval.Pending {
		v.Age, v.Late = age(a.RequestedAt, now), a.Deadline.Sub(now) < soon
	}
	return v
}

func viewMessage(n *approval.Notification, now time.Time) messageView {
	v := messageView{
		What:     what(n),
		To:       cmp.Or(untrusted.MultiLine(n.Approver), "all there"),
		Channel:  untrusted.MultiLine(n.Channel),
		Error:    untrusted.MultiLine(n.LastError),
		Attempts: n.Attempts,
	}
	at := n.CreatedAt
	switch n.State {
	case approval.NotificationSent:
		v.State, at = state{Text: "Sent", Tone: "good"}, n.SentAt
	case approval.NotificationExhausted:
		v.State = state{Text: "Given up", Tone: "bad"}
	case approval.NotificationDropped:
		v.State = state{Text: "Not needed", Tone: "closed"}
	case approval.NotificationPending:
		v.State, at = state{Text: "Waiting", Tone: "open"}, n.Due
		if n.LastError != "" {
			v.State = state{Text: "Failing", Tone: "bad"}
		}
		v.When = look.NewMoment(at, now)
		switch {
		case n.AttemptRunning && at.After(now):
			v.When, v.At = look.NewMoment(now, now), "under way"
		case at.After(now):
			v.At = "next try " + v.When.Relative
		default:
			v.When, v.At = look.NewMoment(now, now), "next try now"
		}
		return v
	}
	v.When = look.NewMoment(at, now)
	v.At = v.When.Relative
	return v
}

func what(n *approval.Notification) string {
	switch n.Kind {
	case approval.NotifyRequest:
		return "Request"
	case approval.NotifyReminder:
		return "Reminder"
	case approval.NotifyEscalation:
		return "Escalation"
	case approval.NotifyOutcome:
		return "Outcome"
	case approval.NotifyEvent:
	}
	return untrusted.MultiLine(n.Event)
}

func viewCallback(a *approval.Approval, now time.Time) *callbackView {
	c := a.Callback
	if c.State == approval.CallbackNone {
		return nil
	}
	v := &callbackView{
		State:    answer(c),
		Error:    untrusted.MultiLine(c.LastError),
		Attempts: c.Attempts,
		Redrives: c.Redrives,
	}
	at := c.EndedAt
	if c.State == approval.CallbackPending {
		at, v.Next = noTime, "now"
		switch {
		case c.AttemptRunning && c.Due.After(now):
			v.Next = "under way"
		case c.Due.After(now):
			at, v.Next = c.Due, "at"
		}
	}
	if !at.IsZero() {
		m := look.NewMoment(at, now)
		v.At = &m
	}
	return v
}

var noTime time.Time

// answer is how far the answer to the workflow has come.
func answer(c approval.Callback) state {
	switch c.State {
	case approval.CallbackPending:
		if c.LastError != "" {
			return state{Text: "Failing, tried again", Tone: "bad"}
		}
		return state{Text: "Under way", Tone: "open"}
	case approval.CallbackDelivered:
		return state{Text: "Delivered", Tone: "good"}
	case approval.CallbackPresumed:
		return state{Text: "Delivered, presumably", Tone: "good"}
	case approval.CallbackTooLate:
		return state{Text: "Too late", Tone: "bad"}
	case approval.CallbackExhausted:
		return state{Text: "Given up", Tone: "bad"}
	case approval.CallbackSuperseded:
		return state{Text: "Not needed", Tone: "closed"}
	case approval.CallbackNone:
	}
	return state{Text: "Not yet", Tone: "closed"}
}
