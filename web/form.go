package web

import (
	"encoding/hex"
	"errors"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/untrusted"
)

// maxForm bounds a form, in bytes. The longest comment, of characters of four bytes that are all escaped, has 192 KiB,
// and the values of a form have half as much at most.
const maxForm = 320 << 10

// submission is the content of the page's form.
type submission struct {
	choice  string // ID of the choice of the pressed button
	opened  string // ID of the choice with its inputs on the page, or empty
	wasOpen bool   // the page showed the inputs of the pressed button's choice
	back    bool   // the button that leaves the opened choice was pressed
	comment string
	typed   typedValues
	nonce   string
	shown   string // digest of the content that the page showed, in hex
}

// notice is why a form is refused.
type notice struct {
	status int
	key    string // of the catalogue
	faults []form.Fault
}

// handleForm answers a POST. It accepts the page's own form only, and records the decision in it. A choice that needs
// input is only opened at first.
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
	act, bad := readActForm(w, r)
	switch {
	case bad != nil:
		p.writeProblem(w, r, *bad)
		return
	case act.act != "":
		p.handleAct(w, r, v, act)
		return
	}
	s, bad := readSubmission(w, r, v.approval)
	if bad != nil {
		p.writeProblem(w, r, *bad)
		return
	}
	if s.shown == "" { // the nonce alone proves the content
		s.shown = v.order.ContentDigest(v.approval)
	}
	choice := v.findChoice(s.choice)
	refused := p.checkSubmission(v, s, choice)
	switch {
	case refused != nil:
		p.refuse(w, r, v, s, *refused)
	case s.back || s.opened != choice.ID && needsInput(choice, s.comment):
		p.openChoice(w, r, v, s)
	default:
		p.recordDecision(w, r, v, s, choice)
	}
}

// singleInputs are the inputs of the page itself. An input that comes twice is refused, because either value may be
// intended.
var singleInputs = []string{"choice", "outcome", "opened", "back", "comment", "nonce", "shown"}

// readSubmission reads the form. Pages of an older version name the choice "outcome".
func readSubmission(w http.ResponseWriter, r *http.Request, a *approval.Approval) (submission, *problem) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return submission{}, &tooLarge
		}
		return submission{}, &unreadable
	}
	post := r.PostForm
	isTwice := func(name string) bool { return len(post[name]) > 1 }
	if slices.ContainsFunc(singleInputs, isTwice) || post.Has("choice") && post.Has("outcome") {
		return submission{}, &unreadable
	}
	typed, ok := readTyped(post, &a.Form)
	if !ok {
		return submission{}, &unreadable
	}
	choice, opened := post.Get("choice")+post.Get("outcome"), post.Get("opened")
	return submission{
		choice:  choice,
		opened:  opened,
		wasOpen: opened != "" && opened == choice,
		back:    post.Has("back"),
		comment: strings.TrimSpace(untrusted.MultiLine(post.Get("comment"))),
		typed:   typed,
		nonce:   post.Get("nonce"),
		shown:   post.Get("shown"),
	}, nil
}

// checkSubmission returns why a form is refused, or nil. It checks the form only: whether a decision counts is determined
// by the domain. A second click is let through, because the first click may have changed the request.
func (p *Page) checkSubmission(v *visit, s submission, choice *approval.Choice) *notice {
	switch {
	case s.shown != v.order.ContentDigest(v.approval) && !v.isRecorded(s, choice):
		return &notice{status: http.StatusConflict, key: "page.notice.changed"}
	case p.Links.VerifyForm(v.capability, v.pageDigest(s.shown), s.nonce, v.now) != nil:
		return &notice{status: http.StatusConflict, key: "page.notice.stale"}
	case choice == nil && !s.back:
		return &notice{status: http.StatusBadRequest, key: "page.notice.no_choice"}
	}
	return nil
}

// isRecorded reports whether the decision of a form is among the votes already.
func (v *visit) isRecorded(s submission, choice *approval.Choice) bool {
	return choice != nil && slices.ContainsFunc(v.approval.Votes, func(vote approval.Vote) bool {
		return vote.DecisionID == v.decisionID(s, choice)
	})
}

// openChoice shows the inputs of a choice, or leaves them. Nothing is recorded.
func (p *Page) openChoice(w http.ResponseWriter, r *http.Request, v *visit, s submission) {
	if !v.canDecide() {
		p.refuse(w, r, v, s, notice{status: http.StatusConflict, key: "page.notice.closed"})
		return
	}
	p.Observer.DecisionPageViewed()
	s.opened = s.choice
	page := p.newView(v)
	page.keep(v, s)
	page.Form.focusFirst()
	p.writePage(w, r, http.StatusOK, page)
}

// refuse shows the page in its present state, with the reason. It keeps the typed texts.
func (p *Page) refuse(w http.ResponseWriter, r *http.Request, v *visit, s submission, n notice) {
	if n.status == http.StatusServiceUnavailable {
		p.Observer.DecisionPageFailed()
	} else {
		p.Observer.DecisionPageRefused()
	}
	detail := language.For(language.Default).Text(n.key)
	if len(n.faults) > 0 {
		detail = n.faults[0].Error()
	}
	p.record(r.Context(), n.status, codeOfForm(n.status), detail)
	page := p.newView(v)
	page.Notice = v.text(n.key)
	if c := v.findChoice(s.choice); c != nil && s.opened == "" && needsInput(c, s.comment) {
		s.opened = c.ID
	}
	page.keep(v, s)
	page.showFaults(v, n.faults)
	p.writePage(w, r, n.status, page)
}

// pageDigest returns a digest of the page as the visitor saw it. The argument is the digest of the content; the rest
// depends on the visitor. The nonce of the form is bound to it.
func (v *visit) pageDigest(shown string) []byte {
	parts := []string{shown, v.capability.Approver, v.signedIn}
	if len(v.approval.Form.Fields) > 0 { // they say how numbers and times are read
		parts = append(parts, string(v.Words.Tag()), v.Zone.String())
	}
	return hashOf(parts...)
}

// decisionID returns the ID of the decision of a form. It is the same for the same choice by the same person and link, so
// that a second click is recognized. Where the request can be edited, a vote on another content is another decision.
func (v *visit) decisionID(s submission, choice *approval.Choice) string {
	via, person := v.way()
	parts := []string{v.capability.ApprovalID, person, choice.ID}
	if len(v.approval.Edits) > 0 {
		parts = append(parts, s.shown)
	}
	return string(via) + "-" + hex.EncodeToString(hashOf(parts...)[:8])
}
