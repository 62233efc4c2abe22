package console

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/approval-relay/approval-relay/remote"
	"github.com/approval-relay/approval-relay/role"
	sessions "github.com/approval-relay/approval-relay/session"
)

// SessionTTL is how long an operator stays signed in. It is the length of a shift.
const SessionTTL = 8 * time.Hour

const (
	sessionCookie = "approval_relay_operator"
	macSession    = "console-session"
	macFormNonce  = "console-form"
)

// operator may sign in.
type operator struct {
	name   string
	digest [sha256.Size]byte // of the token
	grants role.Grants
}

// session is the content of the cookie of a signed-in operator. Its signature also covers the digest of the
// operator's token, so that a session ends when the token is changed or removed.
type session struct {
	Name    string    `json:"name"`
	ID      string    `json:"id"` // random
	Expires time.Time `json:"expires"`
	// Origin is set for a person who signed in at the provider; otherwise the session is that of a token.
	Origin *personOrigin `json:"origin,omitempty"`

	// grants come from the configuration of now, never from the cookie: they end with the next reload.
	grants role.Grants
}

// findOperator returns the operator with a token. It compares the digests of all tokens, so that its duration shows
// neither content nor length of a token.
func (c *Console) findOperator(token string) (found operator, ok bool) {
	got := sha256.Sum256([]byte(token))
	for _, o := range c.operators {
		if subtle.ConstantTimeCompare(got[:], o.digest[:]) == 1 {
			found, ok = o, true
		}
	}
	return found, ok
}

// startSession signs an operator in.
func (c *Console) startSession(w http.ResponseWriter, r *http.Request, o operator) {
	s := session{Name: o.name, ID: rand.Text(), Expires: c.Now().Add(SessionTTL)}
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // the session is strings and a time
	}
	keyID, mac := c.MAC.MAC(macSession, signedSession(b, o))
	value := encodePart(b) + "." + encodePart([]byte(keyID)) + "." + encodePart(mac)
	cookieOf(r).Set(w, value, int(SessionTTL.Seconds()))
}

// cookieOf returns the session's cookie for the address by which a browser reaches us. Over TLS, no other host can set
// it (__Host-). Otherwise it has no path, so the browser uses the path of the console, behind any prefix. SameSite is
// Strict, so that links and forms of other sites do not send it.
func cookieOf(r *http.Request) sessions.Cookie {
	c := sessions.Cookie{Base: sessionCookie, SameSite: http.SameSiteStrictMode}
	if remote.IsTLS(r) {
		c.Secure, c.Path = true, "/"
	}
	return c
}

// endSession signs an operator out. A copy of the cookie is worthless from now on.
func (c *Console) endSession(w http.ResponseWriter, r *http.Request, s session) {
	c.Ended.End(s.ID, s.Expires, c.Now())
	cookieOf(r).Set(w, "", -1)
	sessions.ClearCache(w.Header())
}

// readSession returns the session of a request. It returns false if the operator is not signed in.
func (c *Console) readSession(r *http.Request) (session, bool) {
	value, ok := cookieOf(r).Value(r)
	if !ok {
		return session{}, false
	}
	parts, ok := decodeParts(value, 3)
	if !ok {
		return session{}, false
	}
	var s session
	if json.Unmarshal(parts[0], &s) != nil || !s.Expires.After(c.Now()) || c.Ended.Has(s.ID) {
		return session{}, false
	}
	if s.Origin != nil {
		return c.readPersonSession(s, parts)
	}
	for _, o := range c.operators {
		if o.name != s.Name {
			continue
		}
		if c.MAC.VerifyMAC(macSession, string(parts[1]), signedSession(parts[0], o), parts[2]) == nil {
			s.grants = o.grants
			return s, s.ID != ""
		}
	}
	return session{}, false
}

// signedSession returns the bytes that the signature of a session covers.
func signedSession(session []byte, o operator) []byte {
	return slices.Concat(o.digest[:], session)
}
