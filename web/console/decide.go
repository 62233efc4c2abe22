package console

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/untrusted"
)

// The actions of the form on an order's page.
const (
	actionApprove = "approve"
	actionReject  = "reject"
	actionCancel  = "cancel"
)

// decisionForm is the form on an order's page to decide or cancel an approval.
type decisionForm struct {
	Order     string // ID, encoded
	Approval  string // ID
	Nonce     string
	Reason    string
	MaxReason int
	Open      bool         // the form is open, because its last use was refused
	Shown     string       // the digest of the request on this page
	Choices   []choiceForm // of an approval that has choices of its own
}

// operatorDecision is the content of the form.
type operatorDecision struct {
	orderID    string
	approvalID string
	action     string
	reason     string
	shown      string // the digest of the request that the page has shown

	typed  url.Values // all inputs of the form
	faults []form.Fault
}

// isKnown reports whether a button of the form has sent the action.
func (d operatorDecision) isKnown() bool {
	return slices.Contains([]string{actionApprove, actionReject, actionCancel}, d.action) ||
		strings.HasPrefix(d.action, choicePrefix)
}

// handleDecision decides or cancels an approval in the name of the signed-in operator. A reason is required.
func (c *Console) handleDecision(w http.ResponseWriter, r *http.Request, s session) {
	sent, ok := c.readForm(w, r, s, "order", "approval", "act", "reason", "shown", "nonce")
	if !ok {
		return
	}
	orderID, ok := decodeText(sent["order"])
	if !ok || orderID == "" {
		c.refuse(w, r, s, unreadable)
		return
	}
	d := operatorDecision{
		orderID:    orderID,
		approvalID: sent["approval"],
		action:     sent["act"],
		reason:     strings.TrimSpace(untrusted.MultiLine(sent["reason"])),
		shown:      sent["shown"],
		typed:      r.PostForm,
	}
	if !c.verifyNonce(sent["nonce"], s, formDecide, d.orderID, d.approvalID) {
		c.refuse(w, r, s, staleForm)
		return
	}
	switch {
	case !d.isKnown():
		c.showOrderAgain(w, r, s, d, http.StatusBadRequest, "Nothing was done. Please choose one of the buttons.")
	case d.reason == "":
		c.showOrderAgain(w, r, s, d, http.StatusUnprocessableEntity,
			"Nothing was done. Please give a reason; it is kept in the order’s history.")
	default:
		c.recordDecision(w, r, s, d)
	}
}

// recordDecision records a decision or cancellation. After success the browser is redirected to the page, which then
// shows the recorded state; reloading it does nothing again.
func (c *Console) recordDecision(w http.ResponseWriter, r *http.Request, s session, d operatorDecision) {
	verdict, err := c.applyDecision(r, s, d)
	switch {
	case err != nil && approval.IsPermanent(err):
		c.fail(w, r, s, err)
	case err != nil:
		c.Log.WarnContext(r.Context(), "console cannot record the decision", "order_id", d.orderID, "error", err)
		c.refuse(w, r, s, unknownOutcome)
	case verdict.Code == approval.VerdictInvalid:
		d.faults = verdict.Faults
		c.showOrderAgain(w, r, s, d, http.StatusUnprocessableEntity, "Nothing was done.")
	case verdict.Err() != nil:
		c.showOrderAgain(w, r, s, d, http.StatusConflict, "Nothing was done. "+describeRefusal(verdict))
	default:
		w.Header().Set("Location", "./"+orderPath(d.orderID))
		w.WriteHeader(http.StatusSeeOther)
	}
}

func (c *Console) applyDecision(r *http.Request, s session, d operatorDecision) (approval.Verdict, error) {
	if d.action == actionCancel {
		return c.Decider.CancelApproval(r.Context(), d.orderID, approval.Cancellation{
			ApprovalID: d.approvalID,
			Reason:     d.reason,
			Actor:      approval.OperatorActor(s.Name, ""),
		})
	}
	decision := approval.Decision{
		ID:          "operator-" + rand.Text(),
		ApprovalID:  d.approvalID,
		By:          s.Name,
		Principal:   approval.OperatorPrincipal(s.Name),
		Comment:     d.reason,
		Via:         approval.ViaOperator,
		Source:      approval.OperatorSource,
		ShownDigest: d.shown,
	}
	if !strings.HasPrefix(d.action, choicePrefix) {
		decision.Outcome = approval.Outcome(d.action)
		return c.Decider.Decide(r.Context(), d.orderID, decision)
	}
	o, err := c.Orders.Get(r.Context(), d.orderID)
	if err != nil {
		return approval.Verdict{}, err
	}
	if a := o.FindApproval(d.approvalID); a != nil {
		decision.Choice, decision.Values = readChoice(a, d)
	}
	return c.Decider.Decide(r.Context(), d.orderID, decision)
}

// describeRefusal returns the reason why a decision does not count.
func describeRefusal(v approval.Verdict) string {
	switch v.Code {
	case approval.VerdictRequester:
		return "The person who made a request cannot decide it. Somebody else must."
	case approval.VerdictChanged:
		return "The request has changed since this page was loaded. Look at it again, then decide."
	case approval.VerdictLate, approval.VerdictConflict, approval.VerdictSuperseded:
		return "It was closed before: the approval is " + strings.ReplaceAll(string(v.Status), "_", " ") + "."
	}
	return untrusted.MultiLine(v.Err().Error()) + "."
}

// showOrderAgain shows the order in its present state, with a notice. It keeps the reason.
func (c *Console) showOrderAgain(
	w http.ResponseWriter, r *http.Request, s session, d operatorDecision, status int, notice string,
) {
	o, err := c.Orders.Get(r.Context(), d.orderID)
	switch {
	case errors.Is(err, approval.ErrNotFound):
		c.refuse(w, r, s, removed)
	case err != nil:
		c.fail(w, r, s, err)
	default:
		c.writeOrder(w, r, s, o, formResult{
			status:     status,
			notice:     notice,
			approvalID: d.approvalID,
			reason:     d.reason,
			sent:       sentValues{choice: strings.TrimPrefix(d.action, choicePrefix), typed: d.typed, faults: d.faults},
		})
	}
}
