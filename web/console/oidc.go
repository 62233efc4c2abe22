package console

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/role"
	"github.com/approval-relay/approval-relay/untrusted"
)

// Provider lets operators sign in at an OpenID Connect provider, see signin.Operators.
type Provider interface {
	// Fingerprint returns a digest of the settings of the sign-in.
	Fingerprint() string
	Start(w http.ResponseWriter, r *http.Request, next string)
	Complete(w http.ResponseWriter, r *http.Request) (name string, values []string, next string, ok bool)
}

// The pages of the sign-in at the provider. They are in the folder of the console, so that the cookie of the session is.
const (
	pageProvider = "oidc"
	pageCallback = "oidc-callback"
)

// macPersonSession is the purpose of the signature of a session that began at the provider. The session of a token has
// another one, so that neither can be made of the other.
const macPersonSession = "console-person-session"

// personOrigin tells how the operator of a session signed in at the provider. A name, and the values that give a role, are
// worth something only under the settings of the sign-in, so the session ends when they change.
type personOrigin struct {
	Settings string `json:"settings"` // see Provider.Fingerprint
	// Values are the values of the roles claim that gave a role. The roles themselves come from the configuration of now.
	Values []string `json:"values"`
}

// serveProvider serves the sign-in at the provider. It reports whether the page belongs to it.
func (c *Console) serveProvider(w http.ResponseWriter, r *http.Request, name string) bool {
	if c.Provider == nil {
		return false
	}
	switch {
	case name == pageProvider && r.Method == http.MethodGet:
		c.Provider.Start(w, r, safePath(r.URL.Query().Get("next")))
	case name == pageCallback:
		c.completeSignIn(w, r)
	default:
		return false
	}
	return true
}

// completeSignIn takes an operator back from the provider, and begins a session if the operator has a role.
func (c *Console) completeSignIn(w http.ResponseWriter, r *http.Request) {
	name, values, next, ok := c.Provider.Complete(w, r)
	if !ok {
		return
	}
	origin := personOrigin{Settings: c.Provider.Fingerprint(), Values: c.Roles.Select(values)}
	grants := c.Roles.Grants(origin.Values)
	switch _, isToken := c.Operators[name]; {
	case isToken: // the records would not tell the two apart
		c.refuseSignIn(w, r, "the name of the account is also that of a token of operator.tokens")
	case !grants.May(role.Read):
		c.refuseSignIn(w, r, "the account has no value of operator.oidc.roles in the claim of the roles")
	default:
		c.Log.InfoContext(r.Context(), "operator signed in",
			"operator", name, "roles", strings.Join(grants.Names(), ", "), "remote", remoteText(r))
		c.startPersonSession(w, r, name, origin)
		c.showSignedIn(w, r, next)
	}
}

func (c *Console) refuseSignIn(w http.ResponseWriter, r *http.Request, detail string) {
	c.refuse(w, r, session{}, problem{
		status:  http.StatusForbidden,
		heading: "Your account has no role here",
		lead:    "Please tell the people who operate this service: their log and their list of refusals have the reason.",
		code:    refusal.Forbidden,
		detail:  detail,
	})
}

// showSignedIn leads a browser into the console by a page. A redirect would still be a step on the way from the
// provider's site, on which the browser does not send the cookie of the session (SameSite=Strict).
func (c *Console) showSignedIn(w http.ResponseWriter, r *http.Request, next string) {
	path := "./" + safePath(next)
	w.Header().Set("Refresh", "0; url="+path)
	c.writePage(w, r, http.StatusOK, "signed_in.html", signInPage{
		frame: c.newFrame(r, session{}, "", "You are signed in"),
		Next:  path,
	})
}

func (c *Console) startPersonSession(w http.ResponseWriter, r *http.Request, name string, origin personOrigin) {
	s := session{Name: name, ID: rand.Text(), Expires: c.Now().Add(SessionTTL), Origin: &origin}
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // the session is strings and a time
	}
	keyID, mac := c.MAC.MAC(macPersonSession, b)
	value := encodePart(b) + "." + encodePart([]byte(keyID)) + "." + encodePart(mac)
	cookieOf(r).Set(w, value, int(SessionTTL.Seconds()))
}

// readPersonSession returns a session that began at the provider, with the roles that the configuration gives it now.
func (c *Console) readPersonSession(s session, parts [][]byte) (session, bool) {
	isValid := c.Provider != nil && s.ID != "" && s.Name != "" &&
		s.Origin.Settings == c.Provider.Fingerprint() &&
		c.MAC.VerifyMAC(macPersonSession, string(parts[1]), parts[0], parts[2]) == nil
	if _, isToken := c.Operators[s.Name]; !isValid || isToken {
		return session{}, false
	}
	s.grants = c.Roles.Grants(s.Origin.Values)
	return s, s.may(role.Read)
}

// ShowMessage answers a browser with a page when signing in cannot go on.
func (c *Console) ShowMessage(w http.ResponseWriter, r *http.Request, status int, heading, lead string) {
	c.look.SetHeaders(w.Header())
	page := messagePage{c.newFrame(r, session{}, "", untrusted.SingleLine(heading)), untrusted.SingleLine(lead)}
	c.writePage(w, r, status, "message.html", page)
}
