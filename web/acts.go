package web

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/untrusted"
)

// Acts records the acts of approvers and requesters beside decisions. After an error that is not permanent it is unknown whether
// the act was recorded.
type Acts interface {
	Ask(ctx context.Context, orderID string, act approval.Act, text string) (approval.ActResult, error)
	Answer(ctx context.Context, orderID string, act approval.Act, questionID, text string) (approval.ActResult, error)
	PassOn(ctx context.Context, orderID string, act approval.Act, to string) (approval.ActResult, error)
	Decline(ctx context.Context, orderID string, act approval.Act) (approval.ActResult, error)
	// Withdraw cancels the approval in the name of the requester, by the capability of the requester's link.
	Withdraw(ctx context.Context, c approval.Capability, reason string) (approval.Verdict, error)
}

// StatusLinks opens the links of requesters.
type StatusLinks interface {
	// OpenStatus returns the capability in the token of a requester's link. It has the errors of Links.OpenLink.
	OpenStatus(token string, now time.Time) (approval.Capability, error)
}

// The acts of a form, as the input act names them.
const (
	actAsk      = "ask"
	actPassOn   = "pass_on"
	actDecline  = "decline"
	actAnswer   = "answer"
	actWithdraw = "withdraw"
)

// actForm is the content of a form for an act.
type actForm struct {
	act      string
	text     string // the question, the answer or the reason
	to       string
	question string // ID of the question that is answered
	confirm  bool
	nonce    string
	shown    string // digest of the content that the page showed, in hex
}

// readActForm reads the form of a POST. The pressed button names the act; it is empty for the form of a decision. An input
// that comes twice is refused, because either value may be the intended one.
func readActForm(w http.ResponseWriter, r *http.Request) (actForm, *problem) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return actForm{}, &tooLarge
		}
		return actForm{}, &unreadable
	}
	if !r.PostForm.Has("act") {
		return actForm{}, nil
	}
	for _, name := range []string{"act", "text", "to", "question", "confirm", "act_nonce", "act_shown", "choice", "outcome"} {
		if len(r.PostForm[name]) > 1 {
			return actForm{}, &unreadable
		}
	}
	if r.PostForm.Has("choice") || r.PostForm.Has("outcome") { // it could be meant as a decision
		return actForm{}, &unreadable
	}
	return actForm{
		act:      r.PostForm.Get("act"),
		text:     strings.TrimSpace(untrusted.MultiLine(r.PostForm.Get("text"))),
		to:       r.PostForm.Get("to"),
		question: r.PostForm.Get("question"),
		confirm:  r.PostForm.Get("confirm") == "yes",
		nonce:    r.PostForm.Get("act_nonce"),
		shown:    r.PostForm.Get("act_shown"),
	}, nil
}

// actsView has the forms beside the decision.
type actsView struct {
	CanAsk     bool
	CanDecline bool
	Candidates []string // to whom the request can be passed on
	Shown      string
	Nonces     map[string]string // by act
	// Open names the form that was refused last, with its texts.
	Open, Text, To string
}

// AskNonce, PassOnNonce and DeclineNonce are the nonces of the forms.
func (a actsView) AskNonce() string     { return a.Nonces[actAsk] }
func (a actsView) PassOnNonce() string  { return a.Nonces[actPassOn] }
func (a actsView) DeclineNonce() string { return a.Nonces[actDecline] }

// newActsView returns the forms of a visitor that may decide, or nil.
func (p *Page) newActsView(v *visit) *actsView {
	if p.Acts == nil || !v.canDecide() {
		return nil
	}
	out := &actsView{
		CanAsk: v.approval.CanAsk(),
		Shown:  v.order.ContentDigest(v.approval),
		Nonces: map[string]string{},
	}
	for _, approver := range v.approval.Approvers {
		if approval.SamePerson(approver.ID, v.principal()) {
			out.CanDecline = !approver.Declined
			for _, id := range v.approval.PassOnCandidates(v.principal()) {
				out.Candidates = append(out.Candidates, untrusted.SingleLine(id))
			}
		}
	}
	for _, act := range []string{actAsk, actPassOn, actDecline} {
		out.Nonces[act] = p.Links.FormNonce(v.capability, v.actDigest(act, out.Shown), v.now)
	}
	if !out.CanAsk && !out.CanDecline && len(out.Candidates) == 0 {
		return nil
	}
	return out
}

// actDigest returns the content of the nonce of an act's form. It differs from the digest of the decision's form, so that
// neither nonce serves for the other.
func (v *visit) actDigest(act, shown string) []byte {
	return hashOf("act", act, shown, v.capability.Approver, v.signedIn)
}

// actID returns the ID of an act: the same form, sent again, is the same act.
func (v *visit) actID(f actForm) string {
	via, person := v.way()
	return string(via) + "-" + hex.EncodeToString(hashOf(f.act, v.approval.ID, person, f.shown, f.text, f.to)[:8])
}

// handleAct records the act of a form. After success the browser is redirected to the page.
func (p *Page) handleAct(w http.ResponseWriter, r *http.Request, v *visit, f actForm) {
	id := v.actID(f)
	isRecorded := len(v.approval.Acts) > 0 && v.hasAct(id)
	switch {
	case p.Acts == nil || f.act != actAsk && f.act != actPassOn && f.act != actDecline:
		p.writeProblem(w, r, unreadable)
		return
	case p.Links.VerifyForm(v.capability, v.actDigest(f.act, f.shown), f.nonce, v.now) != nil:
		p.refuseAct(w, r, v, f, http.StatusConflict, "page.notice.stale")
		return
	case f.shown != v.order.ContentDigest(v.approval) && !isRecorded:
		p.refuseAct(w, r, v, f, http.StatusConflict, "page.act.changed")
		return
	case f.text == "" && f.act != actDecline:
		p.refuseAct(w, r, v, f, http.StatusUnprocessableEntity, "page.act."+f.act+".missing")
		return
	}
	result, err := p.doAct(r, v, f, id)
	switch {
	case err != nil && approval.IsPermanent(err):
		p.refuseAct(w, r, v, f, http.StatusUnprocessableEntity, "page.act."+f.act+".refused")
	case err != nil:
		p.Log.WarnContext(r.Context(), "decision page cannot record the act", "order_id", v.order.ID, "error", err)
		p.refuseAct(w, r, v, f, http.StatusServiceUnavailable, unstoredNotice(err, "page.notice.uncertain"))
	case result.Verdict.IsAccepted():
		if f.act == actPassOn { // the link has ended
			p.showPassedOn(w, r, v, f)
			return
		}
		w.Header().Set("Location", "./"+url.PathEscape(r.PathValue("token")))
		w.WriteHeader(http.StatusSeeOther)
	default:
		p.writeVerdict(w, r, submission{}, result.Verdict)
	}
}

func (v *visit) hasAct(id string) bool {
	for _, act := range v.approval.Acts {
		if act.ID == id {
			return true
		}
	}
	return false
}

func (p *Page) doAct(r *http.Request, v *visit, f actForm, id string) (approval.ActResult, error) {
	via, _ := v.way()
	act := approval.Act{
		ID:         id,
		ApprovalID: v.approval.ID,
		Actor:      approval.Actor{By: v.principal(), Via: via, Source: string(via)},
		Reason:     f.text,
	}
	switch f.act {
	case actAsk:
		act.Reason = ""
		return p.Acts.Ask(r.Context(), v.order.ID, act, f.text)
	case actPassOn:
		return p.Acts.PassOn(r.Context(), v.order.ID, act, f.to)
	}
	return p.Acts.Decline(r.Context(), v.order.ID, act)
}

// showPassedOn tells an approver that somebody else decides now.
func (p *Page) showPassedOn(w http.ResponseWriter, r *http.Request, v *visit, f actForm) {
	heading := v.text("page.act.passed_on")
	p.writePage(w, r, http.StatusOK, view{
		reader:  v.reader,
		Heading: heading,
		Title:   heading,
		Lead:    []string{v.text("page.act.passed_on.lead", "person", untrusted.SingleLine(f.to))},
		Tone:    "closed",
		Badge:   v.text("page.badge.nothing_decided"),
	})
}

// refuseAct shows the page in its present state, with the reason. It keeps the typed text.
func (p *Page) refuseAct(w http.ResponseWriter, r *http.Request, v *visit, f actForm, status int, key string) {
	p.Observer.DecisionPageRefused()
	p.record(r.Context(), status, codeOfForm(status), "the form of an act is refused: "+key)
	page := p.newView(v)
	page.Notice = v.text(key)
	if page.Acts != nil {
		page.Acts.Open, page.Acts.Text, page.Acts.To = f.act, f.text, f.to
	}
	p.writePage(w, r, status, page)
}

// describePassedOn says from whom, and why, the visitor has the request, if somebody has passed it on.
func (v *visit) describePassedOn() []string {
	for i := len(v.approval.Acts) - 1; i >= 0; i-- {
		act := v.approval.Acts[i]
		isOwn := slices.ContainsFunc(act.To, func(id string) bool { return approval.SamePerson(id, v.principal()) })
		if act.Kind == approval.ActPassOn && isOwn {
			return []string{v.text("page.act.passed_to_you", "person", v.person(act.From), "reason", untrusted.MultiLine(act.Reason))}
		}
	}
	return nil
}

// questionView is a question to the requester, with its answer.
type questionView struct {
	ID     string
	By     string
	Text   string
	At     string
	Answer string
	Nonce  string // of the form that answers it, on the page of the requester
}

func (r reader) questions(a *approval.Approval) []questionView {
	var out []questionView
	for _, q := range a.Questions {
		out = append(out, questionView{
			ID:     q.ID,
			By:     r.person(q.By),
			Text:   untrusted.MultiLine(q.Text),
			At:     r.moment(q.At).String(),
			Answer: untrusted.MultiLine(q.Answer),
		})
	}
	return out
}
