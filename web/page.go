// Package web has the pages that people see in a browser. This package itself is the decision page behind a signed
// link. A page is HTML and CSS in a single document, without a script, so that it works on any phone, with a screen
// reader and with scripts turned off.
//
// GET and HEAD never decide and never write, because mail scanners and chat previews fetch every link. Only a POST
// with the nonce of the page's own form decides, and it decides exactly the request that the page showed.
package web

import (
	"context"
	"embed"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/organisation"
	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/untrusted"
	"github.com/approval-relay/approval-relay/web/look"
)

//go:embed templates
var files embed.FS

//go:embed page.css
var pageCSS string

// Links opens links and protects the page's form.
type Links interface {
	// OpenLink returns the capability in the token of a link. The error is approval.ErrExpired if we signed the link
	// and its time has passed.
	OpenLink(token string, now time.Time) (approval.Capability, error)
	// FormNonce returns proof that the holder of the link was shown a page; shown is the digest of its content.
	FormNonce(c approval.Capability, shown []byte, now time.Time) string
	// VerifyForm returns nil if the nonce is such a proof and recent.
	VerifyForm(c approval.Capability, shown []byte, nonce string, now time.Time) error
}

// Orders reads orders. The error is approval.ErrNotFound for an unknown order.
type Orders interface {
	Get(ctx context.Context, orderID string) (*approval.Order, error)
}

// Decider records decisions. After an error it is unknown whether the decision was recorded.
type Decider interface {
	Decide(ctx context.Context, orderID string, d approval.Decision) (approval.Verdict, error)
}

// Sessions identifies signed-in approvers.
type Sessions interface {
	// SignedInApprover returns the ID of the approver who sent the request. It returns false if the approver has not
	// signed in.
	SignedInApprover(r *http.Request) (id string, ok bool)
}

// Observer counts the requests for the page, for the metrics. Many views and few decisions are typical of mail
// scanners.
type Observer interface {
	// DecisionPageViewed is called when the page of a valid link was shown.
	DecisionPageViewed()
	// DecisionPageSubmitted is called when a decision was recorded, now or by an earlier click.
	DecisionPageSubmitted()
	// DecisionPageRefused is called when a link, a form or a decision was refused.
	DecisionPageRefused()
	// DecisionPageFailed is called when the store could not be reached.
	DecisionPageFailed()
}

// Config configures a Page. All fields but Acts, Status, Files, Sessions, Preferences,
// IsPaused, Organisation, Origin and Refusals are required.
type Config struct {
	Links   Links
	Orders  Orders
	Decider Decider
	// Acts records what people do beside deciding. If it is nil, the page offers nothing of it.
	Acts Acts
	// Status opens the links of requesters. If it is nil, there are none.
	Status StatusLinks
	// Files opens the files of requests that are in S3. If it is nil, none is opened.
	Files Files
	// Sessions is nil if approvers cannot sign in. The page links to "signin/{token}", a sibling of "a/{token}".
	Sessions Sessions
	// Preferences returns the language and the time zone of a visitor. The approver is empty if the link names none; the
	// workflow is empty if the link is not valid.
	Preferences func(approver, workflow, acceptLanguage string) (language.Tag, *time.Location)
	// IsPaused reports whether an operator has paused a workflow, so that its answers wait. If it is nil, none ever is.
	IsPaused func(workflow string) bool
	// Organisation is shown at the top and the bottom of every page.
	Organisation organisation.Organisation
	// Origin is our public address in the form of the header Origin, for example https://approvals.example.com. It is
	// needed behind a proxy that changes the header Host.
	Origin   string
	Now      func() time.Time
	Observer Observer
	Log      *slog.Logger
	// Refusals records the links, forms and decisions that are refused; nil records nothing.
	Refusals refusal.Recorder
}

// Page serves the decision page. It must be mounted at a pattern that ends in "/a/{token}". All its links are
// relative, so any prefix may come before that.
type Page struct {
	Config
	crossOrigin *http.CrossOriginProtection
	look        *look.Look
}

// New returns the page, or an error about Origin.
func New(c Config) (*Page, error) {
	l, err := look.New(files, look.BrandCSS(c.Organisation.Colours)+pageCSS, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("decision page: %w", err)
	}
	if c.Organisation.LogoURL != "" {
		l.AllowOwnImages()
	}
	crossOrigin := http.NewCrossOriginProtection()
	if c.Origin != "" {
		if err := crossOrigin.AddTrustedOrigin(c.Origin); err != nil {
			return nil, fmt.Errorf("origin: %w", err)
		}
	}
	if c.Preferences == nil {
		c.Preferences = func(string, string, string) (language.Tag, *time.Location) { return language.Default, time.UTC }
	}
	c.Refusals = refusal.OrDiscard(c.Refusals)
	return &Page{Config: c, crossOrigin: crossOrigin, look: l}, nil
}

// ServeHTTP implements http.Handler.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.look.SetHeaders(w.Header())
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		p.showRequest(w, r)
	case http.MethodPost:
		p.handleForm(w, r)
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		p.writeProblem(w, r, wrongMethod)
	}
}

func (p *Page) showRequest(w http.ResponseWriter, r *http.Request) {
	v, bad := p.openVisit(r)
	if bad != nil {
		p.writeProblem(w, r, *bad)
		return
	}
	p.Observer.DecisionPageViewed()
	p.writePage(w, r, http.StatusOK, p.newView(v))
}

// writePage sends a page. The answer to HEAD has the same headers without a body.
func (p *Page) writePage(w http.ResponseWriter, r *http.Request, status int, v view) {
	v.Organisation = p.Organisation
	p.write(w, r, status, "page.html", v)
}

// write sends the page of a template.
func (p *Page) write(w http.ResponseWriter, r *http.Request, status int, name string, data any) {
	body, err := p.look.Render(name, data)
	if err != nil {
		p.Log.ErrorContext(r.Context(), "decision page cannot be rendered", "error", err)
		http.Error(w, "This page cannot be shown.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", fmt.Sprint(len(body)))
	if status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "10")
	}
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

// writeProblem answers a request without an approval to show.
func (p *Page) writeProblem(w http.ResponseWriter, r *http.Request, b problem) {
	if b.status == http.StatusServiceUnavailable {
		p.Observer.DecisionPageFailed()
	} else {
		p.Observer.DecisionPageRefused()
	}
	p.record(r.Context(), b.status, b.code, b.detail)
	p.writePage(w, r, b.status, p.messageView(r, "page.problem."+b.name, "page.problem_lead."+b.name))
}

// ShowMessage answers with a page that looks like the decision page and shows a message only. It is for requests on
// the way to the decision page that cannot go on, for example a failed sign-in. The texts are in the language of
// WordsFor.
func (p *Page) ShowMessage(w http.ResponseWriter, r *http.Request, status int, heading, lead string) {
	p.look.SetHeaders(w.Header())
	p.writePage(w, r, status, p.messageView(r, heading, lead))
}

// ShowSignOut answers with the form by which a signed-in person signs out. It posts to the address of the page.
func (p *Page) ShowSignOut(w http.ResponseWriter, r *http.Request, person string) {
	p.look.SetHeaders(w.Header())
	reader := p.readerOf(r, person, "")
	p.writePage(w, r, http.StatusOK, view{
		reader:  reader,
		Heading: reader.text("page.sign_out"),
		Title:   reader.text("page.sign_out"),
		Lead:    []string{reader.text("page.sign_out.lead", "person", untrusted.SingleLine(person))},
		Tone:    "open",
		Badge:   reader.text("page.badge.signed_in"),
		SignOut: true,
	})
}

// WordsFor returns the words for a browser of an unknown person.
func (p *Page) WordsFor(r *http.Request) language.Words { return p.readerOf(r, "", "").Words }

// ShowUnknownPath answers a browser that opened a path of no route, most likely a part of a link.
func (p *Page) ShowUnknownPath(w http.ResponseWriter, r *http.Request, status int, _, _ string) {
	p.look.SetHeaders(w.Header())
	p.writePage(w, r, status, p.messageView(r, "page.problem."+invalid.name, "page.problem_lead."+invalid.name))
}

func (p *Page) messageView(r *http.Request, heading, lead string) view {
	reader := p.readerOf(r, "", "")
	return view{
		reader:  reader,
		Heading: reader.text(heading),
		Title:   reader.text(heading),
		Lead:    []string{reader.text(lead)},
		Tone:    "closed",
		Badge:   reader.text("page.badge.nothing_decided"),
	}
}
