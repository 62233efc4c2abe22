package handlers

import (
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/metadata"
)

// clockSkew is the assumed difference between the clocks of Step Functions and SQS. It also covers the fractions of a
// second that SentTimestamp drops. A deadline that is nearer than this leaves nobody time to decide.
const clockSkew = 5 * time.Second

// requestTimes are the times in a request.
type requestTimes struct {
	started  time.Time // when the workflow began to wait
	deadline time.Time // zero if the request has none
	timeout  time.Duration
}

// readTimes returns the times in a request. Tutorials put the state's EnteredTime into a field called deadline. So a
// deadline at or before the time of sending is read as the start of the wait.
func (h *Request) readTimes(in Input, sent time.Time) (requestTimes, error) {
	f := h.Workflow.Fields
	times := requestTimes{started: sent, timeout: h.Workflow.TaskTimeout}
	err := runSteps(
		readInto("started", f.Started, in, &times.started),
		readInto("deadline", f.Deadline, in, &times.deadline),
		readInto("timeout", f.Timeout, in, &times.timeout),
	)
	if err == nil && times.timeout < 0 {
		err = approval.InvalidField("timeout", "is negative")
	}
	if !times.deadline.IsZero() && !times.deadline.After(sent.Add(clockSkew)) {
		times.started = times.deadline
		times.deadline = time.Time{}
	}
	if times.started.After(sent) {
		times.started = sent
	}
	return times, err
}

// setTimes sets the deadline of the approval and the times of its reminders.
func (h *Request) setTimes(request *approval.Request, in Input) error {
	w, now := h.Workflow, h.Transitions.Now()
	sent := in.sentAt(now)
	times, err := h.readTimes(in, sent)
	if err != nil {
		return err
	}
	request.AttemptStartedAt = times.started
	request.Deadline = times.started.Add(w.Deadline)
	// If our clock is behind the queue's, the queue's time still puts the attempts of a state in order.
	if at := in.metaTime(metadata.SentAt); times.started.Equal(sent) && at.After(sent) {
		request.AttemptStartedAt = at
	}
	if !times.deadline.IsZero() && times.deadline.Before(request.Deadline) {
		request.Deadline = times.deadline
	}
	if times.timeout > 0 {
		request.TaskExpires = times.started.Add(times.timeout)
		if last := request.TaskExpires.Add(-AnswerMargin(w.Margin, times.timeout)); last.Before(request.Deadline) {
			request.Deadline = last
		}
	}
	for _, r := range w.Reminders {
		if at := r.timeOf(now, request.Deadline); at.After(now) && at.Before(request.Deadline) {
			request.Reminders = append(request.Reminders, at)
		}
	}
	return nil
}

// setEscalations sets the escalations of the approval. Substitutes are resolved for the time of the escalation. An
// escalation in the past, because the deadline is near, is due at once. An escalation after the deadline
// happens only if the approval is undeliverable.
func (h *Request) setEscalations(request *approval.Request) error {
	now := h.Transitions.Now()
	for _, e := range h.Workflow.Escalations {
		at := e.timeOf(now, request.Deadline)
		if at.Before(now) {
			at = now
		}
		to, err := h.Workflow.People.ResolveApprovers(e.To, at)
		if err != nil {
			return err
		}
		request.Escalations = append(request.Escalations, approval.Escalation{At: at, Approvers: to})
	}
	return nil
}

// AnswerMargin returns the time between the deadline of an approval and the end of its task. For a short task it is a
// tenth of the timeout, but at least the time that a restart and some retries take.
func AnswerMargin(configured, timeout time.Duration) time.Duration {
	return min(configured, max(timeout/10, 5*time.Second), timeout/2)
}
