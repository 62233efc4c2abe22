package web

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/approval-relay/approval-relay/approval"
)

// recordDecision records the decision of a form. After success the browser is redirected to the page, which then
// shows the recorded state; reloading it sends nothing again.
func (p *Page) recordDecision(w http.ResponseWriter, r *http.Request, v *visit, f form) {
	orderID := v.capability.OrderID
	verdict, err := p.Decider.Decide(r.Context(), orderID, v.newDecision(f))
	switch {
	case err != nil && approval.IsPermanent(err):
		p.Log.ErrorContext(r.Context(), "decision of the page is invalid", "order_id", orderID, "error", err)
		p.writeProblem(w, r, notAllowed)
	case err != nil:
		p.Log.WarnContext(r.Context(), "decision page cannot record the decision", "order_id", orderID, "error", err)
		p.writeProblem(w, r, unknownOutcome)
	case verdict.IsAccepted():
		p.Observer.DecisionPageSubmitted()
		// The path is relative, because a proxy may have removed a prefix.
		w.Header().Set("Location", "./"+url.PathEscape(r.PathValue("token")))
		w.WriteHeader(http.StatusSeeOther)
	default:
		p.writeVerdict(w, r, f, verdict.Code)
	}
}

// writeVerdict answers a decision that does not count.
func (p *Page) writeVerdict(w http.ResponseWriter, r *http.Request, f form, code approval.VerdictCode) {
	problems := map[approval.VerdictCode]*problem{
		approval.VerdictRequester:   &ownRequest,
		approval.VerdictAnonymous:   &namesNobody,
		approval.VerdictAssurance:   &needsSignIn,
		approval.VerdictNotApprover: &notAllowed,
		approval.VerdictSource:      &notAllowed,
		approval.VerdictUnknown:     &removed,
	}
	if b := problems[code]; b != nil {
		p.writeProblem(w, r, *b)
		return
	}
	v, bad := p.openVisit(r) // in the state after the decision
	if bad != nil {
		p.writeProblem(w, r, *bad)
		return
	}
	notice := "Your decision was not recorded, because the request was closed before. Nothing has changed."
	if code == approval.VerdictConflict {
		notice = "Your decision was not recorded, because it contradicts an earlier decision. Nothing has changed."
	}
	p.showFormAgain(w, r, v, f, http.StatusConflict, notice)
}

// newDecision returns the decision of a form. Its ID is the same for the same outcome by the same person and link, so
// that a second click is recognized.
func (v *visit) newDecision(f form) approval.Decision {
	via := approval.ViaLink
	person := v.capability.Nonce
	if v.signedIn != "" {
		via = approval.ViaSSO
		person = string(approval.NewPersonID(v.signedIn))
	}
	sum := sha256.Sum256([]byte(v.capability.ApprovalID + "\x00" + person + "\x00" + string(f.outcome)))
	return approval.Decision{
		ID:          string(via) + "-" + hex.EncodeToString(sum[:8]),
		ApprovalID:  v.capability.ApprovalID,
		Outcome:     f.outcome,
		By:          v.principal(),
		Comment:     f.comment,
		Via:         via,
		Source:      string(via),
		ReceivedAt:  v.now,
		ShownDigest: hex.EncodeToString(v.contentDigest()), // equal to f.shown, see checkForm
	}
}

// contentDigest returns a digest of the request as the page shows it. Status and votes are left out: the domain
// determines whether a decision still counts, and the votes of other people do not change the content of the
// decision.
func (v *visit) contentDigest() []byte {
	a := v.approval
	text, err := json.Marshal([]any{
		v.order.ID, a.ID, a.Title, a.Workflow, a.Step, a.Details, a.Execution, a.Requester, v.capability.Approver,
		a.Deadline.UTC(), v.signedIn,
	})
	if err != nil { // impossible for strings and a time of this era
		text = nil
	}
	sum := sha256.Sum256(text)
	return sum[:]
}
