package web

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/untrusted"
)

// maxBody bounds a form, in bytes: the longest comment with every byte escaped
// takes a fifth of it.
const maxBody = 64 << 10

// noName is who decided where a link names nobody.
const noName = "link holder"

// form is what the page's form sends.
type form struct {
	outcome approval.Outcome
	comment string
	nonce   string
	shown   string // hash of what the page showed, in hex
}

func (p *Page) post(w http.ResponseWriter, r *http.Request) {
	if p.cross.Check(r) != nil {
		p.refuse(w, r, crossSite)
		return
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		p.refuse(w, r, wrongType)
		return
	}
	v, bad := p.open(r)
	if bad != nil {
		p.refuse(w, r, *bad)
		return
	}
	f, bad := read(w, r)
	if bad != nil {
		p.refuse(w, r, *bad)
		return
	}
	if status, notice := p.check(v, f); notice != "" {
		p.again(w, r, v, f, status, notice)
		return
	}
	p.decide(w, r, v, f)
}

// read reads the form. A field that is there twice is not guessed at.
func read(w http.ResponseWriter, r *http.Request) (form, *problem) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	err := r.ParseForm()
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return form{}, &tooLarge
	case err != nil:
		return form{}, &unreadable
	}
	for _, name := range []string{"outcome", "comment", "nonce", "shown"} {
		if len(r.PostForm[name]) > 1 {
			return form{}, &unreadable
		}
	}
	return form{
		outcome: approval.Outcome(r.PostForm.Get("outcome")), comment: comment(r.PostForm), nonce: r.PostForm.Get("nonce"),
		shown: r.PostForm.Get("shown"),
	}, nil
}

// comment returns the comment as it is stored: browsers send CRLF.
func comment(f url.Values) string { return strings.TrimSpace(untrusted.MultiLine(f.Get("comment"))) }

// check says why the form is not taken, or nothing. It looks at the form only:
// whether a decision counts is for the domain to say.
func (p *Page) check(v *visit, f form) (status int, notice string) {
	shown := v.shown()
	switch {
	case f.shown != "" && f.shown != hex.EncodeToString(shown):
		return http.StatusConflict, "The request has changed since you opened this page, so your decision was not taken. Please look again and decide."
	case p.Links.VerifyForm(v.cap, shown, f.nonce, v.now) != nil:
		return http.StatusConflict, "This page was open for too long, so your decision was not taken. Please look again and decide."
	case !slices.Contains([]approval.Outcome{approval.Approve, approval.Reject}, f.outcome) || !v.allows(f.outcome):
		return http.StatusBadRequest, "Nothing was decided. Please choose one of the buttons."
	case len(f.comment) > approval.MaxComment:
		return http.StatusUnprocessableEntity, fmt.Sprintf(
			"Your comment is too long by about %d characters, so your decision was not taken. Please shorten it and decide again.", over(f.comment))
	}
	return 0, ""
}

// over is how many characters must go for a comment to fit.
func over(comment string) int {
	fits := comment[:approval.MaxComment]
	return utf8.RuneCountInString(comment) - utf8.RuneCountInString(strings.ToValidUTF8(fits, ""))
}

// again shows the page as it is now, with what was wrong, and keeps the comment.
func (p *Page) again(w http.ResponseWriter, r *http.Request, v *visit, f form, status int, notice string) {
	p.Observe(EventRefused)
	page := p.view(v)
	page.Notice = notice
	if page.Form != nil {
		page.Form.Comment = f.comment
	}
	p.write(w, r, status, page)
}

// decide records the decision. When it was taken the browser is sent back to the
// page, which then shows what is recorded: to load it again sends nothing again.
func (p *Page) decide(w http.ResponseWriter, r *http.Request, v *visit, f form) {
	verdict, err := p.Decider.Decide(r.Context(), v.cap.OrderID, v.decision(f))
	switch {
	case err != nil && approval.IsPermanent(err):
		p.Log.ErrorContext(r.Context(), "decision page made a decision that cannot be taken", "order_id", v.cap.OrderID, "error", err)
		p.refuse(w, r, notAllowed)
	case err != nil:
		p.Log.WarnContext(r.Context(), "decision page cannot record the decision", "order_id", v.cap.OrderID, "error", err)
		p.refuse(w, r, unknownOutcome)
	case verdict.IsAccepted():
		p.Observe(EventPosted)
		// Relative: a proxy may have taken a prefix away.
		w.Header().Set("Location", "./"+url.PathEscape(r.PathValue("token")))
		w.WriteHeader(http.StatusSeeOther)
	default:
		p.refused(w, r, f, verdict.Code)
	}
}

// refused answers a decision that does not count.
func (p *Page) refused(w http.ResponseWriter, r *http.Request, f form, code approval.VerdictCode) {
	problems := map[approval.VerdictCode]*problem{
		approval.VerdictRequester: &ownRequest, approval.VerdictAssurance: &surer, approval.VerdictNotApprover: &notAllowed,
		approval.VerdictSource: &notAllowed, approval.VerdictUnknown: &gone,
	}
	if b := problems[code]; b != nil {
		p.refuse(w, r, *b)
		return
	}
	v, bad := p.open(r) // as it is now
	if bad != nil {
		p.refuse(w, r, *bad)
		return
	}
	notice := "Your decision was not taken, the request was closed before. Nothing has changed."
	if code == approval.VerdictConflict {
		notice = "Your decision was not taken, because it contradicts what was decided before. Nothing has changed."
	}
	p.again(w, r, v, f, http.StatusConflict, notice)
}

// decision is what the form decides. Its ID is the same for the same outcome by
// the same link, so a second click is known as one.
func (v *visit) decision(f form) approval.Decision {
	via, who := approval.ViaLink, v.cap.Nonce
	if v.signedIn != "" {
		via, who = approval.ViaSSO, string(approval.NewPersonID(v.signedIn))
	}
	sum := sha256.Sum256([]byte(v.cap.ApprovalID + "\x00" + who + "\x00" + string(f.outcome)))
	return approval.Decision{
		ID:          string(via) + "-" + hex.EncodeToString(sum[:8]),
		ApprovalID:  v.cap.ApprovalID,
		Outcome:     f.outcome,
		By:          v.by(),
		Comment:     f.comment,
		Via:         via,
		Source:      string(via),
		ReceivedAt:  v.now,
		ShownDigest: hex.EncodeToString(v.shown()), // check compared it with the form's
	}
}

// shown is a hash of what the page says about the request. Status and votes are
// not in it: whether a decision still counts is the domain's to judge, and other
// people's votes do not change what is decided.
func (v *visit) shown() []byte {
	a := v.approval
	text, err := json.Marshal([]any{
		v.order.ID, a.ID, a.Title, a.Workflow, a.Step, a.Details, a.Execution, a.Requester, v.cap.Approver, a.Deadline.UTC(), v.signedIn,
	})
	if err != nil { // strings and a time of this era have no such error
		text = nil
	}
	sum := sha256.Sum256(text)
	return sum[:]
}
