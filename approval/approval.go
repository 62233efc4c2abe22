package approval

import "time"

// Status is the state of an approval. A pending approval changes its status once; every other status is terminal.
type Status string

// The statuses of an approval.
const (
	Pending    Status = "pending"
	Approved   Status = "approved"
	Rejected   Status = "rejected"
	Returned   Status = "returned" // the workflow is to ask again with an improved request
	TimedOut   Status = "timed_out"
	Cancelled  Status = "cancelled"
	Superseded Status = "superseded"
)

// AllStatuses lists every status, the initial status first.
func AllStatuses() []Status {
	return []Status{Pending, Approved, Rejected, Returned, TimedOut, Cancelled, Superseded}
}

// Approval is our record of an approval request.
type Approval struct {
	// ID is derived from the order, the step and the task token, see idForToken.
	ID string `json:"id"`
	// Request is fixed when it arrives. Afterwards escalations add approvers, and the token is erased.
	Request

	Status       Status    `json:"status"`
	RequestedAt  time.Time `json:"requested_at"`
	ClosedAt     time.Time `json:"closed_at,omitzero"`
	SupersededBy string    `json:"superseded_by,omitempty"` // an approval ID
	Reason       string    `json:"reason,omitempty"`        // why it was closed, unless a decision closed it
	Votes        []Vote    `json:"votes,omitempty"`
	// Acts are the acts on the approval that are neither decisions nor cancellations, in order.
	Acts []RecordedAct `json:"acts,omitempty"`
	// Questions are the questions of approvers to the requester, in order.
	Questions []Question `json:"questions,omitempty"`
	// RequesterTold lists the reasons for which the requester has got a message.
	RequesterTold []string `json:"requester_told,omitempty"`
	// Round is the number of the round of a question that was returned before, from 2 on. The first request of a question
	// has 0.
	Round int `json:"round,omitempty"`
	// Previous is the round before, if there was one.
	Previous *PreviousRound `json:"previous,omitempty"`

	Notifications []*Notification `json:"notifications,omitempty"`
	// NotificationsMade counts every notification that was queued, also after its removal.
	NotificationsMade int `json:"notifications_made,omitempty"`
	// NotificationRounds counts the rounds of notifications: the request, each reminder and each escalation.
	NotificationRounds int `json:"rounds,omitempty"`
	RemindersSent      int `json:"reminders_sent,omitempty"`
	EscalationsDone    int `json:"escalations_done,omitempty"`
	// FirstNotifiedAt is when the first message to an approver was sent.
	FirstNotifiedAt time.Time `json:"told_at,omitzero"`
	// Undeliverable is set when every notification to approvers has failed and no fallback channel is left to try, or at
	// once if there is no notification to send. Until a message is sent it stays set, also while a reminder is tried.
	Undeliverable bool `json:"undeliverable,omitempty"`
	// Dismissed is the state that an operator has put away, see Order.Dismiss. It is empty again after a redrive, and when
	// the approval becomes undeliverable once more.
	Dismissed Attention `json:"dismissed,omitempty"`
	// HeartbeatDue is when the next heartbeat is due; of a pending approval with HeartbeatsKept, when the first was.
	HeartbeatDue time.Time `json:"heartbeat_due,omitzero"`
	// HeartbeatsKept is set while the heartbeats of the pending approval are due in the memory of a process, and not in the
	// record, see Environment.KeepsHeartbeats.
	HeartbeatsKept bool `json:"heartbeats_kept,omitempty"`
	// HeartbeatTaken is when the latest heartbeat was started that the target is known to have taken, see
	// lastHeartbeatTaken. It is zero before the first heartbeat.
	HeartbeatTaken time.Time `json:"heartbeat_taken,omitzero"`
	// Probe states whether the target is asked if the workflow still waits.
	Probe    Probe    `json:"probe,omitzero"`
	Callback Callback `json:"callback"`
}

// closeApproval gives a pending approval its terminal status. The pending notifications to its approvers are dropped,
// and its callback becomes due. Its heartbeats go on until the workflow has the answer.
func (o *Order) closeApproval(a *Approval, s Status, reason string, env Environment) []Action {
	a.Status = s
	a.ClosedAt = env.Now
	a.Reason = reason
	if a.Probe.Newer != "" { // endClosedProbes ends it
		a.Probe.Running = false
		a.Probe.Due = env.Now
	}
	for _, n := range a.Notifications {
		// The result of a notification under way is recorded later by the process that sends it.
		if n.State == NotificationPending && n.Kind.endsWithApproval() && !n.isUnderWay(env.Now) {
			n.State = NotificationDropped
			n.AttemptRunning = false
			if n.Kind == NotifyUpdate { // the edit with the outcome follows
				n.Receipt = ""
			}
		}
	}
	a.Undeliverable = false
	o.releaseHeartbeats(a, env)
	o.judgeLater(env)
	a.tellClosed(env) // before the edits, which take over the receipts
	a.queueOutcomeEdits(env)
	a.notifyPrograms(closedEventName(s), env)
	a.Callback = Callback{State: CallbackPending, PendingSince: env.Now, Due: env.Now}
	return append(o.startCallback(a, env), o.startNotifications(a, env)...)
}
