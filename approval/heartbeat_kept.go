package approval

import "time"

// HeartbeatChange tells the caller of a transition that the heartbeats of an approval are kept in the memory of its
// process from now on, or are not kept any more.
type HeartbeatChange struct {
	ApprovalID string
	// Heartbeat is nil if the heartbeats are not kept any more, because the approval is closed.
	Heartbeat *KeptHeartbeat
}

// KeptHeartbeat is everything that a process needs to know of an approval to keep its heartbeats in memory.
type KeptHeartbeat struct {
	ApprovalID string
	Target     string
	Interval   time.Duration
	FirstDue   time.Time // in the past after the first heartbeat
}

// HeartbeatChanges returns the changes since the order was read from its store. They are not part of the record: the
// caller obeys them when the record is stored, and also if it may be stored. A process that ends before loses them:
// KeptHeartbeats of all pending orders has the heartbeats without a process that keeps them.
func (o *Order) HeartbeatChanges() []HeartbeatChange { return o.heartbeats }

// KeptHeartbeats returns the heartbeats of the order that are due in the memory of a process. Only a pending approval has
// any.
func (o *Order) KeptHeartbeats() []KeptHeartbeat {
	var kept []KeptHeartbeat
	for _, a := range o.Approvals {
		if a.HeartbeatsKept {
			kept = append(kept, a.keptHeartbeat())
		}
	}
	return kept
}

func (a *Approval) keptHeartbeat() KeptHeartbeat {
	return KeptHeartbeat{
		ApprovalID: a.ID,
		Target:     a.Target,
		Interval:   a.HeartbeatInterval,
		FirstDue:   a.HeartbeatDue,
	}
}

// keepHeartbeats hands the heartbeats of a pending approval to the memory of this process.
func (o *Order) keepHeartbeats(a *Approval, env Environment) {
	due := a.nextHeartbeat()
	if due.IsZero() || !due.After(env.Now) || a.Status != Pending || a.HeartbeatInterval <= 0 || env.Lease <= 0 ||
		env.KeepsHeartbeats == nil || !env.KeepsHeartbeats(a.HeartbeatInterval) {
		return
	}
	a.HeartbeatsKept = true
	kept := a.keptHeartbeat()
	o.heartbeats = append(o.heartbeats, HeartbeatChange{ApprovalID: a.ID, Heartbeat: &kept})
}

// releaseHeartbeats makes the heartbeats of an approval that has closed due in its record again: its callback depends
// on them. If another process has kept them, it sends a last heartbeat when it finds the approval closed, at most an
// interval after the latest; the first from the record follows early, in case that process is gone.
func (o *Order) releaseHeartbeats(a *Approval, env Environment) {
	if !a.HeartbeatsKept {
		return
	}
	a.HeartbeatTaken = a.lastHeartbeatTaken(env)
	a.HeartbeatsKept = false
	switch isKnown := env.HeartbeatTaken != nil && !env.HeartbeatTaken(a.ID).IsZero(); {
	case a.HeartbeatDue.After(env.Now): // the first is still to come
	case isKnown:
		a.HeartbeatDue = laterOf(env.Now, a.HeartbeatTaken.Add(a.HeartbeatInterval))
	default:
		a.HeartbeatDue = env.Now.Add(a.HeartbeatInterval / 4)
	}
	o.heartbeats = append(o.heartbeats, HeartbeatChange{ApprovalID: a.ID})
}

// KeptHeartbeatAction returns the heartbeat of an approval that is due in the memory of this process, and reports
// whether it is to be sent. It is not if the workflow does not wait any more. If isKept is false, memory has no further
// heartbeat.
func (o *Order) KeptHeartbeatAction(approvalID string, now time.Time) (action Action, isDue, isKept bool) {
	a := o.FindApproval(approvalID)
	if a == nil || a.Token.IsZero() || a.HeartbeatInterval <= 0 || !a.isAnswerAwaited() ||
		!a.TaskExpires.IsZero() && !now.Before(a.TaskExpires) {
		return Action{}, false, false
	}
	return o.newAction(ActionHeartbeat, a, now.Add(a.HeartbeatInterval)), true, a.HeartbeatsKept
}

// StoredHeartbeat returns when the next heartbeat is due by the record. It is zero while heartbeats are due in the memory
// of a process.
func (a *Approval) StoredHeartbeat() time.Time {
	if a.HeartbeatsKept && a.Status == Pending {
		return noTime
	}
	return a.HeartbeatDue
}
