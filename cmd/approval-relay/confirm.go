package main

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/untrusted"
)

// confirmCmd confirms a proposal. It never names a person by itself: both operators may have the same user name on a
// machine that they share.
type confirmCmd struct {
	client
	Order    string `arg:"" help:"The order ID."`
	Proposal string `arg:"" help:"The ID of the proposal, as decide, cancel and the other acts print it, and as show lists it."`
	By       string `help:"Person on whose behalf you act, for the history. It must not be the person of the proposal."`
}

// Run confirms.
func (c *confirmCmd) Run(w *world) error {
	var out api.DecisionResult
	route := "/proposals/" + url.PathEscape(c.Proposal)
	if err := c.call(w.ctx, "POST", orderPath(c.Order, route), api.ConfirmRequest{By: c.By}, &out); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(w.stdout, out)
	}
	fmt.Fprintf(w.stdout, "order %s: %s, the approval is %s\n", untrusted.TerminalLine(out.OrderID), out.Verdict, out.Status)
	return nil
}

// proposedLine tells how a proposal is confirmed. It is empty for an act that has its effect.
func proposedLine(orderID, proposalID string) string {
	if proposalID == "" {
		return ""
	}
	return fmt.Sprintf("it waits for a second operator, for an hour at most: approval-relay confirm %s %s\n",
		untrusted.TerminalLine(orderID), untrusted.TerminalLine(proposalID))
}

// isOpenProposal reports whether an act on a pending approval is a proposal that can be confirmed.
func isOpenProposal(r api.RecordedAct, now time.Time) bool {
	return r.Proposal != nil && r.Proposal.ConfirmedBy == "" && r.Proposal.ExpiresAt.After(now)
}

// describeOpenProposal returns the ID of a proposal that can be confirmed, and what it would do. It is empty for any other
// act.
func (p orderPrinter) describeOpenProposal(r api.RecordedAct) string {
	proposal := r.Proposal
	if !isOpenProposal(r, p.now) {
		return ""
	}
	what := strings.ReplaceAll(string(proposal.Kind), "_", " ")
	switch proposal.Kind {
	case approval.ActDecide:
		what = cmp.Or(proposal.Choice, string(proposal.Outcome))
		if len(proposal.Values) > 0 {
			what += ", values " + string(proposal.Values)
		}
	case approval.ActExtend:
		what += " to " + p.flags.moment(proposal.Until)
	case approval.ActReplace:
		what += " " + proposal.From + " with " + strings.Join(proposal.To, ", ")
	case approval.ActAdd:
		what += " " + strings.Join(proposal.To, ", ")
	}
	parts := []string{proposal.ProposalID + ": " + what, "by " + r.By}
	if proposal.Claimed != "" {
		parts = append(parts, claimLabel(proposal.Principal)+" "+proposal.Claimed)
	}
	parts = append(parts, "waits for a second operator until "+p.momentWithAge(proposal.ExpiresAt))
	if r.Reason != "" {
		parts = append(parts, "reason: "+r.Reason)
	}
	return strings.Join(parts, ", ")
}
