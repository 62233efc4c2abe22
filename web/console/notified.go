package console

import (
	"slices"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/untrusted"
)

// openApprovers lists the approvers who have not voted.
func openApprovers(a *approval.Approval) (out nameList) {
	for _, p := range a.Approvers {
		switch {
		case hasVoted(a, p.ID):
		case len(out.Names) == shownApprovers:
			out.More++
		default:
			out.Names = append(out.Names, untrusted.MultiLine(p.ID))
		}
	}
	return out
}

func hasVoted(a *approval.Approval, id string) bool {
	return slices.ContainsFunc(a.Votes, func(v approval.Vote) bool { return !v.Void && approval.SamePerson(v.By, id) })
}

// textUndeliverable is the status of an approval with no notification that was or will be sent.
const textUndeliverable = "Undeliverable"

// describeNotifications returns how far the approvers are notified.
func describeNotifications(a *approval.Approval) statusView {
	var sent, pending, exhausted int
	var failing *approval.Notification
	for _, n := range a.Notifications {
		switch {
		case n.Kind == approval.NotifyOutcome, n.Kind == approval.NotifyUpdate, n.Kind == approval.NotifyEvent:
		case n.State == approval.NotificationSent:
			sent++
		case n.State == approval.NotificationExhausted:
			exhausted++
			failing = n
		case n.State == approval.NotificationPending:
			pending++
			if n.LastError != "" {
				failing = n
			}
		}
	}
	out := statusView{Text: "Notified", Tone: "good"}
	if failing != nil {
		out.Error = untrusted.MultiLine(failing.Channel + ": " + failing.LastError)
	}
	switch {
	case a.Undeliverable, sent == 0 && pending == 0 && exhausted > 0:
		out.Text, out.Tone = textUndeliverable, "bad"
	case sent == 0 && pending == 0:
		out.Text, out.Tone = "No notification", "closed"
	case sent == 0 && failing != nil:
		out.Text, out.Tone = "Not notified yet, failing", "bad"
	case sent == 0:
		out.Text, out.Tone = "Being notified", "open"
	case failing != nil:
		out.Text, out.Tone = "Notified, some failing", "warn"
	}
	return out
}
