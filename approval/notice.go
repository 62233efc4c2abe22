package approval

import (
	"slices"

	"github.com/approval-relay/approval-relay/language"
)

// IsNotice reports whether a message asks nobody to decide: it tells the requester, or approvers that need not decide any
// more.
func (k NotificationKind) IsNotice() bool { return k == NotifyRequester || k == NotifyDecided }

// Notice has the additional facts of a notice.
type Notice struct {
	// By is the maker of the deciding vote, Choice and Comment are its content. The comment is empty if the reader may
	// not see it.
	By      string
	Choice  language.Text
	Comment string
	// Question is the latest question, and Asker is its author.
	Question string
	Asker    string
	// MayWithdraw reports whether the requester can withdraw the request by the link.
	MayWithdraw bool
}

// newNotice returns the facts of a notice about an approval.
func (a *Approval) newNotice(kind NotificationKind) Notice {
	n := Notice{MayWithdraw: a.RequesterWithdraws && a.Status == Pending}
	if i := len(a.Questions) - 1; i >= 0 {
		n.Question, n.Asker = a.Questions[i].Text, a.Questions[i].By
	}
	i := len(a.Votes) - 1
	if i < 0 || closedReason(a.Status) == "" || a.Status == TimedOut || a.Status == Cancelled {
		return n
	}
	vote := a.Votes[i]
	n.By = vote.By
	n.Choice = a.labelOf(vote.Choice)
	if kind == NotifyDecided || a.RequesterComments {
		n.Comment = vote.Comment
	}
	return n
}

// labelOf returns the label of a choice by its ID.
func (a *Approval) labelOf(choice string) language.Text {
	i := slices.IndexFunc(a.Choices, func(c Choice) bool { return c.ID == choice })
	if i < 0 {
		return nil
	}
	return a.Choices[i].Label
}
