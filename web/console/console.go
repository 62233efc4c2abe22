// Package console is what an operator sees in a browser, on the operator's
// address: what waits and since when, what was given up and why, one order from its
// request to its answer, and the few things that a person can do about it. Like
// the decision page it is HTML and CSS without a script.
//
// Who acts is who is signed in: the name of an operator's token. GET and HEAD
// change nothing; a POST needs the session, a nonce that was made for it, and to
// come from the console itself.
package console

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"path"
	"slices"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/untrusted"
	"github.com/approval-relay/approval-relay/web/look"
)

//go:embed templates console.css
var files embed.FS

// Orders reads orders; package store states the promises of its methods. The pages
// copy single fields of an order, and never its tokens or links.
type Orders interface {
	Get(ctx context.Context, orderID string) (*approval.Order, error)
	List(ctx context.Context, q store.Query) (orders []*approval.Order, next string, err error)
}

// Counter counts approvals and dead letters, at a cost that does not grow with them.
type Counter interface {
	Stats(ctx context.Context) (store.Stats, error)
}

// Decider rules on orders. An error means that nothing is known to be recorded.
type Decider interface {
	Decide(ctx context.Context, orderID string, d approval.Decision) (approval.Verdict, error)
	Cancel(ctx context.Context, orderID, step, approvalID, by, reason string) (approval.Verdict, error)
}

// MAC authenticates messages with keys that rotate, see package keys.
type MAC interface {
	MAC(purpose string, msg []byte) (keyID string, mac []byte)
	VerifyMAC(purpose, keyID string, msg, mac []byte) error
}

// Secret is a text that is shown only when asked for.
type Secret interface{ Reveal() string }

// Config is what the console needs; all must be set.
type Config struct {
	Tokens   map[string]Secret // of operators, by name
	MAC      MAC
	Orders   Orders
	Counter  Counter
	Decider  Decider
	Redriver Redriver
	// DeadLetters lists the dead letters in the store's own table.
	DeadLetters DeadLetters
	// Queues names the dead letter queues that only a dry run looks into.
	Queues []string
	Now    func() time.Time
	Log    *slog.Logger
}

// Console serves the pages. Each is at one path element below the console's own
// ("…/console/order"), behind whatever prefix: it makes no links but relative ones.
type Console struct {
	Config
	operators []operator
	cross     *http.CrossOriginProtection
	look      *look.Look
	guesses   guesses
	pages     map[string]page
}

// page is what is done for a request by somebody who is signed in.
type page func(w http.ResponseWriter, r *http.Request, s session)

// New returns the console.
func New(c Config) (*Console, error) {
	css, err := files.ReadFile("console.css")
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	l, err := look.New(files, string(css), "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	out := &Console{Config: c, look: l, cross: http.NewCrossOriginProtection()}
	for _, name := range slices.Sorted(maps.Keys(c.Tokens)) {
		if c.Tokens[name].Reveal() == "" { // would be guessed
			return nil, fmt.Errorf("console: the token of operator %q is empty", name)
		}
		out.operators = append(out.operators, operator{name, sha256.Sum256([]byte(c.Tokens[name].Reveal()))})
	}
	out.pages = map[string]page{
		"GET console":   out.pending,
		"GET exhausted": out.exhausted,
		"GET order":     out.order,
		"GET letters":   out.letters,
		"POST rule":     out.rule,
		"POST redrive":  out.redrive,
		"POST signout":  out.signOut,
	}
	return out, nil
}

// ServeHTTP implements http.Handler.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.look.SetHeaders(w.Header())
	method, name := r.Method, path.Base(r.URL.Path)
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if method == http.MethodPost && c.cross.Check(r) != nil {
		c.refuse(w, r, session{}, http.StatusForbidden, "This came from another site", "The console takes only what its own pages send. Nothing was done.")
		return
	}
	if name == "signin" {
		c.signIn(w, r)
		return
	}
	p, ok := c.pages[method+" "+name]
	if !ok { // the routes lead nowhere else
		http.NotFound(w, r)
		return
	}
	s, ok := c.session(r)
	switch {
	case ok:
		p(w, r, s)
	case method == http.MethodGet:
		w.Header().Set("Location", signInPath(r, name))
		w.WriteHeader(http.StatusSeeOther)
	default:
		c.refuse(w, r, session{}, http.StatusUnauthorized, "You are signed out", "Nothing was done. Please sign in, and look at what you were about to do once more.")
	}
}

// frame is what every page has around it.
type frame struct {
	Page     string // which of the menu it is
	Title    string
	Heading  string
	Notice   string // what was wrong with the last form
	Operator string // who is signed in; nobody has no menu
	SignOut  string // nonce
	Query    string // what was looked for
	Now      look.Moment
	Clock    string
	Self     string // where to see the same anew; empty where that is nowhere

	Pending, GivenUp, DeadLetters string // counts; empty where they could not be read
}

// frame makes the frame of a page. Counts that cannot be read leave the page
// without them: it may be what the operator needs right now.
func (c *Console) frame(r *http.Request, s session, page, heading string) frame {
	now := c.Now()
	f := frame{
		Page:     page,
		Title:    heading,
		Heading:  heading,
		Operator: untrusted.MultiLine(s.Name),
		Now:      look.NewMoment(now, now),
		Clock:    now.UTC().Format("15:04:05 MST"),
	}
	if s.ID == "" {
		return f
	}
	if r.Method != http.MethodPost {
		f.Self = "?" + r.URL.Query().Encode()
	}
	f.SignOut = c.nonce(s, "signout")
	stats, err := c.Counter.Stats(r.Context())
	if err != nil {
		c.Log.WarnContext(r.Context(), "console cannot count", "error", err)
		return f
	}
	pending := 0
	for _, w := range stats.Workflows {
		pending += w.Pending
	}
	f.Pending = number(pending)
	f.GivenUp = number(stats.Exhausted)
	f.DeadLetters = number(stats.DeadLetters)
	return f
}

// write sends a page; to HEAD the same without its body.
func (c *Console) write(w http.ResponseWriter, r *http.Request, status int, template string, v any) {
	body, err := c.look.Render(template, v)
	if err != nil {
		c.Log.ErrorContext(r.Context(), "console page cannot be rendered", "page", template, "error", err)
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
		_, _ = bytes.NewReader(body).WriteTo(w)
	}
}

// message is a page that only says something.
type message struct {
	frame
	Lead string
}

func (c *Console) refuse(w http.ResponseWriter, r *http.Request, s session, status int, heading, lead string) {
	c.write(w, r, status, "message.html", message{c.frame(r, s, "", heading), lead})
}

// fail answers what could not be read or done. What is wrong with the request is
// said; what is wrong with us is logged.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, s session, err error) {
	if field, ok := errors.AsType[*approval.FieldError](err); ok {
		c.refuse(w, r, s, http.StatusUnprocessableEntity, "This cannot be taken", untrusted.MultiLine(field.Error())+".")
		return
	}
	c.Log.WarnContext(r.Context(), "console failed", "path", path.Base(r.URL.Path), "error", err)
	c.refuse(w, r, s, http.StatusServiceUnavailable, "This does not work right now", "The store cannot be reached, or the record cannot be read. The log has the error. Please try again in a minute.")
}
