// Package web is what people see in a browser: the decision page. It is made on
// the server and needs no script.
package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"html/template"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// Links reads links, and makes and checks what the page's form carries.
type Links interface {
	Open(token string, now time.Time) (approval.Capability, error)
	FormNonce(c approval.Capability, shown []byte, now time.Time) string
	CheckForm(c approval.Capability, shown []byte, nonce string, now time.Time) error
}

// Orders reads orders.
type Orders interface {
	Get(ctx context.Context, orderID string) (*approval.Order, error)
}

// Decider records decisions.
type Decider interface {
	Decide(ctx context.Context, orderID string, d approval.Decision) (approval.Verdict, error)
}

// Config is what the page needs.
type Config struct {
	Links   Links
	Orders  Orders
	Decider Decider
	Now     func() time.Time
	Log     *slog.Logger
	// Observe is told "viewed", "posted" and "refused"; nil is fine.
	Observe func(event string)
}

// Page serves the decision page at a path whose last element, {token}, is a
// link's token. GET and HEAD show; only a POST of the page's own form decides.
type Page struct {
	config   Config
	template *template.Template
	handler  http.Handler
	policy   string
}

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

// New returns the page.
func New(c Config) (*Page, error) {
	t, err := template.New("page").Parse(pageHTML)
	if err != nil {
		return nil, err
	}
	if c.Observe == nil {
		c.Observe = func(string) {}
	}
	sum := sha256.Sum256([]byte(pageCSS))
	p := &Page{config: c, template: t}
	p.policy = "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
	p.handler = http.NewCrossOriginProtection().Handler(http.HandlerFunc(p.serve))
	return p, nil
}

// ServeHTTP implements http.Handler.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	for name, value := range map[string]string{
		"Content-Security-Policy": p.policy, "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
		"Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow", "Cross-Origin-Opener-Policy": "same-origin",
	} {
		h.Set(name, value)
	}
	p.handler.ServeHTTP(w, r)
}

func (p *Page) serve(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		p.config.Observe("viewed")
		p.get(w, r)
	case http.MethodPost:
		p.config.Observe("posted")
		p.post(w, r)
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		p.write(w, http.StatusMethodNotAllowed, view{Heading: "Not possible", Text: "This page can only be opened and sent."})
	}
}

// seen is what a link leads to.
type seen struct {
	capability approval.Capability
	order      *approval.Order
	approval   *approval.Approval
}

// open follows the link to its approval. If it leads to none, the page that
// says so is written.
func (p *Page) open(w http.ResponseWriter, r *http.Request) (seen, bool) {
	now := p.config.Now()
	c, err := p.config.Links.Open(r.PathValue("token"), now)
	if err != nil {
		p.write(w, http.StatusNotFound, view{Heading: "This link is not valid", Text: "It may be incomplete or too old. Open it again from the message that you got."})
		return seen{}, false
	}
	o, err := p.config.Orders.Get(r.Context(), c.OrderID)
	if err != nil && !errors.Is(err, approval.ErrNotFound) {
		p.unavailable(w, err)
		return seen{}, false
	}
	var a *approval.Approval
	if o != nil {
		a = o.Find(c.ApprovalID)
	}
	if a == nil || !a.Allows(c, now) {
		p.write(w, http.StatusGone, view{Heading: "This link is no longer valid", Text: "What it was for is over, or it was withdrawn."})
		return seen{}, false
	}
	return seen{c, o, a}, true
}

func (p *Page) unavailable(w http.ResponseWriter, err error) {
	p.config.Log.Error("decision page not served", "error", err.Error())
	w.Header().Set("Retry-After", "5")
	p.write(w, http.StatusServiceUnavailable, view{Heading: "Please try again", Text: "Nothing was decided. This cannot be shown or recorded at the moment."})
}

func (p *Page) get(w http.ResponseWriter, r *http.Request) {
	if s, ok := p.open(w, r); ok {
		p.write(w, http.StatusOK, p.view(s, ""))
	}
}

// maxForm bounds the body of a form, in bytes.
const maxForm = 64 << 10

func (p *Page) post(w http.ResponseWriter, r *http.Request) {
	form, ok := p.form(w, r)
	if !ok {
		return
	}
	s, ok := p.open(w, r)
	if !ok {
		return
	}
	outcome := approval.Outcome(form.Get("outcome"))
	comment := form.Get("comment")
	switch {
	case !slices.Contains(s.capability.Allowed, outcome):
		p.refuse(w, http.StatusBadRequest, s, "Nothing was decided: press Approve or Reject.")
		return
	case len(comment) > approval.MaxComment:
		p.refuse(w, http.StatusBadRequest, s, "Nothing was decided: the comment is too long.")
		return
	}
	if s.approval.Status == approval.Pending {
		if err := p.config.Links.CheckForm(s.capability, shown(s), form.Get("nonce"), p.config.Now()); err != nil {
			p.refuse(w, http.StatusConflict, s, "Nothing was decided: this page was open too long, or what it shows has changed. Please look again.")
			return
		}
	}
	p.decide(w, r, s, outcome, comment)
}

func (p *Page) decide(w http.ResponseWriter, r *http.Request, s seen, outcome approval.Outcome, comment string) {
	c := s.capability
	sum := sha256.Sum256([]byte(c.ApprovalID + "\x00" + c.Nonce + "\x00" + string(outcome)))
	by := c.Approver
	if by == "" {
		by = "link holder"
	}
	v, err := p.config.Decider.Decide(r.Context(), c.OrderID, approval.Decision{
		ID: "link-" + hex.EncodeToString(sum[:8]), ApprovalID: c.ApprovalID, Outcome: outcome, By: by, Comment: comment,
		Via: approval.ViaLink, Source: "link",
	})
	switch {
	case err != nil:
		p.unavailable(w, err)
	case v.Taken(): // a reload of the next page sends nothing again
		w.Header().Set("Location", r.URL.EscapedPath())
		w.WriteHeader(http.StatusSeeOther)
	default:
		now, ok := p.open(w, r)
		if ok {
			p.refuse(w, http.StatusConflict, now, refusalText(v.Code))
		}
	}
}

func refusalText(code approval.VerdictCode) string {
	switch code {
	case approval.VerdictRequester:
		return "You asked for this yourself: somebody else must decide."
	case approval.VerdictNotApprover:
		return "You are not among those who decide this."
	case approval.VerdictAssurance:
		return "This must be decided in a surer way than by a link."
	}
	return "Your decision came too late and was not counted."
}

func (p *Page) refuse(w http.ResponseWriter, status int, s seen, notice string) {
	p.config.Observe("refused")
	p.write(w, status, p.view(s, notice))
}

// form reads the form strictly.
func (p *Page) form(w http.ResponseWriter, r *http.Request) (url.Values, bool) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		p.write(w, http.StatusUnsupportedMediaType, view{Heading: "Not possible", Text: "Only this page's own form can decide."})
		return nil, false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if err != nil {
		p.write(w, http.StatusRequestEntityTooLarge, view{Heading: "Not possible", Text: "What was sent is too long."})
		return nil, false
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		p.write(w, http.StatusBadRequest, view{Heading: "Not possible", Text: "What was sent is no form."})
		return nil, false
	}
	return form, true
}

// shown is a hash of what the page shows: what is decided is what was shown.
func shown(s seen) []byte {
	a := s.approval
	b, _ := json.Marshal([]any{s.order.ID, a.ID, a.Step, a.Title, a.Details, a.Requester, a.Deadline}) // texts and a time
	sum := sha256.Sum256(b)
	return sum[:]
}

// view is what the page shows.
type view struct {
	CSS     template.CSS
	Heading string
	Text    string
	Notice  string

	Order     string
	Approval  *approval.Approval
	Approver  string
	Form      bool
	Nonce     string
	Votes     []approval.Vote
	MaxLength int
}

func (p *Page) view(s seen, notice string) view {
	a := s.approval
	v := view{Order: s.order.ID, Approval: a, Approver: s.capability.Approver, Notice: notice, Votes: a.Votes, MaxLength: 1000}
	voted := slices.ContainsFunc(a.Votes, func(x approval.Vote) bool { return x.By == s.capability.Approver && x.By != "" })
	switch {
	case a.Status == approval.Pending && voted:
		v.Heading, v.Text = "Your decision is recorded", "Others must still decide."
	case a.Status == approval.Pending:
		v.Heading, v.Form = "Your decision is needed", true
		v.Nonce = p.config.Links.FormNonce(s.capability, shown(s), p.config.Now())
	case a.Status == approval.Approved:
		v.Heading = "Approved"
	case a.Status == approval.Rejected:
		v.Heading = "Rejected"
	case a.Status == approval.TimedOut:
		v.Heading, v.Text = "Too late", "Nobody decided before the deadline."
	case a.Status == approval.Superseded:
		v.Heading, v.Text = "Asked again", "This was asked again in a newer message. Use the link in that one."
	default:
		v.Heading, v.Text = "Cancelled", "This no longer needs a decision."
	}
	return v
}

func (p *Page) write(w http.ResponseWriter, status int, v view) {
	v.CSS = template.CSS(pageCSS) //nolint:gosec // our own file
	var b bytes.Buffer
	if err := p.template.Execute(&b, v); err != nil {
		p.config.Log.Error("decision page not made", "error", err.Error())
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the reader has gone
}
