package web

import (
	"encoding/hex"
	"errors"
	"mime"
	"net/http"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/untrusted"
)

// maxForm bounds a form, in bytes. The longest comment, of characters of four bytes that are all escaped, has 192 KiB.
const maxForm = 224 << 10

// form is the content of the page's form.
type form struct {
	outcome approval.Outcome
	comment string
	nonce   string
	shown   string // digest of the content that the page showed, in hex
}

// handleForm answers a POST. It accepts the page's own form only, and records the decision in it.
func (p *Page) handleForm(w http.ResponseWriter, r *http.Request) {
	if p.crossOrigin.Check(r) != nil {
		p.writeProblem(w, r, crossSite)
		return
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		p.writeProblem(w, r, wrongType)
		return
	}
	v, bad := p.openVisit(r)
	if bad != nil {
		p.writeProblem(w, r, *bad)
		return
	}
	f, bad := readForm(w, r)
	if bad != nil {
		p.writeProblem(w, r, *bad)
		return
	}
	if status, notice := p.checkForm(v, f); notice != "" {
		p.showFormAgain(w, r, v, f, status, notice)
		return
	}
	p.recordDecision(w, r, v, f)
}

// readForm reads the form. A field that comes twice is refused, because either value may be the intended one.
func readForm(w http.ResponseWriter, r *http.Request) (form, *problem) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return form{}, &tooLarge
		}
		return form{}, &unreadable
	}
	for _, name := range []string{"outcome", "comment", "nonce", "shown"} {
		if len(r.PostForm[name]) > 1 {
			return form{}, &unreadable
		}
	}
	return form{
		outcome: approval.Outcome(r.PostForm.Get("outcome")),
		comment: strings.TrimSpace(untrusted.MultiLine(r.PostForm.Get("comment"))),
		nonce:   r.PostForm.Get("nonce"),
		shown:   r.PostForm.Get("shown"),
	}, nil
}

// checkForm returns the notice for a form that is refused, or the empty text. It checks the form only: whether a
// decision counts is determined by the domain.
func (p *Page) checkForm(v *visit, f form) (status int, notice string) {
	shown := v.contentDigest()
	switch {
	case f.shown != "" && f.shown != hex.EncodeToString(shown):
		return http.StatusConflict, "The request has changed since you opened this page, so your decision was not " +
			"recorded. Please look again and decide."
	case p.Links.VerifyForm(v.capability, shown, f.nonce, v.now) != nil:
		return http.StatusConflict, "This page was open for too long, so your decision was not recorded. " +
			"Please look again and decide."
	case f.outcome != approval.Approve && f.outcome != approval.Reject || !v.allowsOutcome(f.outcome):
		return http.StatusBadRequest, "Nothing was decided. Please choose one of the buttons."
	}
	return 0, ""
}

// showFormAgain shows the page in its present state, with a notice. It keeps the comment.
func (p *Page) showFormAgain(w http.ResponseWriter, r *http.Request, v *visit, f form, status int, notice string) {
	p.Observer.DecisionPageRefused()
	p.record(r.Context(), status, codeOfForm(status), notice)
	page := p.newView(v)
	page.Notice = notice
	if page.Form != nil {
		page.Form.Comment = f.comment
	}
	p.writePage(w, r, status, page)
}
