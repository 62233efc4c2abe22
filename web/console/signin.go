package console

import (
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/approval-relay/approval-relay/inbound"
	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/remote"
	"github.com/approval-relay/approval-relay/role"
)

// signInPage asks an operator for a token.
type signInPage struct {
	frame
	Next string // path to return to
	// Provider is the path of the sign-in at the provider, or empty.
	Provider string
}

// remoteText returns the address of the client, for the log.
func remoteText(r *http.Request) string { return remote.Address(r).String() }

// serveSignIn serves the sign-in form, and checks the token that it sends.
func (c *Console) serveSignIn(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		c.showSignIn(w, r, http.StatusOK, "", r.URL.Query().Get("next"))
	case http.MethodPost:
		c.checkToken(w, r)
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

func (c *Console) showSignIn(w http.ResponseWriter, r *http.Request, status int, notice, next string) {
	f := c.newFrame(r, session{}, "", "Sign in")
	f.Notice = notice
	p := signInPage{frame: f, Next: safePath(next)}
	if c.Provider != nil {
		p.Provider = "./" + pageProvider + "?" + url.Values{"next": {p.Next}}.Encode()
	}
	c.writePage(w, r, status, "signin.html", p)
}

func (c *Console) checkToken(w http.ResponseWriter, r *http.Request) {
	sent, ok := c.readForm(w, r, session{}, "token", "next")
	if !ok {
		return
	}
	next, token := sent["next"], strings.TrimSpace(sent["token"])
	now, client := c.Now(), remote.Address(r)
	if wait := c.Failures.Wait(inbound.Tokens(), client, token, now); wait > 0 {
		c.record(r, http.StatusTooManyRequests, refusal.RateLimited, "this address has tried too many tokens")
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		c.showSignIn(w, r, http.StatusTooManyRequests,
			"Too many attempts from this address. Please wait a minute.", next)
		return
	}
	o, ok := c.findOperator(token)
	if !ok {
		c.Failures.Failed(inbound.Tokens(), client, token, now)
		c.record(r, http.StatusForbidden, refusal.Mismatch, "the token that was typed is not that of an operator")
		c.showSignIn(w, r, http.StatusForbidden, "This is not the token of an operator.", next)
		return
	}
	c.Failures.Succeeded(inbound.Tokens(), client, token, now)
	if !o.grants.May(role.Read) {
		c.record(r, http.StatusForbidden, refusal.Forbidden, "the token that was typed is for metrics only")
		c.showSignIn(w, r, http.StatusForbidden, "This token is for metrics only.", next)
		return
	}
	c.Log.InfoContext(r.Context(), "operator signed in", "operator", o.name, "remote", client.String())
	c.startSession(w, r, o)
	w.Header().Set("Location", "./"+safePath(next))
	w.WriteHeader(http.StatusSeeOther)
}

func (c *Console) handleSignOut(w http.ResponseWriter, r *http.Request, s session) {
	sent, ok := c.readForm(w, r, s, "nonce")
	if !ok {
		return
	}
	if !c.verifyNonce(sent["nonce"], s, formSignOut) {
		c.refuse(w, r, s, staleForm)
		return
	}
	c.Log.InfoContext(r.Context(), "operator signed out", "operator", s.Name)
	c.endSession(w, r, s)
	w.Header().Set("Location", "./signin")
	w.WriteHeader(http.StatusSeeOther)
}

// signInPath returns the path of the sign-in form, with the path to return to.
func signInPath(r *http.Request, name string) string {
	next := ""
	if name != "console" {
		next = name
	}
	if r.URL.RawQuery != "" {
		next += "?" + r.URL.RawQuery
	}
	if next = safePath(next); next == "" {
		return "./signin"
	}
	return "./signin?next=" + url.QueryEscape(next)
}

// safePath returns a path to return to if it is a page of the console. Otherwise it returns the empty text, which is
// the path of the first page.
func safePath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Opaque != "" || u.Host != "" || u.User != nil {
		return ""
	}
	if !slices.Contains([]string{"", "order", "exhausted", "dead-letters", "refused", "controls"}, u.Path) {
		return ""
	}
	return (&url.URL{Path: u.Path, RawQuery: u.Query().Encode()}).String()
}
