// Package session has what the sessions of approvers and of operators have in common: how their cookies are named and
// sent, and the list of the sessions that were ended by signing out.
package session

import (
	"net/http"
)

// Cookie describes the cookie of a session. Its attributes decide its name: a browser accepts a name that begins with
// __Host- or __Secure- only with the attributes that the prefix promises, so that no other host and no connection
// without TLS can set a cookie in its place (RFC 6265bis, section 4.1.3).
type Cookie struct {
	Base string // name without a prefix
	// Path limits the cookie to a part of the host. The empty path means the folder of the page that sets the cookie.
	Path   string
	Secure bool // the browser reaches us by https
	// SameSite decides whether the cookie is sent with requests that other sites cause.
	SameSite http.SameSite
}

// Name returns the name of the cookie. The prefix __Host- is for a program that has its host for itself: it demands the
// path "/", and with that path every other program on the host would get the cookie too. A program below a path has
// __Secure-.
func (c Cookie) Name() string {
	switch {
	case !c.Secure:
		return c.Base
	case c.Path == "/":
		return "__Host-" + c.Base
	}
	return "__Secure-" + c.Base
}

// Set sets the cookie for maxAge seconds; a negative maxAge deletes it. Scripts never see the cookie.
func (c Cookie) Set(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name:     c.Name(),
		Value:    value,
		Path:     c.Path,
		MaxAge:   maxAge,
		HttpOnly: true,
		Secure:   c.Secure,
		SameSite: c.SameSite,
	})
}

// Value returns the value of the cookie in a request. It returns false if there is none, and if there are several:
// a neighbour of our host can add a cookie of the same name, and the order of the two says nothing about their origin.
func (c Cookie) Value(r *http.Request) (string, bool) {
	found := r.CookiesNamed(c.Name())
	if len(found) != 1 {
		return "", false
	}
	return found[0].Value, true
}

// ClearCache asks the browser to drop the pages that it keeps of us. It is sent when a person signs out. Cookies are
// deleted one by one: in this header they would take along the cookies of every other host of the domain.
func ClearCache(h http.Header) { h.Set("Clear-Site-Data", `"cache"`) }
