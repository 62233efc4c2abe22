package console

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/untrusted"
	"github.com/approval-relay/approval-relay/web/look"
)

// eventView is an event in the timeline of an order.
type eventView struct {
	At    look.Moment
	Clock string
	Step  string // if the order has several approvals
	Text  string
	Note  string // an error or a reason
	Tone  string
}

// newEventViews returns the timeline of an order.
func newEventViews(o *approval.Order, now time.Time) []eventView {
	views := make([]eventView, 0, len(o.History))
	history := slices.Clone(o.History)
	for i := 1; i < len(history); i++ { // a decision comes before its effect
		if history[i-1].Kind == approval.EventDecided && history[i].Kind == approval.EventDecisionReceived {
			history[i-1], history[i] = history[i], history[i-1]
		}
	}
	for _, e := range history {
		v := describeEvent(e)
		v.Text = untrusted.MultiLine(v.Text)
		v.Note = untrusted.MultiLine(v.Note)
		v.At = look.NewMoment(e.At, now)
		v.Clock = e.At.UTC().Format("2 Jan 15:04:05")
		if a := o.FindApproval(e.Approval); a != nil && len(o.Approvals) > 1 {
			v.Step = untrusted.MultiLine(a.Step)
		}
		views = append(views, v)
	}
	return views
}

// describeEvent returns an event in words.
func describeEvent(e approval.Event) eventView {
	switch e.Kind {
	case approval.EventRequested:
		text := "Requested" + withPreposition(" by ", e.By) + withPreposition(" through ", e.Principal) +
			withPreposition(" in workflow ", e.Workflow)
		return eventView{Text: text, Tone: "open"}
	case approval.EventRequestRepeated:
		return eventView{Text: "Request received again", Tone: "closed"}
	case approval.EventSuperseded:
		return eventView{Text: "Superseded by a newer request", Tone: "closed"}
	case approval.EventDecisionReceived:
		return describeDecision(e)
	case approval.EventDecided:
		return describeDecided(e)
	case approval.EventEdited:
		return describeEdit(e)
	case approval.EventTimedOut:
		return eventView{Text: "Timed out after " + formatDuration(e.Age), Tone: "bad"}
	case approval.EventCancelled:
		return eventView{Text: "Cancelled" + withPreposition(" by ", knownActor(e)), Note: e.Note, Tone: "closed"}
	case approval.EventUnmatchedExpired:
		return eventView{Text: "Unmatched decision of " + eventActor(e) + " expired", Tone: "bad"}
	case approval.EventReminded:
		return eventView{Text: fmt.Sprintf("Reminder %d", e.Attempt), Tone: "open"}
	case approval.EventAct:
		return describeAct(e)
	case approval.EventEscalated:
		return eventView{Text: "Escalated" + withPreposition(" to ", e.By), Tone: "warn"}
	case approval.EventUndeliverable:
		return eventView{Text: "Undeliverable: nobody could be notified", Tone: "bad"}
	case approval.EventTokenErased:
		return eventView{Text: "Task token erased", Tone: "closed"}
	case approval.EventNotified, approval.EventFirstNotified, approval.EventNotificationFailed,
		approval.EventNotificationExhausted:
		return describeNotification(e)
	case approval.EventReadingNote:
		return eventView{Text: "Not used of the request", Note: e.Note, Tone: "warn"}
	case approval.EventHeartbeat, approval.EventProbed, approval.EventCallbackAttempt, approval.EventCallbackEnded,
		approval.EventReconciled, approval.EventRedriven:
		return describeCallbackEvent(e)
	}
	return eventView{Text: string(e.Kind), Note: e.Note, Tone: "closed"}
}

// eventActor returns the name of whoever caused an event.
func eventActor(e approval.Event) string { return actorName(e.By, e.Principal, e.Claimed) }

// knownActor returns the name of whoever caused an event, or the empty text if the program itself did.
func knownActor(e approval.Event) string {
	if e.By == "" {
		return ""
	}
	return eventActor(e)
}

// describeDecided describes the decision that closed an approval.
func describeDecided(e approval.Event) eventView {
	v := eventView{Text: "Rejected", Note: e.Note, Tone: outcomeTone(e.Outcome)}
	switch e.Outcome {
	case approval.Approve:
		v.Text = "Approved"
	case approval.Return:
		v.Text = "Returned"
	case approval.Reject, approval.Abstain:
	}
	v.Text += " – decided by " + eventActor(e) + " after " + formatDuration(e.Age)
	return v
}

// describeDecision describes a decision that was received, and its verdict.
func describeDecision(e approval.Event) eventView {
	via := describeVia(e.Via, e.Source)
	text := eventActor(e) + " " + pastTense(e.Outcome) + " by " + via
	code := approval.VerdictCode(e.Code)
	switch code {
	case approval.VerdictDecided, approval.VerdictRecorded:
		return eventView{Text: text, Tone: outcomeTone(e.Outcome)}
	case approval.VerdictWaiting:
		return eventView{Text: text + "; waiting for its request", Tone: "open"}
	case approval.VerdictRepeated:
		return eventView{Text: text + ", again", Tone: "closed"}
	case approval.VerdictProposed:
		proposed := eventActor(e) + " proposed to " + string(e.Outcome) + " by " + via
		return eventView{Text: proposed + "; waiting for a second operator", Tone: "open"}
	}
	refused := approval.Verdict{Code: code}.Err()
	return eventView{
		Text: eventActor(e) + " tried to " + string(e.Outcome) + " by " + via,
		Note: refused.Error(),
		Tone: "warn",
	}
}

// describeEdit describes a decision that edited the request.
func describeEdit(e approval.Event) eventView {
	v := eventView{Text: eventActor(e) + " edited the request", Note: e.Note, Tone: "warn"}
	switch e.Attempt {
	case 0:
	case 1:
		v.Text += "; an earlier vote no longer counts"
	default:
		v.Text += fmt.Sprintf("; %d earlier votes no longer count", e.Attempt)
	}
	return v
}

func outcomeTone(o approval.Outcome) string {
	switch o {
	case approval.Approve:
		return "good"
	case approval.Return, approval.Abstain:
		return "closed"
	case approval.Reject:
	}
	return "bad"
}

func describeNotification(e approval.Event) eventView {
	subject := "Notification to " + e.By + " by " + e.Channel
	if e.By == "" { // to a group or a program
		subject = "Notification by " + e.Channel
	}
	switch e.Kind {
	case approval.EventFirstNotified:
		return eventView{Text: "First notification sent", Tone: "good"}
	case approval.EventNotificationFailed:
		return eventView{Text: fmt.Sprintf("%s failed, attempt %d", subject, e.Attempt), Note: e.Note, Tone: "warn"}
	case approval.EventNotificationExhausted:
		return eventView{
			Text: fmt.Sprintf("%s exhausted after %s", subject, formatAttempts(e.Attempt)),
			Note: e.Note,
			Tone: "bad",
		}
	}
	text := subject + " sent"
	if e.Attempt > 1 {
		text += fmt.Sprintf(", attempt %d", e.Attempt)
	}
	return eventView{Text: text, Tone: "good"}
}

// describeProbe describes the answer to the question whether a task is still open.
func describeProbe(e approval.Event) eventView {
	switch approval.ResultKind(e.Code) {
	case approval.ResultOK:
		return eventView{Text: "Both attempts wait, says " + e.Target, Note: e.Note, Tone: "closed"}
	case approval.ResultClosed:
		return eventView{Text: "This attempt has ended, says " + e.Target, Note: e.Note, Tone: "closed"}
	}
	text := "Not known whether this attempt has ended: " + e.Target + " " + e.Code
	return eventView{Text: text, Note: e.Note, Tone: "warn"}
}

func describeCallbackEvent(e approval.Event) eventView {
	switch e.Kind {
	case approval.EventRedriven:
		return eventView{Text: "Callback redriven" + withPreposition(" by ", knownActor(e)), Tone: "warn"}
	case approval.EventHeartbeat:
		return eventView{Text: "Heartbeat to " + e.Target + ": " + e.Code, Note: e.Note, Tone: "warn"}
	case approval.EventProbed:
		return describeProbe(e)
	case approval.EventReconciled:
		return describeTruth(e)
	case approval.EventCallbackAttempt:
		if e.Code == string(approval.ResultOK) {
			return eventView{Text: fmt.Sprintf("Callback to %s accepted, attempt %d", e.Target, e.Attempt), Tone: "good"}
		}
		return eventView{
			Text: fmt.Sprintf("Callback to %s %s, attempt %d", e.Target, e.Code, e.Attempt),
			Note: e.Note,
			Tone: "warn",
		}
	}
	status := describeCallback(approval.Callback{State: approval.CallbackState(e.Code)})
	return eventView{
		Text: "Callback " + strings.ToLower(status.Text[:1]) + status.Text[1:] + " after " + formatDuration(e.Age),
		Note: e.Note,
		Tone: status.Tone,
	}
}
