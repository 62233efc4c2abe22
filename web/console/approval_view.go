package console

import (
	"cmp"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/untrusted"
	"github.com/approval-relay/approval-relay/web/look"
)

// approvalView shows an approval on the page of its order.
type approvalView struct {
	ID        string
	Title     string
	Workflow  string
	Step      string
	Execution string
	Requester string
	Target    string
	Reason    string // why it was closed

	Status        statusView
	Age           string // time since the request, while it is pending
	Late          bool   // little or no time is left
	Advice        string // what the operator can do
	Details       []approval.Field
	Policy        string
	Approvers     []approverView
	Votes         []voteView
	Notifications []notificationView
	Failing       int // number of notifications that fail or are exhausted
	Requested     look.Moment
	Deadline      look.Moment
	Expires       *look.Moment // of the task
	Callback      *callbackView
	Proposals     []proposalView // open ones, that the operator may confirm or waits for
	Decide        *decisionForm
	Act           *actForm
	Dismiss       *actForm
	Questions     []questionView
	DryRun        string // nonce, if there is a callback to redrive
}

type approverView struct {
	Name string
	Note string
}

type voteView struct {
	By      string
	Outcome string // in the past tense
	Via     string
	Comment string
	At      look.Moment
	// ConfirmedBy is the second operator, if there is one.
	ConfirmedBy string
}

// notificationView shows a notification to people or programs.
type notificationView struct {
	Kind     string
	To       string
	Channel  string
	Error    string
	Status   statusView
	Attempts int
	When     look.Moment // time of sending, or of the next attempt
	WhenText string
}

type callbackView struct {
	Status   statusView
	Error    string
	Attempts int
	Redrives int
	At       *look.Moment // time of its end, or of the next attempt
	Next     string       // "now", "under way", or "at" for the time in At; empty after its end
}

func newApprovalView(a *approval.Approval, now time.Time) approvalView {
	v := approvalView{
		ID:        a.ID,
		Title:     untrusted.MultiLine(a.Title),
		Workflow:  untrusted.MultiLine(a.Workflow),
		Step:      untrusted.MultiLine(a.Step),
		Execution: untrusted.MultiLine(a.Execution),
		Requester: untrusted.MultiLine(a.Requester),
		Target:    untrusted.MultiLine(a.Target),
		Reason:    untrusted.MultiLine(a.Reason),
		Status:    describeStatus(a, now),
		Policy:    describePolicy(a.Policy),
		Requested: look.NewMoment(a.RequestedAt, now),
		Deadline:  look.NewMoment(a.Deadline, now),
		Callback:  newCallbackView(a.Callback, now),
	}
	if !a.TaskExpires.IsZero() {
		expires := look.NewMoment(a.TaskExpires, now)
		v.Expires = &expires
	}
	if a.Status == approval.Pending {
		v.Age = formatAge(a.RequestedAt, now)
		v.Late = a.Deadline.Sub(now) < urgentTime
	}
	for _, f := range a.Details {
		v.Details = append(v.Details, approval.Field{
			Name:  untrusted.MultiLine(f.Name),
			Value: untrusted.MultiLine(f.Value),
		})
	}
	for _, p := range a.Approvers {
		v.Approvers = append(v.Approvers, newApproverView(a, p))
	}
	for _, vote := range a.Votes {
		v.Votes = append(v.Votes, voteView{
			By:      actorName(vote.By, vote.Principal, vote.Claimed),
			Outcome: pastTense(vote.Outcome),
			Via:     describeVia(vote.Via, vote.Source),
			Comment: untrusted.MultiLine(vote.Comment),
			At:      look.NewMoment(vote.At, now),

			ConfirmedBy: operatorName(vote.ConfirmedBy),
		})
	}
	v.Questions = newQuestionViews(a, now)
	for _, n := range a.Notifications {
		view := newNotificationView(n, now)
		v.Notifications = append(v.Notifications, view)
		if view.Status.Tone == "bad" {
			v.Failing++
		}
	}
	return v
}

func newApproverView(a *approval.Approval, p approval.Approver) approverView {
	var notes []string
	if p.SubstituteFor != "" {
		notes = append(notes, "substitute for "+untrusted.MultiLine(p.SubstituteFor))
	}
	if p.Declined {
		notes = append(notes, "says that it is not theirs to decide")
	}
	if p.Escalated {
		notes = append(notes, "by escalation")
	}
	if hasVoted(a, p.ID) {
		notes = append(notes, "has voted")
	}
	return approverView{untrusted.MultiLine(p.ID), strings.Join(notes, ", ")}
}

func newNotificationView(n *approval.Notification, now time.Time) notificationView {
	v := notificationView{
		Kind:     notificationKind(n),
		To:       cmp.Or(untrusted.MultiLine(n.Approver), "group"),
		Channel:  untrusted.MultiLine(n.Channel),
		Error:    untrusted.MultiLine(n.LastError),
		Attempts: n.Attempts,
	}
	at := n.CreatedAt
	switch n.State {
	case approval.NotificationSent:
		v.Status = statusView{Text: "Sent", Tone: "good"}
		at = n.SentAt
	case approval.NotificationExhausted:
		v.Status = statusView{Text: "Exhausted", Tone: "bad"}
	case approval.NotificationDropped:
		v.Status = statusView{Text: "Not needed", Tone: "closed"}
	case approval.NotificationPending:
		v.Status = statusView{Text: "Waiting", Tone: "open"}
		if n.LastError != "" {
			v.Status = statusView{Text: "Failing", Tone: "bad"}
		}
		v.When, v.WhenText = describeNextAttempt(n, now)
		return v
	}
	v.When = look.NewMoment(at, now)
	v.WhenText = v.When.Relative
	return v
}

// describeNextAttempt returns the time of the next attempt of a pending notification, and describes it.
func describeNextAttempt(n *approval.Notification, now time.Time) (look.Moment, string) {
	due := look.NewMoment(n.Due, now)
	switch {
	case !n.Due.After(now):
		return look.NewMoment(now, now), "next attempt now"
	case n.AttemptRunning:
		return look.NewMoment(now, now), "under way"
	}
	return due, "next attempt " + due.Relative
}

func notificationKind(n *approval.Notification) string {
	switch n.Kind {
	case approval.NotifyRequest:
		return "Request"
	case approval.NotifyReminder:
		return "Reminder"
	case approval.NotifyEscalation:
		return "Escalation"
	case approval.NotifyAnswer:
		return "Answer"
	case approval.NotifyDecided:
		return "Decided by others"
	case approval.NotifyRequester:
		return "Requester: " + strings.ReplaceAll(n.Event, "_", " ")
	case approval.NotifyOutcome:
		return "Outcome"
	case approval.NotifyUpdate:
		return "Update"
	case approval.NotifyEvent:
	}
	return untrusted.MultiLine(n.Event)
}

// newCallbackView returns nil before the approval is closed.
func newCallbackView(c approval.Callback, now time.Time) *callbackView {
	if c.State == approval.CallbackNone {
		return nil
	}
	v := &callbackView{
		Status:   describeCallback(c),
		Error:    untrusted.MultiLine(c.LastError),
		Attempts: c.Attempts,
		Redrives: c.Redrives,
	}
	at := c.EndedAt
	if c.State == approval.CallbackPending {
		at = time.Time{}
		switch {
		case !c.Due.After(now):
			v.Next = "now"
		case c.AttemptRunning:
			v.Next = "under way"
		default:
			v.Next = "at"
			at = c.Due
		}
	}
	if !at.IsZero() {
		moment := look.NewMoment(at, now)
		v.At = &moment
	}
	return v
}

// questionView is a question to the requester, with its answer.
type questionView struct {
	By     string
	Text   string
	Answer string
	At     look.Moment
}

func newQuestionViews(a *approval.Approval, now time.Time) []questionView {
	var out []questionView
	for _, q := range a.Questions {
		out = append(out, questionView{
			By:     untrusted.SingleLine(q.By),
			Text:   untrusted.MultiLine(q.Text),
			Answer: untrusted.MultiLine(q.Answer),
			At:     look.NewMoment(q.At, now),
		})
	}
	return out
}
