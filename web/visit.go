package web

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// visit is a request by the holder of a valid link. Its methods determine what this person may do; whether a decision
// counts is determined by the domain.
type visit struct {
	capability approval.Capability
	order      *approval.Order
	approval   *approval.Approval
	reader
	now      time.Time
	signedIn string // ID of the signed-in approver, or empty
	token    string // token of the link, or empty if approvers cannot sign in
	link     string // token of the link
	isHeld   bool   // an operator has paused the workflow, so that its answers wait
}

// openVisit reads the approval behind a link. A link is valid if we signed it and the approval still accepts it. The time
// in a link counts unless the deadline was extended after the link was sent.
func (p *Page) openVisit(r *http.Request) (*visit, *problem) {
	now := p.Now()
	c, err := p.Links.OpenLink(r.PathValue("token"), now)
	isPast := errors.Is(err, approval.ErrExpired)
	if err != nil && !isPast {
		return nil, &invalid
	}
	order, err := p.Orders.Get(r.Context(), c.OrderID)
	switch {
	case errors.Is(err, approval.ErrNotFound) && isPast:
		return nil, &expired
	case errors.Is(err, approval.ErrNotFound):
		return nil, &removed
	case err != nil:
		p.Log.WarnContext(r.Context(), "decision page cannot read the order", "order_id", c.OrderID, "error", err)
		return nil, &unavailable
	}
	a := order.FindApproval(c.ApprovalID)
	switch {
	case a == nil && isPast:
		return nil, &expired
	case a == nil:
		return nil, &removed
	case isPast && !a.LinkExpires().After(now):
		return nil, &expired
	case !a.AcceptsCapability(c, now):
		return nil, &revoked
	}
	v := &visit{
		capability: c,
		order:      order,
		approval:   a,
		now:        now,
		link:       r.PathValue("token"),
		isHeld:     p.IsPaused != nil && p.IsPaused(a.Workflow),
	}
	if p.Sessions != nil {
		v.signedIn, _ = p.Sessions.SignedInApprover(r)
		v.token = r.PathValue("token")
	}
	v.reader = p.readerOf(r, cmp.Or(c.Approver, v.signedIn), a.Workflow)
	return v, nil
}

// effectiveStatus returns the status of the approval. A deadline that has passed counts even if it is not recorded
// yet.
func (v *visit) effectiveStatus() approval.Status {
	if v.approval.Status == approval.Pending && !v.approval.Deadline.After(v.now) {
		return approval.TimedOut
	}
	return v.approval.Status
}

// principal returns the principal of a decision: the signed-in approver, or else the approver of the link.
func (v *visit) principal() string {
	return cmp.Or(v.signedIn, v.capability.Approver, unnamedHolder)
}

// linkDecides reports whether the link permits an outcome. A link in a message to a group does not, nor does a link that
// names nobody where the requester is known.
func (v *visit) linkDecides() bool {
	return len(v.capability.Allowed) > 0 && !v.approval.HasAnonymousLinks()
}

// isApprover reports whether the signed-in person is an approver of the request. If the request names no approvers,
// everybody is.
func (v *visit) isApprover() bool {
	approvers := v.approval.Approvers
	return len(approvers) == 0 || slices.ContainsFunc(approvers, func(p approval.Approver) bool {
		return approval.SamePerson(p.ID, v.signedIn)
	})
}

// isOthersLink reports whether the link is for another approver than the signed-in person.
func (v *visit) isOthersLink() bool {
	return v.signedIn != "" && v.capability.Approver != "" && !approval.SamePerson(v.capability.Approver, v.signedIn)
}

// isWrongPerson reports whether the signed-in person cannot decide by this link.
func (v *visit) isWrongPerson() bool {
	return v.signedIn != "" && (v.isOthersLink() || !v.isApprover())
}

// ownVote returns the visitor's own vote that counts, or nil.
func (v *visit) ownVote() *approval.Vote {
	by := v.principal()
	for i, vote := range v.approval.Votes {
		if !vote.Void && approval.SamePerson(vote.By, by) {
			return &v.approval.Votes[i]
		}
	}
	return nil
}

// linkSuffices reports whether the request can be decided without signing in. In a quorum, a link that names no
// approver does not suffice, because its holder may have voted by another link before.
func (v *visit) linkSuffices() bool {
	if v.signedIn != "" {
		return true
	}
	if v.approval.MinAssurance != "" && v.approval.MinAssurance != approval.AssuranceLink {
		return false
	}
	isQuorum := v.approval.Policy.Kind == approval.PolicyQuorum && v.approval.Policy.Quorum > 1
	return v.capability.Approver != "" || !isQuorum
}

// awaitsVote reports whether the approval is pending and the person has not voted.
func (v *visit) awaitsVote() bool {
	return v.effectiveStatus() == approval.Pending && v.ownVote() == nil
}

// canDecide reports whether the person may decide now.
func (v *visit) canDecide() bool {
	return v.awaitsVote() && v.linkSuffices() && !v.isWrongPerson() && (v.linkDecides() || v.signedIn != "")
}

// offersSignIn reports whether the person can decide only after signing in, perhaps with another account.
func (v *visit) offersSignIn() bool {
	if v.token == "" || !v.awaitsVote() {
		return false
	}
	return v.isWrongPerson() || v.signedIn == "" && (!v.linkSuffices() || !v.linkDecides())
}
