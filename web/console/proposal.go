package console

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/untrusted"
	"github.com/approval-relay/approval-relay/web/look"
)

// proposalView is an open proposal on an order's page, with the form that confirms it.
type proposalView struct {
	ID      string
	What    string
	Values  []proposedValue
	By      string
	Reason  string
	Expires look.Moment
	Order   string // ID, encoded
	Nonce   string // empty for the operator who proposed it
}

// proposedValue is a value of the form that the proposed decision has.
type proposedValue struct{ Name, Value, Edits string }

func (c *Console) newProposalViews(s session, o *approval.Order, a *approval.Approval, now time.Time) []proposalView {
	var views []proposalView
	for _, r := range a.Acts {
		if r.Proposal == nil || !r.Proposal.IsOpen(a, now) {
			continue
		}
		v := proposalView{
			ID:      r.ID,
			What:    describeProposal(a, r),
			Values:  newProposedValues(a, r.Proposal.Values),
			By:      untrusted.SingleLine(actorName(r.By, r.Proposal.Principal, r.Proposal.Claimed)),
			Reason:  untrusted.MultiLine(r.Reason),
			Expires: look.NewMoment(r.Proposal.ExpiresAt, now),
			Order:   encodePart([]byte(o.ID)),
		}
		if !approval.SamePerson(r.By, s.Name) {
			v.Nonce = c.formNonce(s, formConfirm, o.ID, r.ID)
		}
		views = append(views, v)
	}
	return views
}

// newProposedValues returns the values of the form in its order. The second operator confirms them too.
func newProposedValues(a *approval.Approval, values json.RawMessage) []proposedValue {
	var byName map[string]json.RawMessage
	if json.Unmarshal(values, &byName) != nil {
		return nil // a decision without a form
	}
	var out []proposedValue
	for _, f := range a.Form.Fields {
		if value, ok := byName[f.Name]; ok {
			out = append(out, proposedValue{
				Name:  untrusted.MultiLine(f.Label(consoleLanguage)),
				Value: untrusted.MultiLine(strings.Join(defaultTexts(value), ", ")),
				Edits: a.Edits[f.Name],
			})
		}
	}
	return out
}

// describeProposal says what happens when a proposal is confirmed.
func describeProposal(a *approval.Approval, r approval.RecordedAct) string {
	p := r.Proposal
	names := untrusted.SingleLine(strings.Join(p.To, ", "))
	switch p.Kind {
	case approval.ActCancel:
		return "cancel"
	case approval.ActAdd:
		return "ask " + names + " too"
	case approval.ActReplace:
		return "ask " + names + " in the place of " + untrusted.SingleLine(p.From)
	case approval.ActExtend:
		return "extend the deadline to " + p.Until.UTC().Format(time.RFC3339)
	}
	for _, choice := range a.Offered() {
		if choice.ID == p.Choice {
			return untrusted.SingleLine(choice.LabelIn(consoleLanguage)) + " (" + string(p.Outcome) + ")"
		}
	}
	return string(p.Outcome)
}

// operatorName returns the name of an operator from their principal.
func operatorName(principal string) string {
	return untrusted.SingleLine(strings.TrimPrefix(principal, approval.OperatorPrincipal("")))
}

// handleConfirm confirms the proposal of another operator.
func (c *Console) handleConfirm(w http.ResponseWriter, r *http.Request, s session) {
	sent, ok := c.readForm(w, r, s, "order", "proposal", "nonce")
	if !ok {
		return
	}
	orderID, ok := decodeText(sent["order"])
	if !ok || orderID == "" || c.Acts == nil {
		c.refuse(w, r, s, unreadable)
		return
	}
	if !c.verifyNonce(sent["nonce"], s, formConfirm, orderID, sent["proposal"]) {
		c.refuse(w, r, s, staleForm)
		return
	}
	act := operatorAct{orderID: orderID}
	verdict, err := c.Acts.Confirm(r.Context(), orderID, sent["proposal"], approval.OperatorActor(s.Name, ""))
	switch {
	case err != nil && approval.IsPermanent(err):
		c.refuseAct(w, r, s, act, http.StatusUnprocessableEntity, untrusted.MultiLine(err.Error())+".")
	case err != nil:
		c.Log.WarnContext(r.Context(), "console cannot record the confirmation", "order_id", orderID, "error", err)
		c.refuse(w, r, s, unknownOutcome)
	case verdict.Err() != nil:
		c.refuseAct(w, r, s, act, http.StatusConflict, describeRefusal(verdict))
	default:
		w.Header().Set("Location", "./"+orderPath(orderID))
		w.WriteHeader(http.StatusSeeOther)
	}
}
