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

// advice says what somebody who was woken has to do about an approval.
func advice(a *approval.Approval, now time.Time) string {
	c := a.Callback
	switch c.State {
	case approval.CallbackExhausted:
		if !a.TaskExpires.IsZero() && a.TaskExpires.Before(now) {
			return "The workflow never got its answer, and has stopped waiting by now. Have it started again by whoever owns it; a redrive will most likely come too late."
		}
		if a.TaskExpires.IsZero() {
			return "The workflow never got its answer, and may still wait. Mend the cause of the error below, then redrive."
		}
		return "The workflow still waits for its answer. Mend the cause of the error below, then redrive."
	case approval.CallbackPending:
		if c.LastError != "" {
			return "Closed, but the workflow does not have its answer yet. It is tried again by itself; mend the cause of the error below."
		}
		return "Closed. The workflow is being answered."
	case approval.CallbackTooLate:
		return "The workflow did not wait for this answer: it had ended, or was answered by somebody else. If the order still needs it, have the workflow started again."
	case approval.CallbackPresumed:
		return "Nothing to do. The reply to an attempt was lost, and the workflow no longer waits: it has its answer."
	case approval.CallbackDelivered, approval.CallbackSuperseded:
		return "Nothing to do."
	case approval.CallbackNone:
	}
	switch t := told(a); {
	case !a.Deadline.After(now):
		return "The deadline has passed. If this does not change within a minute, the sweeper is behind: see the runbook."
	case t.Text == "Nobody could be told":
		return "Nobody knows of this. Tell somebody who may decide, or decide below for whom you can reach."
	case t.Tone == "bad":
		return "Nobody has been told yet, and the messages fail. They are tried again by themselves; mend the cause, or tell somebody yourself."
	case t.Tone == "warn":
		return "Waits for those who are asked. Some messages fail: tell who did not get theirs, and mend the cause."
	case len(a.Approvers) == 0:
		return "Waits for somebody to decide."
	}
	return "Waits for those who are asked. Nothing to do, unless they cannot be reached."
}

// events are the history in words, as it went.
func events(o *approval.Order, now time.Time) []eventView {
	out := make([]eventView, 0, len(o.History))
	history := slices.Clone(o.History)
	for i := 1; i < len(history); i++ { // what decided comes before that it did
		if history[i-1].Kind == approval.EventDecided && history[i].Kind == approval.EventDecisionReceived {
			history[i-1], history[i] = history[i], history[i-1]
		}
	}
	for _, e := range history {
		v := describe(e)
		v.Text, v.Note = untrusted.MultiLine(v.Text), untrusted.MultiLine(v.Note)
		v.At, v.Clock = look.NewMoment(e.At, now), e.At.UTC().Format("2 Jan 15:04:05")
		if a := o.FindApproval(e.Approval); a != nil && len(o.Approvals) > 1 {
			v.Step = untrusted.MultiLine(a.Step)
		}
		out = append(out, v)
	}
	return out
}

// eventView is one thing that happened.
type eventView struct {
	At    look.Moment
	Clock string
	Step  string // where an order has several
	Text  string
	Note  string // an error, a reason
	Tone  string
}

// describe says what happened.
func describe(e approval.Event) eventView {
	switch e.Kind {
	case approval.EventRequested:
		return eventView{Text: "Request came" + from(" from ", e.By) + from(" in workflow ", e.Workflow), Tone: "open"}
	case approval.EventRequestRepeated:
		return eventView{Text: "Request came again", Tone: "closed"}
	case approval.EventSuperseded:
		return eventView{Text: "Replaced by a newer request", Tone: "closed"}
	case approval.EventDecisionReceived:
		return decision(e)
	case approval.EventDecided:
		return eventView{Text: decidedAs(e.Outcome) + " – decided by " + person(e.By) + " after " + span(e.Age), Tone: toneOf(e.Outcome)}
	case approval.EventTimedOut:
		return eventView{Text: "Timed out after " + span(e.Age), Tone: "bad"}
	case approval.EventCancelled:
		return eventView{Text: "Cancelled" + from(" by ", e.By), Note: e.Note, Tone: "closed"}
	case approval.EventUnmatchedExpired:
		return eventView{Text: "Decision of " + person(e.By) + " waited in vain for its request", Tone: "bad"}
	case approval.EventReminded:
		return eventView{Text: fmt.Sprintf("Reminder %d", e.Attempt), Tone: "open"}
	case approval.EventEscalated:
		return eventView{Text: "Escalated" + from(" to ", e.By), Tone: "warn"}
	case approval.EventUndeliverable:
		return eventView{Text: "Nobody could be told", Tone: "bad"}
	case approval.EventTokenErased:
		return eventView{Text: "Task token erased", Tone: "closed"}
	case approval.EventNotified, approval.EventFirstNotified, approval.EventNotificationFailed, approval.EventNotificationExhausted:
		return notified(e)
	case approval.EventHeartbeat, approval.EventCallbackAttempt, approval.EventCallbackEnded, approval.EventRedriven:
		return calledBack(e)
	}
	return eventView{Text: string(e.Kind), Note: e.Note, Tone: "closed"}
}

func decision(e approval.Event) eventView {
	text := person(e.By) + " " + outcome(e.Outcome) + " by " + via(e.Via, e.Source)
	switch approval.VerdictCode(e.Code) {
	case approval.VerdictDecided, approval.VerdictRecorded:
		return eventView{Text: text, Tone: toneOf(e.Outcome)}
	case approval.VerdictWaiting:
		return eventView{Text: text + "; waits for its request", Tone: "open"}
	case approval.VerdictRepeated:
		return eventView{Text: text + ", again", Tone: "closed"}
	}
	text = person(e.By) + " tried to " + string(e.Outcome) + " by " + via(e.Via, e.Source)
	return eventView{Text: text, Note: (&approval.RefusalError{Verdict: approval.Verdict{Code: approval.VerdictCode(e.Code)}}).Error(), Tone: "warn"}
}

func notified(e approval.Event) eventView {
	to := "Message to " + e.By + " by " + e.Channel
	if e.By == "" { // a room, or a program
		to = "Message in " + e.Channel
	}
	switch e.Kind {
	case approval.EventFirstNotified:
		return eventView{Text: "First message sent", Tone: "good"}
	case approval.EventNotificationFailed:
		return eventView{Text: fmt.Sprintf("%s failed, attempt %d", to, e.Attempt), Note: e.Note, Tone: "warn"}
	case approval.EventNotificationExhausted:
		return eventView{Text: fmt.Sprintf("%s given up after %s", to, times(e.Attempt)), Note: e.Note, Tone: "bad"}
	}
	return eventView{Text: to + " sent" + again(e.Attempt), Tone: "good"}
}

func calledBack(e approval.Event) eventView {
	switch e.Kind {
	case approval.EventRedriven:
		return eventView{Text: "Answer redriven" + from(" by ", e.By), Tone: "warn"}
	case approval.EventHeartbeat:
		return eventView{Text: "Heartbeat to " + e.Target + ": " + e.Code, Note: e.Note, Tone: "warn"}
	case approval.EventCallbackAttempt:
		if e.Code == string(approval.ResultOK) {
			return eventView{Text: fmt.Sprintf("Answer to %s taken, attempt %d", e.Target, e.Attempt), Tone: "good"}
		}
		return eventView{Text: fmt.Sprintf("Answer to %s %s, attempt %d", e.Target, e.Code, e.Attempt), Note: e.Note, Tone: "warn"}
	}
	s := answer(approval.Callback{State: approval.CallbackState(e.Code)})
	return eventView{Text: "Answer to the workflow: " + strings.ToLower(s.Text[:1]) + s.Text[1:] + " after " + span(e.Age), Note: e.Note, Tone: s.Tone}
}

// from is a text with its preposition, or nothing.
func from(preposition, text string) string {
	if text == "" {
		return ""
	}
	return preposition + text
}

func again(attempt int) string {
	if attempt > 1 {
		return fmt.Sprintf(", attempt %d", attempt)
	}
	return ""
}

func times(n int) string {
	if n == 1 {
		return "1 attempt"
	}
	return fmt.Sprintf("%d attempts", n)
}

// outcome is what somebody did.
func outcome(o approval.Outcome) string {
	if o == approval.Approve {
		return "approved"
	}
	return "rejected"
}

func decidedAs(o approval.Outcome) string {
	if o == approval.Approve {
		return "Approved"
	}
	return "Rejected"
}

func toneOf(o approval.Outcome) string {
	if o == approval.Approve {
		return "good"
	}
	return "bad"
}

// person names who decided, or who is told.
func person(id string) string {
	if source, ok := strings.CutPrefix(id, "source:"); ok {
		return untrusted.MultiLine(source) + " (a system)"
	}
	if id == "" {
		return "somebody"
	}
	return untrusted.MultiLine(id)
}

// via is how a decision came in.
func via(v approval.Via, source string) string {
	switch v {
	case approval.ViaLink:
		return "link"
	case approval.ViaSSO:
		return "link, signed in"
	case approval.ViaOperator:
		return "console or command line"
	case approval.ViaChat, approval.ViaSNS, approval.ViaWebhook, approval.ViaAPI:
	}
	return string(v) + from(" ", untrusted.MultiLine(source))
}

// policy is a policy in words.
func policy(p approval.Policy) string {
	switch p.Kind {
	case approval.PolicyAll:
		return "All of them must approve"
	case approval.PolicyQuorum:
		text := fmt.Sprintf("%d of them must approve", p.Quorum)
		if p.VetoDisabled {
			text += "; a rejection alone does not end it"
		}
		return text
	case approval.PolicyAny:
	}
	return "The first decision counts"
}
