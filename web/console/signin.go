package console

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// signInPage is where an operator gives their token.
type signInPage struct {
	frame
	Next string // where they wanted to go
}

// signIn serves the sign-in form, and takes what it sends.
func (c *Console) signIn(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		c.askToken(w, r, http.StatusOK, "", r.URL.Query().Get("next"))
	case http.MethodPost:
		c.takeToken(w, r)
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

func (c *Console) askToken(w http.ResponseWriter, r *http.Request, status int, notice, next string) {
	f := c.frame(r, session{}, "", "Sign in")
	f.Notice = notice
	c.write(w, r, status, "signin.html", signInPage{f, safe(next)})
}

func (c *Console) takeToken(w http.ResponseWriter, r *http.Request) {
	sent, ok := c.read(w, r, session{}, "token", "next")
	if !ok {
		return
	}
	next := sent["next"]
	if !c.guesses.allow(r, c.Now()) {
		c.Log.WarnContext(r.Context(), "operator sign-in refused: too many tries", "remote", r.RemoteAddr)
		w.Header().Set("Retry-After", "6")
		c.askToken(w, r, http.StatusTooManyRequests, "Too many tries from this address. Please wait a minute.", next)
		return
	}
	o, ok := c.whose(strings.TrimSpace(sent["token"]))
	if !ok {
		c.Log.WarnContext(r.Context(), "operator sign-in refused", "remote", r.RemoteAddr)
		c.askToken(w, r, http.StatusForbidden, "That is no operator’s token.", next)
		return
	}
	c.Log.InfoContext(r.Context(), "operator signed in", "operator", o.name, "remote", r.RemoteAddr)
	c.begin(w, r, o)
	w.Header().Set("Location", "./"+safe(next))
	w.WriteHeader(http.StatusSeeOther)
}

func (c *Console) signOut(w http.ResponseWriter, r *http.Request, s session) {
	sent, ok := c.read(w, r, s, "nonce")
	if !ok {
		return
	}
	if !c.proves(sent["nonce"], s, "signout") {
		c.stale(w, r, s)
		return
	}
	setCookie(w, r, "", -1)
	w.Header().Set("Location", "./signin")
	w.WriteHeader(http.StatusSeeOther)
}

// signInPath leads to the sign-in form, and from there back.
func signInPath(r *http.Request, name string) string {
	next := ""
	if name != "console" {
		next = name
	}
	if r.URL.RawQuery != "" {
		next += "?" + r.URL.RawQuery
	}
	if next = safe(next); next == "" {
		return "./signin"
	}
	return "./signin?next=" + url.QueryEscape(next)
}

// safe returns where to go after signing in if it is a page of ours, else
// nothing, which is the first of them.
func safe(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Opaque != "" || u.Host != "" || u.User != nil || !slices.Contains([]string{"", "order", "exhausted", "letters"}, u.Path) {
		return ""
	}
	return (&url.URL{Path: u.Path, RawQuery: u.Query().Encode()}).String()
}
