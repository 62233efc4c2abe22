// Package console has the pages of the operator's console. They are served on the operator's address, and show the
// pending approvals, exhausted callbacks, dead letters, and each order from its request to its callback, with the
// actions that an operator can take. Like the decision page, they are HTML and CSS without a script.
//
// Actions are recorded under the name of the signed-in operator's token. GET and HEAD change nothing. A POST needs a
// session and a nonce of that session, and must come from the console itself.
package console

import (
	"context"
	"crypto/sha256"
	"embed"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"path"
	"slices"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/inbound"
	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/role"
	sessions "github.com/approval-relay/approval-relay/session"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/web/look"
)

//go:embed templates console.css icon.svg
var files embed.FS

// Orders reads orders; package store states the promises of its methods. The pages copy single fields of an order,
// and never its tokens or links.
type Orders interface {
	Get(ctx context.Context, orderID string) (*approval.Order, error)
	ListApprovals(ctx context.Context, q store.Query) (store.Page, error)
}

// Counter counts approvals and dead letters, at a cost that does not grow with them.
type Counter interface {
	Stats(ctx context.Context) (store.Stats, error)
}

// Decider records decisions and cancellations. After an error it is unknown whether they were recorded.
type Decider interface {
	Decide(ctx context.Context, orderID string, d approval.Decision) (approval.Verdict, error)
	CancelApproval(ctx context.Context, orderID string, c approval.Cancellation) (approval.Verdict, error)
}

// MAC authenticates messages with keys that rotate, see package keys.
type MAC interface {
	MAC(purpose string, msg []byte) (keyID string, mac []byte)
	VerifyMAC(purpose, keyID string, msg, mac []byte) error
}

// Config configures a Console. All fields but Acts, Controls, Export and Refusals are required.
type Config struct {
	Operators map[string]Operator // who may sign in with a token, by name
	// Provider lets operators sign in with an account of theirs; nil if there is none. Roles are the roles that it gives.
	Provider Provider
	Roles    role.Mapping
	MAC      MAC
	// Orders, Counter and DeadLetters keep within the scope of the request's context, see role.View.
	Orders      Orders
	Counter     Counter
	Decider     Decider
	Acts        Acts // nil offers no acts beside decisions
	Redriver    Redriver
	DeadLetters DeadLetters
	// Refused lists what was refused lately.
	Refused Refused
	// Controls drains and pauses the Workflows; nil offers no controls.
	Controls  Controls
	Workflows []string
	// Export answers with all approvals that the parameters of the request select, as a file, and keeps within the scope of
	// the request's context. Nil offers no export.
	Export http.HandlerFunc
	// Ended is the list of ended sessions. It outlives the console, so that a reload of the configuration forgets no
	// session; nil means a list of its own.
	Ended *sessions.Ended
	// Failures limits tries with wrong tokens; nil means that they are not limited.
	Failures *inbound.Failures
	Now      func() time.Time
	Log      *slog.Logger
	// RefreshEvery is the interval between reloads of a list; 0 means half a minute.
	RefreshEvery time.Duration
	// Refusals records the sign-ins and forms that are refused; nil records nothing.
	Refusals refusal.Recorder
}

// Console serves the pages. The path of a page is an element below the path of the console ("…/console/order"). All
// links are relative, so any prefix may come before that.
type Console struct {
	Config
	operators   []operator
	crossOrigin *http.CrossOriginProtection
	look        *look.Look
	pages       map[string]page

	queueLetters queueLetters
}

// page answers a request of a signed-in operator with the right. Its context has the scope of that right.
type page struct {
	right role.Right
	serve func(w http.ResponseWriter, r *http.Request, s session)
}

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
	l.AllowOwnImages() // the icon
	c.Refusals = refusal.OrDiscard(c.Refusals)
	if c.RefreshEvery == 0 {
		c.RefreshEvery = refreshEvery
	}
	if c.Ended == nil {
		c.Ended = new(sessions.Ended)
	}
	out := &Console{Config: c, look: l, crossOrigin: http.NewCrossOriginProtection()}
	for _, name := range slices.Sorted(maps.Keys(c.Operators)) {
		token := c.Operators[name].Token.Reveal()
		if token == "" { // anybody could sign in
			return nil, fmt.Errorf("console: the token of operator %q is empty", name)
		}
		out.operators = append(out.operators, operator{name, sha256.Sum256([]byte(token)), c.Operators[name].Grants})
	}
	out.pages = map[string]page{
		"GET console":       {role.Read, out.showList},
		"GET exhausted":     {role.Read, out.showExhausted},
		"GET order":         {role.Read, out.showOrder},
		"GET dead-letters":  {role.Read, out.showDeadLetters},
		"GET refused":       {role.Read, out.showRefused},
		"POST refused":      {role.Audit, out.openRefusedBody},
		"POST decide":       {role.Act, out.handleDecision},
		"POST act":          {role.Act, out.handleAct},
		"POST dead-letters": {role.Audit, out.showLetterBodies},
		"POST dismiss":      {role.Act, out.handleLetters},
		"POST confirm":      {role.Act, out.handleConfirm},
		"POST redrive":      {role.Act, out.handleRedrive},
		"POST signout":      {role.Read, out.handleSignOut},
	}
	if c.Export != nil {
		out.pages["GET export"] = page{role.Audit, func(w http.ResponseWriter, r *http.Request, _ session) { c.Export(w, r) }}
	}
	if c.Controls != nil {
		out.pages["GET controls"] = page{role.Read, out.showControls}
		out.pages["POST controls"] = page{role.Act, out.handleControl}
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
	if c.serveProvider(w, r, name) { // its form comes from another site, and is checked by its state
		return
	}
	if method == http.MethodPost && c.crossOrigin.Check(r) != nil {
		c.refuse(w, r, session{}, crossSite)
		return
	}
	switch name {
	case "signin":
		c.serveSignIn(w, r)
		return
	case "icon.svg":
		serveIcon(w, r)
		return
	}
	p, ok := c.pages[method+" "+name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	s, ok := c.readSession(r)
	switch {
	case ok && s.may(p.right):
		p.serve(w, r.WithContext(role.WithScope(r.Context(), s.grants.Scope(p.right))), s)
	case ok:
		r = r.WithContext(role.WithScope(r.Context(), s.grants.Scope(role.Read)))
		c.refuse(w, r, s, notAllowed(s, p.right))
	case method == http.MethodGet:
		w.Header().Set("Location", signInPath(r, name))
		w.WriteHeader(http.StatusSeeOther)
	default:
		c.refuse(w, r, session{}, signedOut)
	}
}
