package handlers

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/metadata"
)

const (
	// clockSkew is the assumed difference between the clocks of Step Functions and SQS. It also covers the fractions of a
	// second that SentTimestamp drops. A deadline that is nearer than this leaves nobody time to decide.
	clockSkew = 5 * time.Second
	// maxTransit is the longest plausible time between the entry into the waiting state and the sending of its message.
	// A longer time means that the state was retried, or that the time is another one, such as the execution's start.
	maxTransit = time.Minute
	// maxTransitUnsent replaces maxTransit where the time of sending is unknown: HTTP has none, and its senders try again
	// while we are unavailable.
	maxTransitUnsent = 15 * time.Minute
	// maxCount bounds the number of retries and redrives.
	maxCount = 1_000_000
)

// requestTimes are the times in a request.
type requestTimes struct {
	now  time.Time
	sent time.Time // by the queue; zero if there is no queue, or if it states no time

	started      time.Time // as the body states it; zero if it does not
	deadline     time.Time // zero if the request has none
	timeout      time.Duration
	retryCount   int
	redriveCount int
	retryKnown   bool

	// startedField names the field of started in notes.
	startedField string
	notes        []string
}

// readTimes returns the times in a request.
func (h *Request) readTimes(in Input) (requestTimes, error) {
	f := &h.Workflow.Fields
	t := requestTimes{
		now:          h.Transitions.Now(),
		sent:         in.metaTime(metadata.SentAt),
		timeout:      h.Workflow.TaskTimeout,
		startedField: "started",
	}
	err := runSteps(
		readInto("started", f.Started, in, &t.started),
		readInto("deadline", f.Deadline, in, &t.deadline),
		readInto("timeout", f.Timeout, in, &t.timeout),
	)
	if err == nil && t.timeout < 0 {
		err = approval.InvalidField("timeout", "is negative")
	}
	t.retryCount, t.retryKnown = t.readCount("retry_count", f.RetryCount, in)
	t.redriveCount, _ = t.readCount("redrive_count", f.RedriveCount, in)
	if !t.deadline.After(t.sentOrNow().Add(clockSkew)) && !t.isLate(f.Started, in) {
		t.readDeadlineAsStart()
	}
	return t, err
}

// readCount returns the number in a field, or false. A value that is not a number is left out: it may have another
// meaning, and the order of attempts is known without it as a rule.
func (t *requestTimes) readCount(name string, f Field[string], in Input) (int, bool) {
	text, found, err := findField(name, f, in)
	if !found && err == nil {
		return 0, false
	}
	n, convErr := strconv.Atoi(text)
	if err != nil || convErr != nil || n < 0 || n > maxCount {
		t.addNote("%s is not used: it is not a number from 0 to %d", name, maxCount)
		return 0, false
	}
	return n, true
}

// isLate reports whether the deadline is one that came near or passed while the sender tried to send the request. Over HTTP
// the time of sending is unknown. So the body must state when its first attempt entered the state, by the name that Step
// Functions has for it, EnteredTime: startedAt may be the start of the execution.
func (t *requestTimes) isLate(started Field[time.Time], in Input) bool {
	if !t.sent.IsZero() || !t.retryKnown || t.isRetried() {
		return false
	}
	place, _ := locateField(started, in)
	return strings.HasSuffix(strings.ToLower(place), "enteredtime") && t.isNear(t.started) && t.deadline.After(t.started.Add(clockSkew))
}

// readDeadlineAsStart reads a deadline at or before the time of sending as the entry into the state: tutorials put the
// state's EnteredTime into a field called deadline.
func (t *requestTimes) readDeadlineAsStart() {
	if t.deadline.IsZero() {
		return
	}
	if t.started.IsZero() {
		t.started = t.deadline
		t.startedField = "deadline"
	} else if !t.isNear(t.deadline) && !t.isRetried() {
		t.addNote("deadline is not used: it was over when the message was sent")
	}
	t.deadline = time.Time{}
}

// sentOrNow returns when the message was sent, or now if that is unknown or later than now.
func (t *requestTimes) sentOrNow() time.Time {
	if t.sent.IsZero() || t.sent.After(t.now) {
		return t.now
	}
	return t.sent
}

// isRetried reports whether the body states that this is not the first attempt of the state. The state's EnteredTime
// is then the time of the first attempt.
func (t *requestTimes) isRetried() bool { return t.retryCount > 0 || t.redriveCount > 0 }

// isNear reports whether a time can be the entry into the state that sent the message.
func (t *requestTimes) isNear(at time.Time) bool {
	sent, transit := t.sent, maxTransit
	if sent.IsZero() {
		sent, transit = t.now, maxTransitUnsent
	}
	return !at.Before(sent.Add(-transit)) && !at.After(sent.Add(maxTransit))
}

// enteredAt returns when the state was entered. It returns the zero time if the body does not state it, or if the time is
// implausible.
func (t *requestTimes) enteredAt() time.Time {
	switch {
	case t.started.IsZero(), t.isNear(t.started):
		return t.started
	case t.isRetried() && t.started.Before(t.sentOrNow()):
		return t.started
	case t.sent.IsZero() && t.retryKnown && t.started.Before(t.now):
		return t.started // the body states that this is the first attempt
	}
	return time.Time{}
}

// attemptStartedAt returns when this attempt of the state began to wait. That is the time of sending: a retry keeps the
// state's EnteredTime, and gives the new attempt its whole TimeoutSeconds. If our clock is behind the queue's, the
// queue's time is later than now; it still puts the attempts of a state in order.
func (t *requestTimes) attemptStartedAt() time.Time {
	if !t.sent.IsZero() {
		if t.sent.After(t.now.Add(maxTransitUnsent)) { // a clock that is wrong by this much puts nothing in order
			return t.now
		}
		return t.sent
	}
	if entered := t.enteredAt(); !entered.IsZero() && !t.isRetried() && entered.Before(t.now) {
		return entered
	}
	return t.now
}

// addNote adds a note about a field that is not used as it was sent.
func (t *requestTimes) addNote(format string, args ...any) {
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

// noteImplausibleStart adds a note if the body's start is not the attempt's.
func (t *requestTimes) noteImplausibleStart() {
	switch {
	case t.started.IsZero() || !t.enteredAt().IsZero():
	case t.started.After(t.sentOrNow()):
		t.addNote("%s is not used as the start of the wait: it is after the message was sent", t.startedField)
	case t.startedField == "deadline":
		t.addNote("deadline is not used: it was over long before the message was sent")
	default:
		t.addNote("%s is not used as the start of the wait: it is long before the message was sent, "+
			"and the message has no retryCount or redriveCount above 0 (it may be the start of the execution)", t.startedField)
	}
}

// setTimes sets the deadline of the approval and the times of its reminders.
func (h *Request) setTimes(request *approval.Request, in Input) error {
	w := &h.Workflow
	times, err := h.readTimes(in)
	if err != nil {
		return err
	}
	times.noteImplausibleStart()
	request.AttemptStartedAt = times.attemptStartedAt()
	request.StateEnteredAt = times.enteredAt()
	request.RetryCount = times.retryCount
	request.RedriveCount = times.redriveCount
	request.ReadingNotes = append(request.ReadingNotes, times.notes...)
	started := request.AttemptStartedAt
	if started.After(times.now) { // the deadline is a time of our clock
		started = times.now
	}
	request.Deadline = started.Add(w.Deadline)
	if !times.deadline.IsZero() && times.deadline.Before(request.Deadline) {
		request.Deadline = times.deadline
	}
	if times.timeout > 0 {
		request.TaskExpires = started.Add(times.timeout)
		if last := request.TaskExpires.Add(-AnswerMargin(w.Margin, times.timeout)); last.Before(request.Deadline) {
			request.Deadline = last
		}
	}
	for _, r := range w.Reminders {
		if at := r.timeOf(times.now, request.Deadline); at.After(times.now) && at.Before(request.Deadline) {
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
