package web

import (
	"cmp"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/untrusted"
	"github.com/approval-relay/approval-relay/web/look"
)

// view is what the template is given.
type view struct {
	Badge   string
	Tone    string // of the badge: open, good, bad, closed
	Heading string
	Lead    string
	Notice  string // what was wrong with the last form
	SignIn  string // where to sign in, if that helps
	Request *requestView
	Form    *formView
}

// requestView is what was asked, and what has been decided so far.
type requestView struct {
	OrderID, Workflow, Step, Execution, Requester, Approver, SignedIn string

	Details             []approval.Field
	Requested, Deadline look.Moment
	Votes               []voteView
}

type formView struct {
	Nonce, Shown    string
	Approve, Reject bool
	Comment         string
	MaxComment      int
}

type voteView struct {
	By, Did string
	At      look.Moment
}

// view makes the page of a visit, as things are now.
func (p *Page) view(v *visit) view {
	a := v.approval
	page := view{Heading: untrusted.MultiLine(a.Title), Request: v.request()}
	if page.Heading == "" {
		page.Heading = "Order " + untrusted.MultiLine(v.order.ID)
	}
	page.Badge, page.Tone, page.Lead = v.state()
	if v.maySignIn() {
		page.SignIn = "../signin/" + v.token
	}
	if !v.open() {
		return page
	}
	shown := v.shown()
	page.Form = &formView{
		Nonce: p.Links.FormNonce(v.cap, shown, v.now), Shown: hex.EncodeToString(shown), MaxComment: approval.MaxComment,
		Approve: v.allows(approval.Approve), Reject: v.allows(approval.Reject),
	}
	return page
}

// status is the approval's, but that a deadline counts although nobody has
// recorded it yet.
func (v *visit) status() approval.Status {
	if v.approval.Status == approval.Pending && !v.approval.Deadline.After(v.now) {
		return approval.TimedOut
	}
	return v.approval.Status
}

// by is who decides: whoever is signed in, else whoever the link is for.
func (v *visit) by() string { return cmp.Or(v.signedIn, v.cap.Approver, noName) }

// allows says whether the link, or being signed in, is enough for an outcome.
func (v *visit) allows(o approval.Outcome) bool {
	return slices.Contains(v.cap.Allowed, o) || v.signedIn != ""
}

// asked says whether whoever is signed in is one of those who are asked.
func (v *visit) asked() bool {
	return len(v.approval.Approvers) == 0 || slices.ContainsFunc(v.approval.Approvers, func(p approval.Approver) bool { return approval.SamePerson(p.ID, v.signedIn) })
}

// wrongPerson says that the link is for somebody else than who is signed in.
func (v *visit) wrongPerson() bool {
	return v.signedIn != "" && ((v.cap.Approver != "" && !approval.SamePerson(v.cap.Approver, v.signedIn)) || !v.asked())
}

// maySignIn says that it takes signing in to decide here.
func (v *visit) maySignIn() bool {
	return v.token != "" && v.status() == approval.Pending && v.vote() == nil && (v.wrongPerson() || v.signedIn == "" && (!v.linkIsEnough() || len(v.cap.Allowed) == 0))
}

// vote returns what whoever looks has voted, or nil.
func (v *visit) vote() *approval.Vote {
	by := v.by()
	for i, x := range v.approval.Votes {
		if approval.SamePerson(x.By, by) {
			return &v.approval.Votes[i]
		}
	}
	return nil
}

// linkIsEnough says that a link is sure enough a way to decide. One that names
// nobody is not where several must: its holder may be one of those who have.
func (v *visit) linkIsEnough() bool {
	sure := v.approval.MinAssurance == "" || v.approval.MinAssurance == approval.AssuranceLink
	several := v.approval.Policy.Kind == approval.PolicyQuorum && v.approval.Policy.Quorum > 1
	return v.signedIn != "" || sure && (v.cap.Approver != "" || !several)
}

// open says that the holder of the link may decide now.
func (v *visit) open() bool {
	return v.status() == approval.Pending && v.vote() == nil && v.linkIsEnough() && !v.wrongPerson() && (len(v.cap.Allowed) > 0 || v.signedIn != "")
}

// state says in words how things stand.
func (v *visit) state() (badge, tone, lead string) {
	at := look.Stamp(v.approval.ClosedAt, v.now).String()
	switch v.status() {
	case approval.Approved:
		return "Approved", "good", "This request was approved on " + at + ". There is nothing left to decide."
	case approval.Rejected:
		return "Rejected", "bad", "This request was rejected on " + at + ". There is nothing left to decide."
	case approval.TimedOut:
		return "Timed out", "closed", "The deadline has passed, so this request can no longer be decided."
	case approval.Cancelled:
		return "Cancelled", "closed", "This request was cancelled on " + at + ". There is nothing left to decide."
	case approval.Superseded:
		return "Replaced", "closed", "The workflow has asked again, so this request no longer counts. If you still have to decide, there is a newer message with another link."
	case approval.Pending:
	}
	switch vote := v.vote(); {
	case vote != nil:
		return "Waiting for others", "open", "Your decision is recorded: you " + did(vote.Outcome) + " this request. Others must still decide."
	case v.wrongPerson():
		return "Not yours to decide", "closed", "You are signed in as " + untrusted.MultiLine(v.signedIn) + ", who is not the one who is asked here. Nothing was decided."
	case v.maySignIn():
		return "Waiting for your decision", "open", "Please sign in to decide: this request wants to know who decides it."
	case len(v.cap.Allowed) == 0 && v.signedIn == "": // a room's
		return "Waiting", "open", "This link shows the request. Only those who are asked can decide, each by their own message."
	case !v.linkIsEnough():
		return "Waiting", "open", "This request takes a decision only from somebody who has signed in, so it cannot be decided on this page."
	}
	return "Waiting for your decision", "open", "Please look at the request and decide."
}

func (v *visit) request() *requestView {
	a := v.approval
	out := &requestView{
		OrderID:   untrusted.MultiLine(v.order.ID),
		Workflow:  untrusted.MultiLine(a.Workflow),
		Step:      untrusted.MultiLine(a.Step),
		Execution: untrusted.MultiLine(a.Execution),
		Requester: untrusted.MultiLine(a.Requester),
		Approver:  untrusted.MultiLine(v.cap.Approver),
		SignedIn:  untrusted.MultiLine(v.signedIn),
		Requested: look.Stamp(a.RequestedAt, v.now),
		Deadline:  look.Stamp(a.Deadline, v.now),
	}
	for _, f := range a.Details {
		out.Details = append(out.Details, approval.Field{Name: untrusted.MultiLine(f.Name), Value: untrusted.MultiLine(f.Value)})
	}
	for _, x := range a.Votes {
		out.Votes = append(out.Votes, voteView{By: who(x.By), Did: did(x.Outcome), At: look.Stamp(x.At, v.now)})
	}
	return out
}

func did(o approval.Outcome) string {
	if o == approval.Approve {
		return "approved"
	}
	return "rejected"
}

// who names a voter.
func who(by string) string {
	if by == noName {
		return "Somebody with the link"
	}
	if source, ok := strings.CutPrefix(by, "source:"); ok {
		return untrusted.MultiLine(source) + " (a system)"
	}
	return untrusted.MultiLine(by)
}
