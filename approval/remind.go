package approval

import "time"

// Remind sends a reminder now: to an approver, or to all approvers without a vote if the approver is empty. The reminders
// of the schedule stay as they are.
func (o *Order) Remind(act Act, approver string, env Environment) (Verdict, []Action, error) {
	a, v, actions, err := o.beginAct(act, ActRemind, env)
	if a == nil || err != nil {
		return v, actions, err
	}
	if a.Probe.Holding {
		return v, actions, InvalidField("approval", "is not asked yet: it is being checked whether the workflow still waits")
	}
	reminded := a.waitingApprovers()
	if approver != "" {
		p, err := a.findWaitingApprover("approver", approver)
		if err != nil {
			return v, actions, err
		}
		reminded = []Approver{p}
	}
	if len(reminded) == 0 && len(a.Approvers) > 0 {
		return v, actions, InvalidField("approval", "has no approver left without a vote")
	}
	made := a.NotificationsMade
	a.notifyApprovers(NotifyReminder, reminded, env)
	if a.NotificationsMade == made {
		return v, actions, InvalidField("approval", "has no channel that reaches these approvers")
	}
	o.endAct(a, act, RecordedAct{Kind: ActRemind, To: idsOf(reminded)}, &v, env)
	return v, append(actions, o.startDueActions(a, env)...), nil
}

// waitingApprovers lists the approvers that have neither declined nor a vote on their seat.
func (a *Approval) waitingApprovers() []Approver {
	var out []Approver
	for _, p := range a.Approvers {
		if !p.Declined && !a.hasSeatVoted(p) {
			out = append(out, p)
		}
	}
	return out
}

// findWaitingApprover returns the approver with an ID. The error names the field if it is no approver, or has voted.
func (a *Approval) findWaitingApprover(field, id string) (Approver, error) {
	switch {
	case len(a.Approvers) == 0:
		return Approver{}, errUnnamed(field)
	case !isApprover(a.Approvers, id):
		return Approver{}, InvalidField(field, "is not an approver of this approval")
	}
	p := findApprover(a.Approvers, id)
	if a.hasSeatVoted(p) {
		return Approver{}, InvalidField(field, "has voted, or the approver whose seat this is has")
	}
	return p, nil
}

// errUnnamed is the error of an act on the approvers of an approval that names none.
func errUnnamed(field string) error {
	return InvalidField(field, "are not named for this approval: everybody who gets its link may decide it")
}

// maxWait bounds the deadline of an approval if the end of its task is unknown. Step Functions waits for a
// year at most.
const maxWait = 366 * 24 * time.Hour

// Extension is a later deadline.
type Extension struct {
	// Until is the new deadline. If it is zero, it is By after the present deadline.
	Until time.Time
	By    time.Duration
	// MarginOf returns the time that is needed to answer the workflow, between the deadline and the end of its task. It may
	// be nil.
	MarginOf func(*Approval) time.Duration
}

// ExtendDeadline gives the approvers more time, while the workflow waits. Reminders and escalations
// stay where they are. Links that were sent before are valid until the new deadline, see AcceptsCapability.
func (o *Order) ExtendDeadline(act Act, e Extension, env Environment) (Verdict, []Action, error) {
	a, v, actions, err := o.beginAct(act, ActExtend, env)
	if a == nil || err != nil {
		return v, actions, err
	}
	until := e.Until
	if until.IsZero() {
		until = a.Deadline.Add(e.By)
	}
	latest := e.latestFor(a)
	switch {
	case !until.After(a.Deadline):
		return v, actions, InvalidField("deadline", "is not after the present deadline, %s", formatTime(a.Deadline))
	case until.After(latest):
		return v, actions, InvalidField("deadline", "is after %s, the latest time at which the workflow can still be answered",
			formatTime(latest))
	}
	if isOperator(act.Actor.Principal) && env.NeedsSecond.on(a) {
		return o.propose(a, act, Proposal{Kind: ActExtend, Until: until}, env), actions, nil
	}
	a.Deadline = until
	o.endAct(a, act, RecordedAct{Kind: ActExtend, Deadline: until}, &v, env)
	return v, append(actions, o.startDueActions(a, env)...), nil
}

// latestFor returns the latest deadline that leaves time to answer the workflow of an approval.
func (e Extension) latestFor(a *Approval) time.Time {
	switch {
	case a.TaskExpires.IsZero():
		return a.RequestedAt.Add(maxWait)
	case e.MarginOf == nil:
		return a.TaskExpires
	}
	return a.TaskExpires.Add(-max(e.MarginOf(a), 0))
}

func formatTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }
