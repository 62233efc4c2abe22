package web

import (
	"encoding/hex"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/untrusted"
	"github.com/approval-relay/approval-relay/web/look"
)

// view is the data of the template.
type view struct {
	Badge   string
	Tone    string // of the badge: open, good, bad, closed
	Heading string
	Lead    string
	Notice  string // the fault of the last form
	SignIn  string // path of the sign-in, if it is offered
	SignOut bool   // the page is the form to sign out
	Request *requestView
	Form    *formView
}

// requestView shows the request, and the decisions so far.
type requestView struct {
	OrderID   string
	Workflow  string
	Step      string
	Execution string
	Requester string
	Approver  string
	SignedIn  string

	Details   detailsView
	Requested look.Moment
	Deadline  look.Moment
	Votes     []voteView
}

type formView struct {
	Nonce      string
	Shown      string
	Approve    bool
	Reject     bool
	Comment    string
	MaxComment int
}

type voteView struct {
	By      string
	Outcome string // in the past tense
	At      look.Moment
}

// newView returns the page of a visit.
func (p *Page) newView(v *visit) view {
	page := view{Heading: untrusted.MultiLine(v.approval.Title), Request: v.newRequestView()}
	if page.Heading == "" {
		page.Heading = "Order " + untrusted.MultiLine(v.order.ID)
	}
	page.Badge, page.Tone, page.Lead = v.describeState()
	if v.offersSignIn() {
		page.SignIn = "../signin/" + v.token
	}
	if !v.canDecide() {
		return page
	}
	shown := v.contentDigest()
	page.Form = &formView{
		Nonce:      p.Links.FormNonce(v.capability, shown, v.now),
		Shown:      hex.EncodeToString(shown),
		Approve:    v.allowsOutcome(approval.Approve),
		Reject:     v.allowsOutcome(approval.Reject),
		MaxComment: approval.MaxComment,
	}
	return page
}

// describeState returns the badge and the sentence about the state of the approval.
func (v *visit) describeState() (badge, tone, lead string) {
	at := look.NewMoment(v.approval.ClosedAt, v.now).String()
	switch v.effectiveStatus() {
	case approval.Approved:
		return "Approved", "good", "This request was approved on " + at + ". There is nothing left to decide."
	case approval.Rejected:
		return "Rejected", "bad", "This request was rejected on " + at + ". There is nothing left to decide."
	case approval.TimedOut:
		return "Timed out", "closed", "The deadline has passed, so this request can no longer be decided."
	case approval.Cancelled:
		return "Cancelled", "closed", "This request was cancelled on " + at + ". There is nothing left to decide."
	case approval.Superseded:
		return "Superseded", "closed", "The workflow has sent a newer request, so this request no longer counts. " +
			"If you still have to decide, there is a newer message with another link."
	case approval.Pending:
	}
	return v.describePending()
}

// describePending returns the badge and the sentence about a pending approval. They depend on the visitor.
func (v *visit) describePending() (badge, tone, lead string) {
	signedInAs := "You are signed in as " + untrusted.MultiLine(v.signedIn)
	switch vote := v.ownVote(); {
	case vote != nil:
		return "Waiting for others", "open",
			"Your decision is recorded: you " + pastTense(vote.Outcome) + " this request. Others must still decide."
	case v.isOthersLink():
		return "Not yours to decide", "closed",
			signedInAs + ", but this link is for somebody else. Nothing was decided."
	case v.isWrongPerson():
		return "Not yours to decide", "closed",
			signedInAs + ", who is not an approver of this request. Nothing was decided."
	case v.offersSignIn() && v.approval.HasAnonymousLinks():
		return "Waiting for your decision", "open",
			"Please sign in to decide: this link does not say who you are, and the person who made the request may not decide it."
	case v.offersSignIn():
		return "Waiting for your decision", "open",
			"Please sign in to decide: this request needs to know for sure who decides."
	case v.approval.HasAnonymousLinks() && v.signedIn == "":
		return "Waiting", "open",
			"This link shows the request, but it does not say who you are. The person who made the request may not " +
				"decide it, and this link could be theirs."
	case !v.linkDecides() && v.signedIn == "":
		return "Waiting", "open",
			"This link shows the request. Only its approvers can decide, each by the link in their own message."
	case !v.linkSuffices():
		return "Waiting", "open",
			"This request accepts a decision only from a person who has signed in, so it cannot be decided on this page."
	}
	return "Waiting for your decision", "open", "Please look at the request and decide."
}

func (v *visit) newRequestView() *requestView {
	a := v.approval
	out := &requestView{
		OrderID:   untrusted.MultiLine(v.order.ID),
		Workflow:  untrusted.MultiLine(a.Workflow),
		Step:      untrusted.MultiLine(a.Step),
		Execution: untrusted.MultiLine(a.Execution),
		Requester: untrusted.MultiLine(a.Requester),
		Approver:  untrusted.MultiLine(v.capability.Approver),
		SignedIn:  untrusted.MultiLine(v.signedIn),
		Requested: look.NewMoment(a.RequestedAt, v.now),
		Deadline:  look.NewMoment(a.Deadline, v.now),
		Details:   newDetailsView(a.Details, language.For("en"), time.UTC),
	}
	for _, vote := range a.Votes {
		out.Votes = append(out.Votes, voteView{
			By:      voterName(vote.By),
			Outcome: pastTense(vote.Outcome),
			At:      look.NewMoment(vote.At, v.now),
		})
	}
	return out
}

func pastTense(o approval.Outcome) string {
	if o == approval.Approve {
		return "approved"
	}
	return "rejected"
}

// voterName returns the principal of a vote as the page shows it.
func voterName(by string) string {
	if by == unnamedHolder {
		return "Somebody with the link"
	}
	if source, ok := strings.CutPrefix(by, "source:"); ok {
		return untrusted.MultiLine(source) + " (a system)"
	}
	return untrusted.MultiLine(by)
}
