package approval

import (
	"slices"
	"time"
)

// RequesterRules state how the requester of an approval is told of it, and the rights of the requester. With the zero
// value the requester is told nothing.
type RequesterRules struct {
	// RequesterChannels notify the requester. They are empty if the workflow does not tell requesters, or cannot reach
	// this requester.
	RequesterChannels []string `json:"requester_channels,omitempty"`
	// RequesterNonce is part of the requester's link. A link with a different nonce is revoked.
	RequesterNonce string `json:"requester_nonce,omitempty"`
	// RequesterComments shows the requester the comments of approvers.
	RequesterComments bool `json:"requester_comments,omitempty"`
	// RequesterWithdraws lets the requester withdraw the request, and RequesterAnswers lets approvers ask the requester.
	RequesterWithdraws bool `json:"requester_withdraws,omitempty"`
	RequesterAnswers   bool `json:"requester_answers,omitempty"`
	// PassOnTo are the IDs of further persons that can get the request from an approver.
	PassOnTo []string `json:"pass_on,omitempty"`
	// DecidedUntold leaves out the messages to approvers that somebody else has decided.
	DecidedUntold bool `json:"decided_untold,omitempty"`
}

// The reasons for messages to the requester. There is at most a single message for each reason, and for each question.
const (
	RequesterReceived      = "received" // the approvers are asked; the message has the link of the requester
	RequesterDecided       = "decided"  // approved or rejected
	RequesterReturned      = "returned"
	RequesterTimedOut      = "timed_out"
	RequesterCancelled     = "cancelled"
	RequesterUndeliverable = "undeliverable" // no approver can be reached, or all have declined
	RequesterQuestion      = "question"
)

// tellRequester queues a message to the requester, once for each reason.
func (a *Approval) tellRequester(reason string, env Environment) {
	if a.Requester == "" || len(a.RequesterChannels) == 0 {
		return
	}
	if reason != RequesterQuestion {
		if slices.Contains(a.RequesterTold, reason) {
			return
		}
		a.RequesterTold = append(slices.Clip(a.RequesterTold), reason)
	}
	for _, channel := range a.RequesterChannels {
		a.queueNotification(Notification{
			Kind:     NotifyRequester,
			Event:    reason,
			Channel:  channel,
			Approver: a.Requester,
		}, MaxNotifications+reservedNotifications, env)
	}
}

// closedReason returns the reason of the message that tells the requester of the end. It is empty for a superseded
// approval, because the newer approval has its own messages.
func closedReason(s Status) string {
	switch s {
	case Approved, Rejected:
		return RequesterDecided
	case Returned:
		return RequesterReturned
	case TimedOut:
		return RequesterTimedOut
	case Cancelled:
		return RequesterCancelled
	case Pending, Superseded:
	}
	return ""
}

// tellClosed tells the requester, and the approvers without a vote, that the approval has closed.
func (a *Approval) tellClosed(env Environment) {
	if reason := closedReason(a.Status); reason != "" {
		a.tellRequester(reason, env)
	}
	a.tellUndecided(env)
}

// reader names the approver of a notification, or the channel of a group.
func (n *Notification) reader() string {
	if n.Approver == "" {
		return "group " + n.Channel
	}
	return "person " + string(NewPersonID(n.Approver))
}

// tellUndecided queues a message to the approvers that were asked and have not decided, through a channel that has reached
// them and cannot edit its messages. A group gets a message in each such channel.
func (a *Approval) tellUndecided(env Environment) {
	wasDecided := a.Status == Approved || a.Status == Rejected || a.Status == Returned
	if a.DecidedUntold || len(a.Approvers) == 0 || !wasDecided {
		return
	}
	undecided := a.waitingApprovers()
	told := map[string]bool{} // a person has a message once, a group once in each channel
	for _, n := range a.Notifications {
		if n.Kind == NotifyDecided {
			told[n.reader()] = true
		}
	}
	for _, n := range slices.Clone(a.Notifications) {
		isAwaited := n.Approver == "" && len(undecided) > 0 || isApprover(undecided, n.Approver)
		if !n.Kind.isForPeople() || n.State != NotificationSent || n.Receipt != "" || told[n.reader()] || !isAwaited {
			continue
		}
		told[n.reader()] = true
		a.queueNotification(Notification{Kind: NotifyDecided, Channel: n.Channel, Approver: n.Approver},
			MaxNotifications+reservedNotifications, env)
	}
}

// RequesterCapability returns the capability of the requester's link: to see the approval as long as the record has it.
// It never decides.
func (o *Order) RequesterCapability(a *Approval) Capability {
	return Capability{
		OrderID:    o.ID,
		ApprovalID: a.ID,
		Approver:   a.Requester,
		Expires:    a.requesterLinkExpires(),
		Nonce:      a.RequesterNonce,
	}
}

func (a *Approval) requesterLinkExpires() time.Time {
	return a.Deadline.Add(max(a.Retention, linkLifetimeAfterDeadline))
}

// AcceptsRequester reports whether a capability is that of the requester's link, and still valid.
func (a *Approval) AcceptsRequester(c Capability, now time.Time) bool {
	return a.RequesterNonce != "" && c.ApprovalID == a.ID && c.Nonce == a.RequesterNonce && c.Approver == a.Requester &&
		len(c.Allowed) == 0 && laterOf(c.Expires, a.requesterLinkExpires()).After(now)
}

// RequesterActor returns the requester as the maker of an act by the requester's link.
func (a *Approval) RequesterActor() Actor {
	return Actor{By: a.Requester, Via: ViaLink, Source: string(ViaLink)}
}
