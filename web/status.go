package web

import (
	"errors"
	"mime"
	"net/http"
	"net/url"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/untrusted"
	"github.com/approval-relay/approval-relay/web/look"
)

// statusVisit is a request by the holder of a requester's link.
type statusVisit struct {
	capability approval.Capability
	order      *approval.Order
	approval   *approval.Approval
	reader
}

// statusView is the data of the requester's page.
type statusView struct {
	view
	Requested  look.Moment
	Deadline   *look.Moment // nil if the request is closed
	Progress   string
	Votes      []voteView
	Details    detailsView
	Questions  []questionView
	OrderID    string
	Withdraw   string // nonce, if the requester can withdraw the request
	WasRefused bool   // the last form that withdraws was refused
	Text       string // that was typed
	Answering  string // ID of the question whose answer was refused
}

// ServeStatus serves the page of a requester. It must be mounted at a pattern that ends in "/s/{token}". It shows the state
// of the request and decides nothing: it opens no link of an approver, and the decision page opens no link of a requester.
func (p *Page) ServeStatus(w http.ResponseWriter, r *http.Request) {
	p.look.SetHeaders(w.Header())
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		v, bad := p.openStatus(r)
		if bad != nil {
			p.writeProblem(w, r, *bad)
			return
		}
		p.writeStatus(w, r, http.StatusOK, p.newStatusView(v))
	case http.MethodPost:
		p.handleStatusForm(w, r)
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		p.writeProblem(w, r, wrongMethod)
	}
}

// openStatus reads the approval behind the link of a requester.
func (p *Page) openStatus(r *http.Request) (*statusVisit, *problem) {
	if p.Status == nil || p.Acts == nil {
		return nil, &invalid
	}
	now := p.Now()
	c, err := p.Status.OpenStatus(r.PathValue("token"), now)
	if err != nil && !errors.Is(err, approval.ErrExpired) {
		return nil, &invalid
	}
	order, err := p.Orders.Get(r.Context(), c.OrderID)
	switch {
	case errors.Is(err, approval.ErrNotFound):
		return nil, &removed
	case err != nil:
		p.Log.WarnContext(r.Context(), "status page cannot read the order", "order_id", c.OrderID, "error", err)
		return nil, &unavailable
	}
	a := order.FindApproval(c.ApprovalID)
	switch {
	case a == nil:
		return nil, &removed
	case !a.AcceptsRequester(c, now):
		return nil, &expired
	}
	return &statusVisit{
		capability: c,
		order:      order,
		approval:   a,
		reader:     p.readerOf(r, a.Requester, a.Workflow),
	}, nil
}

// isPending reports whether the approval is pending. A deadline that has passed counts even if it is not recorded yet.
func (v *statusVisit) isPending() bool {
	return v.approval.Status == approval.Pending && v.approval.Deadline.After(v.Now)
}

// digest returns the content of the nonce of a form.
func (v *statusVisit) digest(act, question string) []byte { return hashOf("status", act, question) }

// newStatusView returns the page of a requester.
func (p *Page) newStatusView(v *statusVisit) statusView {
	a := v.approval
	heading := untrusted.MultiLine(a.Title)
	if heading == "" {
		heading = v.text("page.untitled", "order", untrusted.SingleLine(v.order.ID))
	}
	out := statusView{
		view:      view{reader: v.reader, Heading: heading},
		Requested: v.moment(a.RequestedAt),
		Details:   newDetailsView(a.Details, v.Words, v.Zone),
		Votes:     v.statusVotes(),
		Questions: v.questions(a),
		OrderID:   untrusted.SingleLine(v.order.ID),
	}
	status := a.Status
	if status == approval.Pending && !v.isPending() {
		status = approval.TimedOut
	}
	out.Badge = v.text("status.badge." + string(status))
	out.Tone = map[approval.Status]string{approval.Pending: "open", approval.Approved: "good", approval.Rejected: "bad"}[status]
	if out.Tone == "" {
		out.Tone = "closed"
	}
	out.Lead = v.lead(status)
	out.Title = out.Badge + ": " + untrusted.Shorten(untrusted.SingleLine(heading), 80)
	if !v.isPending() {
		return out
	}
	deadline := v.moment(a.Deadline)
	out.Deadline = &deadline
	if progress := a.Progress(); progress.Needed > 1 {
		out.Progress = v.text("page.progress", "n", v.count(progress.Approved), "needed", v.count(progress.Needed))
	}
	if a.RequesterWithdraws {
		out.Withdraw = p.Links.FormNonce(v.capability, v.digest(actWithdraw, ""), v.Now)
	}
	for i, q := range a.Questions {
		if a.RequesterAnswers && !q.IsAnswered() {
			out.Questions[i].Nonce = p.Links.FormNonce(v.capability, v.digest(actAnswer, q.ID), v.Now)
		}
	}
	return out
}

// lead describes the state to the requester.
func (v *statusVisit) lead(status approval.Status) []string {
	key := "status.lead." + string(status)
	if status == approval.Pending && v.approval.Undeliverable {
		key = "status.lead.undeliverable"
	}
	lead := []string{v.text(key, "time", v.moment(v.approval.ClosedAt).String())}
	if reason := untrusted.MultiLine(v.approval.Reason); reason != "" {
		lead = append(lead, v.text("page.reason", "reason", reason))
	}
	return lead
}

// statusVotes lists the decisions so far. The comments are for approvers, unless the workflow shows them to requesters.
func (v *statusVisit) statusVotes() []voteView {
	var out []voteView
	for _, vote := range v.approval.Votes {
		if vote.Void {
			continue
		}
		view := voteView{
			By:      v.voter(vote),
			Outcome: v.text("page.outcome." + string(vote.Outcome)),
			Class:   classOf(vote.Outcome),
			At:      v.moment(vote.At),
		}
		if v.approval.RequesterComments {
			view.Comment = untrusted.MultiLine(vote.Comment)
		}
		out = append(out, view)
	}
	return out
}

// handleStatusForm answers a POST: an answer, or the withdrawal of the request.
func (p *Page) handleStatusForm(w http.ResponseWriter, r *http.Request) {
	if p.crossOrigin.Check(r) != nil {
		p.writeProblem(w, r, crossSite)
		return
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		p.writeProblem(w, r, wrongType)
		return
	}
	v, bad := p.openStatus(r)
	if bad != nil {
		p.writeProblem(w, r, *bad)
		return
	}
	f, bad := readActForm(w, r)
	if bad != nil {
		p.writeProblem(w, r, *bad)
		return
	}
	switch {
	case f.act != actWithdraw && f.act != actAnswer:
		p.writeProblem(w, r, unreadable)
	case p.Links.VerifyForm(v.capability, v.digest(f.act, f.question), f.nonce, v.Now) != nil:
		p.refuseStatus(w, r, f, http.StatusConflict, "status.notice.stale")
	case f.act == actWithdraw && !f.confirm:
		p.refuseStatus(w, r, f, http.StatusUnprocessableEntity, "status.withdraw.unconfirmed")
	case f.act == actAnswer && f.text == "":
		p.refuseStatus(w, r, f, http.StatusUnprocessableEntity, "status.answer.missing")
	default:
		p.recordStatusForm(w, r, v, f)
	}
}

// recordStatusForm records an answer or a withdrawal. After success the browser is redirected to the page.
func (p *Page) recordStatusForm(w http.ResponseWriter, r *http.Request, v *statusVisit, f actForm) {
	var verdict approval.Verdict
	var err error
	if f.act == actWithdraw {
		verdict, err = p.Acts.Withdraw(r.Context(), v.capability, f.text)
	} else {
		var result approval.ActResult
		result, err = p.Acts.Answer(r.Context(), v.order.ID, approval.Act{
			ID:         "answer-" + f.question,
			ApprovalID: v.approval.ID,
			Actor:      v.approval.RequesterActor(),
		}, f.question, f.text)
		verdict = result.Verdict
	}
	switch {
	case err != nil && approval.IsPermanent(err):
		p.refuseStatus(w, r, f, http.StatusUnprocessableEntity, "status.answer.refused")
	case err != nil:
		p.Log.WarnContext(r.Context(), "status page cannot record the act", "order_id", v.order.ID, "error", err)
		p.refuseStatus(w, r, f, http.StatusServiceUnavailable, unstoredNotice(err, "status.notice.uncertain"))
	case verdict.IsAccepted():
		w.Header().Set("Location", "./"+url.PathEscape(r.PathValue("token")))
		w.WriteHeader(http.StatusSeeOther)
	default:
		p.refuseStatus(w, r, f, http.StatusConflict, "status.notice.closed")
	}
}

// refuseStatus shows the page in its present state, with the reason. It keeps the typed text.
func (p *Page) refuseStatus(w http.ResponseWriter, r *http.Request, f actForm, status int, key string) {
	v, bad := p.openStatus(r)
	if bad != nil {
		p.writeProblem(w, r, *bad)
		return
	}
	p.Observer.DecisionPageRefused()
	p.record(r.Context(), status, codeOfForm(status), "the form of a requester is refused: "+key)
	page := p.newStatusView(v)
	page.Notice = v.text(key)
	page.Text = f.text
	page.WasRefused = f.act == actWithdraw
	page.Answering = f.question
	p.writeStatus(w, r, status, page)
}

func (p *Page) writeStatus(w http.ResponseWriter, r *http.Request, status int, v statusView) {
	v.Organisation = p.Organisation
	p.write(w, r, status, "status.html", v)
}
