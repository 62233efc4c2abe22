package approval

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of an ask, in bytes where not said otherwise. They hold the answer
// within Step Functions' 262,144 bytes of output and a record within a store.
const (
	MaxOrderID = 256
	MaxToken   = 2048 // the longest task token; also the longest callback URL
	maxName    = 256  // workflow, step, approver, requester, execution, target
	maxTitle   = 1024
	maxDetails = 50
	maxValue   = 2048
)

// AddRequest records an approval request and returns the approval's ID with what
// is owed because of it. A request that is known changes nothing. A pending
// approval of the same workflow and step with another token is superseded: its
// state was retried, or asked anew; unless it was asked for later, and this request
// was overtaken on its way. Decisions that came before are applied.
//
// The error is Permanent and names the field at fault; nothing has changed then.
func (o *Order) AddRequest(ask Request, env Environment) (string, []Action, error) {
	named := len(ask.Approvers)
	ask.Approvers = distinctApprovers(ask.Approvers, ask.Requester)
	if named > 0 && len(ask.Approvers) == 0 { // with none, everybody could decide
		return "", nil, InvalidField("approvers", "name nobody but the requester")
	}
	ask.Reminders = slices.SortedFunc(slices.Values(ask.Reminders), time.Time.Compare)
	ask.Escalations = slices.SortedStableFunc(slices.Values(ask.Escalations), func(a, b Escalation) int { return a.At.Compare(b.At) })
	if err := o.validateRequest(ask); err != nil {
		return "", nil, err
	}
	id := ApprovalID(o.ID, ask.Step, ask.Token)
	if known := o.FindApproval(id); known != nil {
		o.recordEvent(known.newEvent(EventRequestRepeated, env.Now))
		return id, o.startDueActions(known, env), nil
	}
	if len(o.Approvals) >= MaxApprovals && !o.removeOldestClosed(env) {
		return "", nil, InvalidField("order", "has %d approvals pending or unanswered, the most that one order may have", MaxApprovals)
	}
	a := &Approval{
		ID:          id,
		Request:     ask,
		Status:      Pending,
		RequestedAt: env.Now,
	}
	a.notifyPrograms(ProgramEventRequested, env)
	if a.HeartbeatInterval > 0 {
		a.HeartbeatDue = env.Now.Add(a.HeartbeatInterval)
	}
	actions := o.expireOverdue(env)
	o.Approvals = append(o.Approvals, a)
	e := a.newEvent(EventRequested, env.Now)
	e.By = a.Requester
	o.recordEvent(e)
	actions = append(actions, o.supersedeOlder(a, env)...)
	actions = append(actions, o.expireOverdue(env)...) // it may have come after its own deadline
	actions = append(actions, o.applyUnmatched(a, env)...)
	if a.Status == Pending {
		a.notifyApprovers(NotifyRequest, a.Approvers, env)
	}
	return id, append(actions, o.startDueActions(a, env)...), nil
}

// validateRequest names the first field of the ask that cannot be taken.
func (o *Order) validateRequest(ask Request) error {
	switch {
	case o.ID == "":
		return InvalidField("order", "is missing")
	case len(o.ID) > MaxOrderID:
		return InvalidField("order", "is %d bytes long, the most is %d", len(o.ID), MaxOrderID)
	case !utf8.ValidString(o.ID): // would not come back from a store as it was
		return InvalidField("order", "is not UTF-8")
	case ask.Token.IsZero():
		return InvalidField("token", "is missing")
	case len(ask.Token.Reveal()) > MaxToken:
		return InvalidField("token", "is %d bytes long, the most is %d", len(ask.Token.Reveal()), MaxToken)
	case len(ask.allApprovers()) > MaxApprovers:
		return InvalidField("approvers", "are %d with those of escalations, the most is %d", len(ask.allApprovers()), MaxApprovers)
	case max(1, len(ask.allApprovers()))*len(ask.Channels) > MaxNotifications:
		return InvalidField("channels", "times approvers are more than %d notifications", MaxNotifications)
	case len(ask.Title) > maxTitle:
		return InvalidField("title", "is %d bytes long, the most is %d", len(ask.Title), maxTitle)
	case len(ask.Details) > maxDetails:
		return InvalidField("details", "are %d, the most is %d", len(ask.Details), maxDetails)
	case ask.MinAssurance != "" && ask.MinAssurance.rank() < 0: // would demand nothing
		return InvalidField("min_assurance", "%.40q is not link, chat or sso", ask.MinAssurance)
	case ask.Trace != "" && !isTraceParent(ask.Trace):
		return InvalidField("trace", "is no traceparent")
	case ask.Deadline.IsZero():
		return InvalidField("deadline", "is missing")
	}
	for _, f := range []Field{
		{"workflow", ask.Workflow}, {"step", ask.Step}, {"requester", ask.Requester}, {"execution", ask.Execution}, {"target", ask.Target},
	} {
		if !utf8.ValidString(f.Value) {
			return InvalidField(f.Name, "is not UTF-8")
		}
		if len(f.Value) > maxName {
			return InvalidField(f.Name, "is %d bytes long, the most is %d", len(f.Value), maxName)
		}
	}
	for i, p := range ask.allApprovers() {
		if strings.TrimSpace(p.ID) == "" || len(p.ID) > maxName || !utf8.ValidString(p.ID) {
			return InvalidField("approvers", "number %d is empty, longer than %d bytes or not UTF-8", i+1, maxName)
		}
	}
	for _, f := range ask.Details {
		if len(f.Name) > maxName || len(f.Value) > maxValue {
			return InvalidField("details", "%.40q is longer than %d bytes", f.Name, maxValue)
		}
	}
	if err := ask.validateEscalations(); err != nil {
		return err
	}
	return ask.Policy.validateFor(countSeats(ask.Approvers, true))
}

// distinctApprovers removes the requester and repeated names from the approvers.
func distinctApprovers(approvers []Approver, requester string) []Approver {
	var out []Approver
	for _, p := range approvers {
		same := func(q Approver) bool { return SamePerson(p.ID, q.ID) }
		if (requester == "" || !SamePerson(p.ID, requester)) && !slices.ContainsFunc(out, same) {
			out = append(out, p)
		}
	}
	return out
}

// removeOldestClosed makes room by removing the oldest approval whose callback
// has ended. It must have ended a while ago: the redelivered request of one that
// is forgotten would supersede its successor.
func (o *Order) removeOldestClosed(env Environment) bool {
	i := slices.IndexFunc(o.Approvals, func(a *Approval) bool {
		return a.Callback.hasEnded() && a.Callback.State != CallbackExhausted && !a.Callback.EndedAt.Add(TokenGrace).After(env.Now)
	})
	if i < 0 {
		return false
	}
	o.Approvals = slices.Delete(o.Approvals, i, i+1)
	return true
}

// closeApproval gives a pending approval its one terminal status: its notifications are
// dropped, its heartbeat ends, and its callback is owed from now on.
func (o *Order) closeApproval(a *Approval, s Status, reason string, env Environment) []Action {
	a.Status, a.ClosedAt, a.Reason = s, env.Now, reason
	a.HeartbeatDue = noTime
	for _, n := range a.Notifications {
		// One that is under way is recorded by whoever began it.
		if n.State == NotificationPending && n.Kind.isForPeople() && !n.isUnderWay(env.Now) {
			n.State, n.AttemptRunning = NotificationDropped, false
		}
	}
	a.Undeliverable = false
	a.queueOutcomeEdits(env)
	a.notifyPrograms(closedEventName(s), env)
	a.Callback = Callback{State: CallbackPending, PendingSince: env.Now, Due: env.Now}
	return append(o.startCallback(a, env), o.startNotifications(a, env)...)
}
