package console

import (
	"slices"

	"github.com/approval-relay/approval-relay/advice"
	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/untrusted"
)

// openApprovers lists the approvers without a vote.
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

// describeNotifications returns how far the approvers are notified.
func describeNotifications(a *approval.Approval) statusView {
	progress, failing := advice.ProgressOf(a)
	out := map[advice.Progress]statusView{
		advice.Untold:        {Text: "No notification", Tone: "closed"},
		advice.Undeliverable: {Text: "Undeliverable", Tone: "bad"},
		advice.Failing:       {Text: "Not notified yet, failing", Tone: "bad"},
		advice.BeingNotified: {Text: "Being notified", Tone: "open"},
		advice.SomeFailing:   {Text: "Notified, some failing", Tone: "warn"},
		advice.Notified:      {Text: "Notified", Tone: "good"},
	}[progress]
	if failing != nil {
		out.Error = untrusted.MultiLine(failing.Channel + ": " + failing.LastError)
	}
	return out
}
