// Package web is what people see in a browser: the decision page behind a signed
// link. It is HTML and CSS in one document, without a script: it works on any
// phone, with a screen reader, and where scripts are off.
//
// GET and HEAD never decide and never write: mail scanners and chat previews
// fetch every link. Only a POST with the nonce of the page's own form decides,
// and what it decides is what that page showed.
package web

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/web/look"
)

//go:embed templates
var files embed.FS

// Links reads links and guards the page's form.
type Links interface {
	// OpenLink returns what a link's token allows. Its error is
	// approval.ErrExpired for a link of ours whose time has passed.
	OpenLink(token string, now time.Time) (approval.Capability, error)
	// FormNonce returns proof that its holder was shown the page of the link,
	// shown being a hash of what it said.
	FormNonce(c approval.Capability, shown []byte, now time.Time) string
	// VerifyForm returns nil if the nonce is such a proof, and fresh.
	VerifyForm(c approval.Capability, shown []byte, nonce string, now time.Time) error
}

// Orders is where orders are read. Its error is approval.ErrNotFound for one
// that nothing is known of.
type Orders interface {
	Get(ctx context.Context, orderID string) (*approval.Order, error)
}

// Decider records decisions. An error means that nothing is known to be recorded.
type Decider interface {
	Decide(ctx context.Context, orderID string, d approval.Decision) (approval.Verdict, error)
}

// Sessions knows who is signed in.
type Sessions interface {
	// SignedInApprover returns the approver ID of whoever sent the request, if they are signed in.
	SignedInApprover(r *http.Request) (id string, ok bool)
}

// Event is what became of a request for the page, for the metrics.
type Event string

// The events. Many views and few posts are what mail scanners look like.
const (
	EventViewed  Event = "viewed"  // the page of a good link was read
	EventPosted  Event = "posted"  // a decision was taken, or had been before
	EventRefused Event = "refused" // a link, form or decision was refused; nothing was decided
	EventFailed  Event = "failed"  // the store could not be reached
)

// Events lists every event.
func Events() []Event { return []Event{EventViewed, EventPosted, EventRefused, EventFailed} }

// Config is what the page needs. All but Origin must be set.
type Config struct {
	Links   Links
	Orders  Orders
	Decider Decider
	// Sessions is nil where people cannot sign in. It is at "signin/{token}", beside
	// "a/{token}".
	Sessions Sessions
	// Origin is where people reach us ("https://approvals.example.com"), as a
	// browser writes it. It is needed where a proxy changes the Host header.
	Origin  string
	Now     func() time.Time
	Observe func(Event)
	Log     *slog.Logger
}

// Page serves the decision page. It must be mounted at a pattern that ends in
// "/a/{token}", behind whatever prefix: it makes no links but relative ones.
type Page struct {
	Config
	cross *http.CrossOriginProtection
	look  *look.Look
}

// New returns the page. The error is about Origin.
func New(c Config) (*Page, error) {
	l, err := look.New(files, "", "templates/page.html")
	if err != nil {
		return nil, fmt.Errorf("decision page: %w", err)
	}
	cross := http.NewCrossOriginProtection()
	if c.Origin != "" {
		if err := cross.AddTrustedOrigin(c.Origin); err != nil {
			return nil, fmt.Errorf("origin: %w", err)
		}
	}
	return &Page{Config: c, cross: cross, look: l}, nil
}

// ServeHTTP implements http.Handler.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.look.Secure(w.Header())
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		p.get(w, r)
	case http.MethodPost:
		p.post(w, r)
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		p.refuse(w, r, problem{status: http.StatusMethodNotAllowed, heading: "That cannot be done here", lead: "This page can be read, and its form sent."})
	}
}

// visit is one request by the holder of a good link.
type visit struct {
	cap      approval.Capability
	order    *approval.Order
	approval *approval.Approval
	now      time.Time
	signedIn string // who is, or empty
	token    string // of the link, where its holder can sign in
}

func (p *Page) get(w http.ResponseWriter, r *http.Request) {
	v, bad := p.open(r)
	if bad != nil {
		p.refuse(w, r, *bad)
		return
	}
	p.Observe(EventViewed)
	p.write(w, r, http.StatusOK, p.view(v))
}

// open finds what the link of a request is about. The link is good if we signed
// it, its time has not passed and the record still knows it.
func (p *Page) open(r *http.Request) (*visit, *problem) {
	now := p.Now()
	c, err := p.Links.OpenLink(r.PathValue("token"), now)
	switch {
	case errors.Is(err, approval.ErrExpired):
		return nil, &expired
	case err != nil:
		return nil, &invalid
	}
	order, err := p.Orders.Get(r.Context(), c.OrderID)
	switch {
	case errors.Is(err, approval.ErrNotFound):
		return nil, &gone
	case err != nil:
		p.Log.WarnContext(r.Context(), "decision page cannot read the order", "order_id", c.OrderID, "error", err)
		return nil, &unavailable
	}
	a := order.FindApproval(c.ApprovalID)
	switch {
	case a == nil:
		return nil, &gone
	case !a.AcceptsCapability(c, now):
		return nil, &revoked
	}
	v := &visit{
		cap:      c,
		order:    order,
		approval: a,
		now:      now,
	}
	if p.Sessions != nil {
		v.signedIn, _ = p.Sessions.SignedInApprover(r)
		v.token = r.PathValue("token")
	}
	return v, nil
}

// write sends a page; to HEAD the same without its body.
func (p *Page) write(w http.ResponseWriter, r *http.Request, status int, v view) {
	body, err := p.look.Render("page.html", v)
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

// refuse answers a request that leads to no page of an approval.
func (p *Page) refuse(w http.ResponseWriter, r *http.Request, b problem) {
	if b.status == http.StatusServiceUnavailable {
		p.Observe(EventFailed)
	} else {
		p.Observe(EventRefused)
	}
	p.write(w, r, b.status, view{
		Heading: b.heading,
		Lead:    strings.TrimSpace(b.lead),
		Tone:    "closed",
		Badge:   "Nothing was decided",
	})
}
