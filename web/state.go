package web

import (
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/untrusted"
)

// stateView says how the request stands.
type stateView struct {
	badge string // the end of a key of the catalogue
	tone  string
	lead  []string
}

// describeState returns the state of the approval, as this visitor sees it.
func (v *visit) describeState() stateView {
	status := v.effectiveStatus()
	if status == approval.Pending {
		return v.describePending()
	}
	out := stateView{badge: string(status), tone: "closed"}
	switch status {
	case approval.Approved:
		out.tone = "good"
		out.lead = []string{v.describeOutcome(approval.Approve)}
	case approval.Rejected:
		out.tone = "bad"
		out.lead = []string{v.describeOutcome(approval.Reject)}
	case approval.Returned:
		out.lead = []string{v.describeOutcome(approval.Return)}
	case approval.Cancelled:
		out.lead = v.describeCancellation()
	case approval.TimedOut, approval.Superseded, approval.Pending:
		out.lead = []string{v.text("page.closed." + string(status))}
	}
	if answer := v.describeCallback(); answer != "" {
		out.lead = append(out.lead, answer)
	}
	return out
}

// describeOutcome names the people who decided the request.
func (v *visit) describeOutcome(o approval.Outcome) string {
	at := v.moment(v.approval.ClosedAt).String()
	key, nothingLeft := "page.closed."+string(v.effectiveStatus()), " "+v.text("page.nothing_left")
	if own := v.ownVote(); own != nil {
		return v.describeOwn(own) + " " + v.text(key, "time", at) + nothingLeft
	}
	var names []string
	for _, vote := range v.approval.Votes {
		if name := v.voter(vote); vote.Outcome == o && !vote.Void && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return v.text(key, "time", at) + nothingLeft
	}
	return v.text(key+"_by", "names", strings.Join(names, ", "), "time", at) + nothingLeft
}

// describeOwn says how the visitor has decided.
func (v *visit) describeOwn(vote *approval.Vote) string {
	if c := v.choiceOf(*vote); hasOwnLabel(c) {
		return v.text("page.you.chose", "choice", v.label(c))
	}
	return v.text("page.you." + string(vote.Outcome))
}

// describeCancellation names the maker of the cancellation and the reason.
func (v *visit) describeCancellation() []string {
	at, by := v.moment(v.approval.ClosedAt).String(), ""
	for _, e := range v.order.History {
		if e.Kind == approval.EventCancelled && e.Approval == v.approval.ID {
			by = v.voter(approval.Vote{By: e.By, Via: e.Via})
		}
	}
	lead := v.text("page.closed.cancelled", "time", at)
	if by != "" {
		lead = v.text("page.closed.cancelled_by", "names", by, "time", at)
	}
	out := []string{lead + " " + v.text("page.nothing_left")}
	if reason := untrusted.MultiLine(v.approval.Reason); reason != "" {
		out = append(out, v.text("page.reason", "reason", reason))
	}
	return out
}

// describeCallback says whether the workflow has the answer. A superseded approval has nothing to answer.
func (v *visit) describeCallback() string {
	c := v.approval.Callback
	switch c.State {
	case approval.CallbackPending:
		if v.isHeld {
			return v.text("page.callback.held")
		}
		if c.LastError != "" || c.Redrives > 0 {
			return v.text("page.callback.retried")
		}
		return v.text("page.callback.pending")
	case approval.CallbackDelivered:
		return v.text("page.callback.delivered")
	case approval.CallbackPresumed:
		return v.text("page.callback.presumed")
	case approval.CallbackUnknown:
		return v.text("page.callback.unknown")
	case approval.CallbackTooLate:
		return v.text("page.callback.too_late")
	case approval.CallbackExhausted:
		return v.text("page.callback.exhausted")
	case approval.CallbackNone, approval.CallbackSuperseded:
	}
	return ""
}

// describePending returns the state of a pending approval. It depends on the visitor.
func (v *visit) describePending() stateView {
	signedIn := untrusted.SingleLine(v.signedIn)
	out := stateView{badge: "waiting", tone: "open"}
	say := func(key string) { out.lead = []string{v.text("page.lead."+key, "person", signedIn)} }
	switch vote := v.ownVote(); {
	case vote != nil:
		out.badge = "waiting_for_others"
		out.lead = []string{v.describeOwn(vote) + " " + v.text("page.lead.others_must_decide")}
	case v.isOthersLink():
		out.badge, out.tone = "not_yours", "closed"
		say("others_link")
		if v.isApprover() {
			say("others_link_of_approver")
		}
	case v.isWrongPerson():
		out.badge, out.tone = "not_yours", "closed"
		say("no_approver")
	case v.offersSignIn() && v.approval.HasAnonymousLinks():
		out.badge = "waiting_for_you"
		say("sign_in_unnamed")
	case v.offersSignIn():
		out.badge = "waiting_for_you"
		say("sign_in")
	case v.approval.HasAnonymousLinks() && v.signedIn == "":
		say("unnamed_link")
	case !v.linkDecides() && v.signedIn == "":
		say("shows_only")
	case !v.linkSuffices():
		say("needs_sign_in")
	default:
		out.badge = "waiting_for_you"
		say("decide")
	}
	if v.hasVoidVote() {
		out.lead = append(out.lead, v.text("page.lead.vote_is_void"))
	}
	return out
}

// hasVoidVote reports whether the visitor has voted on an earlier content of the request, and not since.
func (v *visit) hasVoidVote() bool {
	return v.ownVote() == nil && slices.ContainsFunc(v.approval.Votes, func(vote approval.Vote) bool {
		return vote.Void && approval.SamePerson(vote.By, v.principal())
	})
}
