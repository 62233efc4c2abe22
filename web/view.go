package web

import (
	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/organisation"
	"github.com/approval-relay/approval-relay/untrusted"
	"github.com/approval-relay/approval-relay/web/look"
)

// view is the data of the template.
type view struct {
	reader
	Organisation organisation.Organisation
	Badge        string
	Tone         string // of the badge: open, good, bad, closed
	Heading      string
	Title        string   // of the document
	Lead         []string // paragraphs
	Notice       string   // why the last form was refused
	Faults       []faultView
	SignIn       string // path of the sign-in, if it is offered
	SignOut      bool   // the page is the form to sign out
	Request      *requestView
	Form         *formView
	Acts         *actsView // nil if there is nothing to do beside deciding
	// Lost are the texts that were typed, if the request can no longer be decided.
	Lost []labelled
}

// labelled is a text with its label.
type labelled struct{ Label, Text string }

// requestView shows the request, and the decisions so far.
type requestView struct {
	OrderID   string
	Workflow  string
	Step      string
	Execution string
	Requester string
	Approver  string
	SignedIn  string

	Details   detailsView
	Requested look.Moment
	Deadline  *look.Moment // nil if the request is closed
	Progress  []string
	Round     *roundView // nil in the first round
	Changes   []changeView
	Votes     []voteView
	Questions []questionView
}

// Footer returns the last line of the organisation's pages.
func (v view) Footer() string { return v.Organisation.Footer.In(v.Words.Tag()) }

// T returns a text of the catalogue.
func (v view) T(key string, namesAndValues ...string) string { return v.text(key, namesAndValues...) }

// newView returns the page of a visit.
func (p *Page) newView(v *visit) view {
	page := view{reader: v.reader, Heading: untrusted.MultiLine(v.approval.Title), Request: p.newRequestView(v)}
	if page.Heading == "" {
		page.Heading = v.text("page.untitled", "order", untrusted.SingleLine(v.order.ID))
	}
	state := v.describeState()
	page.Badge, page.Tone, page.Lead = v.text("page.badge."+state.badge), state.tone, state.lead
	page.Title = page.Badge + ": " + untrusted.Shorten(untrusted.SingleLine(page.Heading), 80)
	if v.offersSignIn() {
		page.SignIn = "../signin/" + v.token
	}
	if v.canDecide() {
		page.Form = p.newFormView(v)
		page.Acts = p.newActsView(v)
		page.Lead = append(page.Lead, v.describePassedOn()...)
	}
	return page
}

func (p *Page) newRequestView(v *visit) *requestView {
	a := v.approval
	out := &requestView{
		OrderID:   untrusted.MultiLine(v.order.ID),
		Workflow:  untrusted.MultiLine(a.Workflow),
		Step:      untrusted.MultiLine(a.Step),
		Execution: untrusted.MultiLine(a.Execution),
		Requester: untrusted.MultiLine(a.Requester),
		Approver:  untrusted.MultiLine(v.capability.Approver),
		SignedIn:  untrusted.MultiLine(v.signedIn),
		Details:   p.openFiles(v, newDetailsView(a.Details, v.Words, v.Zone)),
		Requested: v.moment(a.RequestedAt),
		Progress:  v.progress(),
		Round:     v.round(),
		Changes:   v.changes(),
		Votes:     v.votes(),
		Questions: v.questions(a),
	}
	if v.effectiveStatus() == approval.Pending {
		deadline := v.moment(a.Deadline)
		out.Deadline = &deadline
	}
	return out
}
