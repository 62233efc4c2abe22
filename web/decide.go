package web

import (
	"crypto/sha256"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/store"
)

// recordDecision records the decision of a form. After success the browser is redirected to the page, which then
// shows the recorded state; reloading it sends nothing again.
func (p *Page) recordDecision(w http.ResponseWriter, r *http.Request, v *visit, s submission, choice *approval.Choice) {
	if faults := checkComment(s.comment); len(faults) > 0 {
		p.refuse(w, r, v, s, notice{http.StatusUnprocessableEntity, "page.notice.invalid", faults})
		return
	}
	orderID := v.capability.OrderID
	verdict, err := p.Decider.Decide(r.Context(), orderID, v.newDecision(s, choice))
	switch {
	case err != nil && approval.IsPermanent(err):
		p.Log.ErrorContext(r.Context(), "decision of the page is invalid", "order_id", orderID, "error", err)
		p.writeProblem(w, r, notAllowed)
	case err != nil:
		p.Log.WarnContext(r.Context(), "decision page cannot record the decision", "order_id", orderID, "error", err)
		p.refuse(w, r, v, s, notice{status: http.StatusServiceUnavailable, key: unstoredNotice(err, "page.notice.uncertain")})
	case verdict.IsAccepted():
		p.Observer.DecisionPageSubmitted()
		// The path is relative, because a proxy may have removed a prefix.
		w.Header().Set("Location", "./"+url.PathEscape(r.PathValue("token")))
		w.WriteHeader(http.StatusSeeOther)
	default:
		p.writeVerdict(w, r, s, verdict)
	}
}

// unstoredNotice returns the key of the notice for a decision or an act that could not be stored: the uncertain one, but
// while the store is read-only, it is certain that nothing was recorded, unless it became so meanwhile.
func unstoredNotice(err error, uncertain string) string {
	if readOnly, isReadOnly := errors.AsType[*store.ReadOnlyError](err); isReadOnly && !readOnly.MayBeStored {
		return "page.notice.read_only"
	}
	return uncertain
}

// writeVerdict answers a decision that does not count.
func (p *Page) writeVerdict(w http.ResponseWriter, r *http.Request, s submission, verdict approval.Verdict) {
	problems := map[approval.VerdictCode]*problem{
		approval.VerdictRequester:   &ownRequest,
		approval.VerdictAnonymous:   &namesNobody,
		approval.VerdictAssurance:   &needsSignIn,
		approval.VerdictNotApprover: &notAllowed,
		approval.VerdictSource:      &notAllowed,
		approval.VerdictUnknown:     &removed,
	}
	if b := problems[verdict.Code]; b != nil {
		p.writeProblem(w, r, *b)
		return
	}
	v, bad := p.openVisit(r) // in the state after the decision
	if bad != nil {
		p.writeProblem(w, r, *bad)
		return
	}
	n := notice{status: http.StatusConflict, key: "page.notice.closed", faults: verdict.Faults}
	switch verdict.Code {
	case approval.VerdictInvalid:
		n.status, n.key = http.StatusUnprocessableEntity, "page.notice.invalid"
	case approval.VerdictChanged:
		n.key = "page.notice.changed"
	case approval.VerdictConflict:
		n.key = "page.notice.conflict"
	case approval.VerdictOverflow:
		n.key = "page.notice.overflow"
	}
	p.refuse(w, r, v, s, n)
}

// checkComment returns the fault of a comment that would be cut.
func checkComment(comment string) []form.Fault {
	if utf8.RuneCountInString(comment) <= approval.MaxComment {
		return nil
	}
	return []form.Fault{{Field: "comment", Code: form.TooLong, Want: strconv.Itoa(approval.MaxComment)}}
}

// newDecision returns the decision of a form.
func (v *visit) newDecision(s submission, choice *approval.Choice) approval.Decision {
	via, _ := v.way()
	d := approval.Decision{
		ID:          v.decisionID(s, choice),
		ApprovalID:  v.capability.ApprovalID,
		Outcome:     choice.Means,
		Values:      v.valuesOf(choice, s.typed),
		By:          v.principal(),
		Comment:     s.comment,
		Via:         via,
		Source:      string(via),
		ReceivedAt:  v.now,
		ShownDigest: s.shown,
	}
	if len(v.approval.Choices) > 0 {
		d.Choice = choice.ID
	}
	return d
}

// way returns the way in, and the identity of the person on it.
func (v *visit) way() (via approval.Via, person string) {
	if v.signedIn != "" {
		return approval.ViaSSO, string(approval.NewPersonID(v.signedIn))
	}
	return approval.ViaLink, v.capability.Nonce
}

// hashOf returns a digest of texts without the byte 0.
func hashOf(parts ...string) []byte {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return sum[:]
}
