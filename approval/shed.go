package approval

import "slices"

// Shed makes the record smaller: it removes the least needed part that the record still has, and reports whether there
// was one. It is for a store whose records have a limit. If a transition makes a record too large, the store calls Shed
// and encodes the record again, until the record fits or Shed returns false. Then only an audit trail and pending work
// are left, and the store refuses the transition with OrderFull.
//
// A store should refuse a transition that adds something (see Adds) at a lower limit, without Shed. The difference of
// the limits is then left for the transitions that close approvals and answer workflows.
//
// Shed removes in this order:
//
//  1. finished notifications that will not be edited, of closed approvals, and expired unmatched decisions;
//  2. the events that are not for audit;
//  3. what approvers saw and what was sent with the answer, of closed approvals whose callback has ended for good;
//  4. most of the comments in the votes of these approvals. Each keeps its first bytes and an ellipsis.
//
// It never removes a vote, an event for audit, a token, or anything of a pending approval. No action becomes due or is
// lost, and NextDue does not become earlier. ShedParts names what was removed.
func (o *Order) Shed() bool {
	for _, part := range []struct {
		name   string
		remove func(*Order) bool
	}{
		{"notifications", (*Order).shedNotifications},
		{"events", (*Order).shedEvents},
		{shedPartDetails, (*Order).shedDetails},
		{"comments", (*Order).shedComments},
	} {
		if !part.remove(o) {
			continue
		}
		if !slices.Contains(o.ShedParts, part.name) {
			o.ShedParts = append(slices.Clip(o.ShedParts), part.name)
		}
		return true
	}
	return false
}

// Adds reports whether the transition since the order was read was a request or decision that made the record larger: a
// new approval, a vote that does not decide yet, or a decision that waits. A store may refuse it for now, with OrderFull;
// its sender sends it again. It is false for everything that closes an approval by a decision, answers a workflow or
// records a result, and for Advance.
func (o *Order) Adds() bool { return o.adds }

// shedPartDetails is the name of the part that approvers saw.
const shedPartDetails = "details"

func (o *Order) shedNotifications() bool {
	before := len(o.Unmatched)
	o.Unmatched = slices.DeleteFunc(o.Unmatched, func(u UnmatchedDecision) bool { return u.Expired })
	removed := len(o.Unmatched) < before
	for _, a := range o.Approvals {
		if a.Status == Pending {
			continue // reminders and the fallback channels read the earlier rounds
		}
		before := len(a.Notifications)
		a.Notifications = slices.DeleteFunc(a.Notifications, func(n *Notification) bool {
			return n.State != NotificationPending && n.Receipt == ""
		})
		removed = removed || len(a.Notifications) < before
	}
	return removed
}

func (o *Order) shedEvents() bool {
	before := len(o.History)
	o.keepEvents(func(e Event) bool { return e.class() == classAudit })
	return len(o.History) < before
}

func (o *Order) shedDetails() bool {
	removed := false
	for _, a := range o.Approvals {
		if !a.isSettled() || len(a.Details)+len(a.Output)+len(a.Escalations)+len(a.Reminders)+len(a.Content) == 0 &&
			a.Previous == nil {
			continue
		}
		a.Details, a.Output, a.Escalations, a.Reminders = nil, nil, nil, nil
		a.Content, a.Previous = nil, nil
		a.EscalationsDone, a.RemindersSent = 0, 0
		removed = true
	}
	return removed
}

// keptComment is how much of a comment Shed leaves, in bytes.
const keptComment = 40

func (o *Order) shedComments() bool {
	removed := false
	for _, a := range o.Approvals {
		if !a.isSettled() {
			continue
		}
		for i := range a.Votes {
			if short := truncate(a.Votes[i].Comment, keptComment); len(short) < len(a.Votes[i].Comment) {
				if a.Receipt {
					a.Votes[i].CommentDigest = a.Votes[i].DigestOfComment()
				}
				a.Votes[i].Comment = short
				removed = true
			}
		}
	}
	return removed
}

// isSettled reports whether the approval is closed, its callback has ended and cannot be redriven, and no message about
// it is left to send. Nothing reads its content any more, except people.
func (a *Approval) isSettled() bool {
	return a.Callback.hasEnded() && a.Callback.State != CallbackExhausted &&
		!slices.ContainsFunc(a.Notifications, func(n *Notification) bool { return n.State == NotificationPending })
}
