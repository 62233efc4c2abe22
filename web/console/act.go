package console

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/untrusted"
)

// Acts records the acts of operators that are neither decisions nor cancellations. After an error that is not permanent it
// is unknown whether they were recorded.
type Acts interface {
	Remind(ctx context.Context, orderID string, act approval.Act, approver string) (approval.ActResult, error)
	AddApprovers(ctx context.Context, orderID string, act approval.Act, names []string) (approval.ActResult, error)
	ReplaceApprover(ctx context.Context, orderID string, act approval.Act, from, to string) (approval.ActResult, error)
	Confirm(ctx context.Context, orderID, proposalID string, actor approval.Actor) (approval.Verdict, error)
	ExtendDeadline(
		ctx context.Context, orderID string, act approval.Act, until time.Time, by time.Duration,
	) (approval.ActResult, error)
	Dismiss(ctx context.Context, orderID string, act approval.Act) (approval.ActResult, error)
}

// actForm is the form on an order's page to remind, change approvers and extend the deadline.
type actForm struct {
	Order     string // ID, encoded
	Approval  string // ID
	ID        string // of the act: the same form, sent again, acts once
	Nonce     string
	MaxReason int
	Waiting   []string // approvers that can be replaced
	// Open is set if the last use of the form was refused. Reason and Who are its texts.
	Open   bool
	Reason string
	Who    string
}

// operatorAct is the content of the form.
type operatorAct struct {
	orderID    string
	approvalID string
	id         string
	kind       string
	reason     string
	who        string
	from       string
	extendBy   string
}

// newActForm returns the form of the acts on a pending approval.
func (c *Console) newActForm(s session, o *approval.Order, a *approval.Approval, result formResult) *actForm {
	if c.Acts == nil || a.Status != approval.Pending {
		return nil
	}
	f := c.newEmptyActForm(s, o, a)
	for _, p := range a.Approvers {
		if !hasVoted(a, p.ID) {
			f.Waiting = append(f.Waiting, untrusted.SingleLine(p.ID))
		}
	}
	f.keep(a, result, false)
	return f
}

// newDismissForm returns the form that puts away an approval that needs attention, or nil for any other approval.
func (c *Console) newDismissForm(s session, o *approval.Order, a *approval.Approval, result formResult) *actForm {
	if c.Acts == nil || !a.IsExhausted() && !a.IsUnanswered() && !a.IsUndeliverable() {
		return nil
	}
	f := c.newEmptyActForm(s, o, a)
	f.keep(a, result, true)
	return f
}

func (c *Console) newEmptyActForm(s session, o *approval.Order, a *approval.Approval) *actForm {
	f := &actForm{
		Order:     encodePart([]byte(o.ID)),
		Approval:  a.ID,
		ID:        "console-" + rand.Text(),
		MaxReason: approval.MaxActReason,
	}
	f.Nonce = c.formNonce(s, formAct, o.ID, a.ID, f.ID)
	return f
}

// keep keeps the texts of the form if its last use was refused.
func (f *actForm) keep(a *approval.Approval, result formResult, isDismissal bool) {
	if result.act == nil || a.ID != result.approvalID || isDismissal != (result.act.kind == string(approval.ActDismiss)) {
		return
	}
	f.Open = true
	f.Reason = untrusted.MultiLine(result.act.reason)
	f.Who = untrusted.SingleLine(result.act.who)
}

// handleAct carries out an act in the name of the signed-in operator. A reason is required.
func (c *Console) handleAct(w http.ResponseWriter, r *http.Request, s session) {
	sent, ok := c.readForm(w, r, s, "order", "approval", "id", "act", "reason", "who", "from", "extend_by", "nonce")
	if !ok {
		return
	}
	orderID, ok := decodeText(sent["order"])
	if !ok || orderID == "" || c.Acts == nil {
		c.refuse(w, r, s, unreadable)
		return
	}
	act := operatorAct{
		orderID:    orderID,
		approvalID: sent["approval"],
		id:         sent["id"],
		kind:       sent["act"],
		reason:     strings.TrimSpace(untrusted.MultiLine(sent["reason"])),
		who:        strings.TrimSpace(sent["who"]),
		from:       sent["from"],
		extendBy:   sent["extend_by"],
	}
	if !c.verifyNonce(sent["nonce"], s, formAct, act.orderID, act.approvalID, act.id) {
		c.refuse(w, r, s, staleForm)
		return
	}
	if act.reason == "" {
		c.refuseAct(w, r, s, act, http.StatusUnprocessableEntity, "Please give a reason; it is kept in the order’s history.")
		return
	}
	result, err := c.doAct(r.Context(), s, act)
	switch {
	case err != nil && approval.IsPermanent(err):
		c.refuseAct(w, r, s, act, http.StatusUnprocessableEntity, untrusted.MultiLine(err.Error())+".")
	case err != nil:
		c.Log.WarnContext(r.Context(), "console cannot record the act", "order_id", act.orderID, "error", err)
		c.refuse(w, r, s, unknownOutcome)
	case result.Verdict.Err() != nil:
		c.refuseAct(w, r, s, act, http.StatusConflict, describeRefusal(result.Verdict))
	default:
		w.Header().Set("Location", "./"+orderPath(act.orderID))
		w.WriteHeader(http.StatusSeeOther)
	}
}

func (c *Console) doAct(ctx context.Context, s session, f operatorAct) (approval.ActResult, error) {
	act := approval.Act{
		ID:         f.id,
		ApprovalID: f.approvalID,
		Actor:      approval.OperatorActor(s.Name, ""),
		Reason:     f.reason,
	}
	switch approval.ActKind(f.kind) {
	case approval.ActRemind:
		return c.Acts.Remind(ctx, f.orderID, act, "")
	case approval.ActAdd:
		if f.from != "" {
			return c.Acts.ReplaceApprover(ctx, f.orderID, act, f.from, f.who)
		}
		return c.Acts.AddApprovers(ctx, f.orderID, act, strings.Split(f.who, ","))
	case approval.ActDismiss:
		return c.Acts.Dismiss(ctx, f.orderID, act)
	case approval.ActExtend:
		by, err := time.ParseDuration(f.extendBy)
		if err != nil {
			return approval.ActResult{}, approval.InvalidField("extend_by", "is not a time such as 4h")
		}
		return c.Acts.ExtendDeadline(ctx, f.orderID, act, time.Time{}, by)
	}
	return approval.ActResult{}, approval.InvalidField("act", "is not one of the buttons")
}

// refuseAct shows the order in its present state, with the reason. It keeps the texts of the form.
func (c *Console) refuseAct(w http.ResponseWriter, r *http.Request, s session, act operatorAct, status int, notice string) {
	o, err := c.Orders.Get(r.Context(), act.orderID)
	if err != nil {
		c.fail(w, r, s, err)
		return
	}
	c.writeOrder(w, r, s, o, formResult{
		status:     status,
		notice:     "Nothing was done. " + notice,
		approvalID: act.approvalID,
		act:        &act,
	})
}
