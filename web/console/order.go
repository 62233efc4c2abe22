package console

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/advice"
	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/role"
	"github.com/approval-relay/approval-relay/untrusted"
	"github.com/approval-relay/approval-relay/web/look"
)

// orderPage shows an order.
type orderPage struct {
	frame
	OrderKey  string         // the order ID, encoded for a form
	Approvals []approvalView // approvals that need an action first, then the youngest
	Unmatched []unmatchedView
	Advice    string // what the operator can do about an order without a request
	Events    []eventView
	Full      bool // the history is full and has lost its beginning
}

type unmatchedView struct {
	By      string
	Outcome string // in the past tense
	Via     string
	Expires look.Moment
	Expired bool
}

func (c *Console) showOrder(w http.ResponseWriter, r *http.Request, s session) {
	id := r.URL.Query().Get("id")
	o, err := c.findOrder(r, id)
	switch {
	case errors.Is(err, approval.ErrNotFound):
		searchAll(w, strings.TrimSpace(id))
	case err != nil:
		c.fail(w, r, s, err)
	default:
		c.writeOrder(w, r, s, o, formResult{status: http.StatusOK})
	}
}

// findOrder returns the order with an ID. If there is no such order, it tries the ID without the white space around
// it, which copying may have added.
func (c *Console) findOrder(r *http.Request, id string) (*approval.Order, error) {
	if id == "" {
		return nil, approval.ErrNotFound
	}
	o, err := c.Orders.Get(r.Context(), id)
	if trimmed := strings.TrimSpace(id); errors.Is(err, approval.ErrNotFound) && trimmed != id && trimmed != "" {
		return c.Orders.Get(r.Context(), trimmed)
	}
	return o, err
}

// formResult is the result of the form on an order's page. An empty notice means that no form was sent.
type formResult struct {
	act        *operatorAct // if the form was that of an act
	status     int
	notice     string
	approvalID string
	reason     string // the text that the operator had typed
	sent       sentValues
}

// writeOrder sends the page of an order.
func (c *Console) writeOrder(w http.ResponseWriter, r *http.Request, s session, o *approval.Order, result formResult) {
	p := orderPage{
		frame:    c.newFrame(r, s, "", "Order "+untrusted.MultiLine(o.ID)),
		OrderKey: encodePart([]byte(o.ID)),
		Full:     o.HistoryIsFull() || len(o.ShedParts) > 0,
		Advice:   advice.ForUnmatched(o),
	}
	p.Notice = result.notice
	if a := o.FindApproval(result.approvalID); a != nil && len(result.sent.faults) > 0 {
		p.Notice += " " + describeFaults(a, result.sent.faults)
	}
	p.Query = untrusted.MultiLine(o.ID)
	p.Self = orderPath(o.ID)
	now := c.Now()
	for _, a := range slices.Backward(o.Approvals) {
		v := newApprovalView(a, now)
		v.Advice = advice.For(a, now, c.heldBy(a.Workflow))
		mayAct := s.mayOn(role.Act, a.Workflow)
		if a.Status == approval.Pending && mayAct {
			v.Decide = c.newDecisionForm(s, o, a, result)
			v.Act = c.newActForm(s, o, a, result)
		}
		if mayAct {
			v.Proposals = c.newProposalViews(s, o, a, now)
		}
		if a.Callback.State == approval.CallbackExhausted && mayAct {
			v.DryRun = c.dryRunNonce(s)
		}
		if mayAct {
			v.Dismiss = c.newDismissForm(s, o, a, result)
		}
		p.Approvals = append(p.Approvals, v)
	}
	slices.SortStableFunc(p.Approvals, func(a, b approvalView) int { return sortRank(a) - sortRank(b) })
	for _, u := range o.Unmatched {
		p.Unmatched = append(p.Unmatched, unmatchedView{
			By:      actorName(u.Decision.By, u.Decision.Principal, u.Decision.Claimed),
			Outcome: pastTense(u.Decision.Outcome),
			Via:     describeVia(u.Decision.Via, u.Decision.Source),
			Expires: look.NewMoment(u.ExpiresAt, now),
			Expired: u.Expired,
		})
	}
	p.Events = newEventViews(o, now)
	c.writePage(w, r, result.status, "order.html", p)
}

func (c *Console) newDecisionForm(s session, o *approval.Order, a *approval.Approval, result formResult) *decisionForm {
	f := &decisionForm{
		Order:     encodePart([]byte(o.ID)),
		Approval:  a.ID,
		Nonce:     c.formNonce(s, formDecide, o.ID, a.ID),
		MaxReason: approval.MaxComment,
		Open:      result.notice != "" && result.act == nil,
		Shown:     o.ContentDigest(a),
	}
	var sent sentValues
	if a.ID == result.approvalID {
		f.Reason = untrusted.MultiLine(result.reason)
		sent = result.sent
	}
	f.Choices = newChoiceForms(a, sent)
	return f
}

// sortRank returns the place of an approval on the page: approvals that need an action come first.
func sortRank(a approvalView) int {
	switch {
	case a.DryRun != "", a.Dismiss != nil:
		return 0
	case a.Decide != nil:
		return 1
	}
	return 2
}
