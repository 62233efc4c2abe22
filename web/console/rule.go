package console

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/untrusted"
)

// ruling is what the form of an order's page says.
type ruling struct {
	order, approval, act, reason string
}

// rule decides or cancels an approval, with a reason, in the name of who is signed in.
func (c *Console) rule(w http.ResponseWriter, r *http.Request, s session) {
	sent, ok := c.read(w, r, s, "order", "approval", "act", "reason", "nonce")
	if !ok {
		return
	}
	id, ok := decode(sent["order"], 1)
	if !ok || len(id[0]) == 0 {
		c.unreadable(w, r, s)
		return
	}
	in := ruling{
		order:    string(id[0]),
		approval: sent["approval"],
		act:      sent["act"],
		reason:   strings.TrimSpace(untrusted.MultiLine(sent["reason"])),
	}
	if !c.proves(sent["nonce"], s, "rule", in.order, in.approval) {
		c.stale(w, r, s)
		return
	}
	switch over := len(in.reason) - approval.MaxComment; {
	case in.act != "approve" && in.act != "reject" && in.act != "cancel":
		c.again(w, r, s, in, http.StatusBadRequest, "Nothing was done. Please choose one of the buttons.")
	case in.reason == "":
		c.again(w, r, s, in, http.StatusUnprocessableEntity, "Nothing was done: please say why. The reason is kept in the order’s history.")
	case over > 0:
		c.again(w, r, s, in, http.StatusUnprocessableEntity, fmt.Sprintf("Nothing was done: the reason is %d bytes too long.", over))
	default:
		c.carryOut(w, r, s, in)
	}
}

// carryOut does what was ruled. When it is done the browser is sent back to the
// page, which then shows what is recorded: to load it again does nothing again.
func (c *Console) carryOut(w http.ResponseWriter, r *http.Request, s session, in ruling) {
	var v approval.Verdict
	var err error
	if in.act == "cancel" {
		v, err = c.Decider.Cancel(r.Context(), in.order, "", in.approval, s.Name, in.reason)
	} else {
		v, err = c.Decider.Decide(r.Context(), in.order, approval.Decision{
			ID:         "operator-" + rand.Text(),
			ApprovalID: in.approval,
			Outcome:    approval.Outcome(in.act),
			By:         s.Name,
			Comment:    in.reason,
			Via:        approval.ViaOperator,
			Source:     "operator",
		})
	}
	switch {
	case err != nil && approval.IsPermanent(err):
		c.fail(w, r, s, err)
	case err != nil:
		c.Log.WarnContext(r.Context(), "console cannot record what was ruled", "order_id", in.order, "error", err)
		c.refuse(w, r, s, http.StatusServiceUnavailable, "It is not certain that this was recorded", "Please look at the order again in a minute: it shows what was. To do it again does no harm.")
	case v.Err() != nil:
		c.again(w, r, s, in, http.StatusConflict, "Nothing was done. "+refused(v))
	default:
		w.Header().Set("Location", "./"+orderPath(in.order))
		w.WriteHeader(http.StatusSeeOther)
	}
}

// refused says why a ruling does not count.
func refused(v approval.Verdict) string {
	switch v.Code {
	case approval.VerdictRequester:
		return "Whoever made a request cannot decide it. Somebody else must."
	case approval.VerdictLate, approval.VerdictConflict, approval.VerdictSuperseded:
		return "It was closed before: the approval is " + strings.ReplaceAll(string(v.Status), "_", " ") + "."
	}
	return untrusted.MultiLine(v.Err().Error()) + "."
}

// again shows the order as it is now, with what was wrong, and keeps the reason.
func (c *Console) again(w http.ResponseWriter, r *http.Request, s session, in ruling, status int, notice string) {
	o, err := c.Orders.Get(r.Context(), in.order)
	switch {
	case errors.Is(err, approval.ErrNotFound):
		c.refuse(w, r, s, http.StatusNotFound, "This order is no longer kept", "It was closed, and its record has been removed. Nothing was done.")
	case err != nil:
		c.fail(w, r, s, err)
	default:
		c.writeOrder(w, r, s, o, status, notice, map[string]string{in.approval: in.reason})
	}
}
