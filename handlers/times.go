package handlers

import (
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/metadata"
)

// RelativeTime is a time in the life of an approval: after its request, or before its
// deadline.
type RelativeTime struct{ After, Before time.Duration }

func (m RelativeTime) at(now, deadline time.Time) time.Time {
	if m.Before > 0 {
		return deadline.Add(-m.Before)
	}
	return now.Add(m.After)
}

// Escalation says when an approval is shown to more people, and to whom.
type Escalation struct {
	RelativeTime
	To []string // as in Workflow.Approvers
}

// clockSkew is how far the clocks of Step Functions and SQS may be apart, and more
// than the milliseconds that SentTimestamp is cut to. A deadline nearer than that
// would be of no use to anybody.
const clockSkew = 5 * time.Second

// setTimes works out when the approval times out. A deadline at or before the time
// at which the message was sent is no deadline: tutorials put the state's
// EnteredTime there, which is when it began to wait.
func (h *Request) setTimes(ask *approval.Request, in Input) error {
	w, now := h.Workflow, h.Transitions.Now()
	sent := in.sentAt(now)
	started, deadline, timeout := sent, time.Time{}, w.TaskTimeout
	err := runSteps(
		readInto("started", w.Fields.Started, in, &started), readInto("deadline", w.Fields.Deadline, in, &deadline),
		readInto("timeout", w.Fields.Timeout, in, &timeout),
	)
	if err != nil {
		return err
	}
	if timeout < 0 {
		return approval.InvalidField("timeout", "is negative")
	}
	if !deadline.IsZero() && !deadline.After(sent.Add(clockSkew)) {
		started, deadline = deadline, time.Time{}
	}
	if started.After(sent) {
		started = sent
	}
	ask.StateEnteredAt, ask.Deadline = started, started.Add(w.Deadline)
	if at := in.metaTime(metadata.SentAt); started.Equal(sent) && at.After(sent) { // our clock is behind: for their order it does not matter
		ask.StateEnteredAt = at
	}
	if !deadline.IsZero() && deadline.Before(ask.Deadline) {
		ask.Deadline = deadline
	}
	if timeout > 0 {
		ask.TaskExpires = started.Add(timeout)
		if last := ask.TaskExpires.Add(-marginFor(w.Margin, timeout)); last.Before(ask.Deadline) {
			ask.Deadline = last
		}
	}
	for _, m := range w.Reminders {
		if at := m.at(now, ask.Deadline); at.After(now) && at.Before(ask.Deadline) {
			ask.Reminders = append(ask.Reminders, at)
		}
	}
	return nil
}

// setEscalations works out when more people are asked, and whom: covers are those of
// then. One before a deadline that is nearer still is due at once; one after it is
// for when nobody can be told.
func (h *Request) setEscalations(ask *approval.Request) error {
	now := h.Transitions.Now()
	for _, e := range h.Workflow.Escalations {
		at := e.at(now, ask.Deadline)
		if at.Before(now) {
			at = now
		}
		to, err := h.Workflow.People.ResolveApprovers(e.To, at)
		if err != nil {
			return err
		}
		ask.Escalations = append(ask.Escalations, approval.Escalation{At: at, Approvers: to})
	}
	return nil
}

// marginFor returns how long before the task's end its approval times out: a tenth
// of a short timeout, but no less than a restart and some retries take.
func marginFor(configured, timeout time.Duration) time.Duration {
	return min(configured, max(timeout/10, 5*time.Second), timeout/2)
}
