package console

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// SessionTTL is how long an operator stays signed in: a shift.
const SessionTTL = 8 * time.Hour

const (
	sessionCookie  = "approval_relay_operator"
	sessionPurpose = "console-session"
	formPurpose    = "console-form"
)

// operator is one who may sign in.
type operator struct {
	name   string
	digest [sha256.Size]byte // of the token
}

// session is who is signed in. It is in a cookie that we signed, together with the
// digest of the operator's token: the cookie holds neither, and is worth nothing
// when the token is another or gone.
type session struct {
	Name    string    `json:"name"`
	ID      string    `json:"id"` // random
	Expires time.Time `json:"expires"`
}

// whose returns the operator with that token. It compares digests, with all of
// them, so that neither content nor length shows in the time it takes.
func (c *Console) whose(token string) (found operator, ok bool) {
	got := sha256.Sum256([]byte(token))
	for _, o := range c.operators {
		if subtle.ConstantTimeCompare(got[:], o.digest[:]) == 1 {
			found, ok = o, true
		}
	}
	return found, ok
}

// begin gives the operator a session.
func (c *Console) begin(w http.ResponseWriter, r *http.Request, o operator) {
	s := session{Name: o.name, ID: rand.Text(), Expires: c.Now().Add(SessionTTL)}
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // texts and a time
	}
	keyID, mac := c.MAC.MAC(sessionPurpose, bound(b, o))
	setCookie(w, r, encode(b)+"."+encode([]byte(keyID))+"."+encode(mac), int(SessionTTL.Seconds()))
}

// setCookie sets the session's cookie. It has no path: the browser gives it that
// of the console, behind whatever prefix. Strict: no other site's link or form
// brings it along.
func setCookie(w http.ResponseWriter, r *http.Request, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure where we are reached by https
		Name:     sessionCookie,
		Value:    value,
		MaxAge:   maxAge,
		HttpOnly: true,
		SameSite: http.SameSiteStrictMode,
		Secure:   r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
	})
}

// session returns who sent a request, if they are signed in.
func (c *Console) session(r *http.Request) (session, bool) {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return session{}, false
	}
	parts, ok := decode(cookie.Value, 3)
	if !ok {
		return session{}, false
	}
	var s session
	if json.Unmarshal(parts[0], &s) != nil || !s.Expires.After(c.Now()) {
		return session{}, false
	}
	for _, o := range c.operators {
		if o.name == s.Name && c.MAC.VerifyMAC(sessionPurpose, string(parts[1]), bound(parts[0], o), parts[2]) == nil {
			return s, s.ID != ""
		}
	}
	return session{}, false
}

// bound is what the signature of a session covers.
func bound(session []byte, o operator) []byte {
	return append(append([]byte{}, o.digest[:]...), session...)
}

// nonce proves that a form is from a page of the session, for that and nothing
// else.
func (c *Console) nonce(s session, what ...string) string {
	keyID, mac := c.MAC.MAC(formPurpose, form(s, what))
	return encode([]byte(keyID)) + "." + encode(mac)
}

// proves says whether nonce made it of the same.
func (c *Console) proves(nonce string, s session, what ...string) bool {
	parts, ok := decode(nonce, 2)
	return ok && c.MAC.VerifyMAC(formPurpose, string(parts[0]), form(s, what), parts[1]) == nil
}

func form(s session, what []string) []byte {
	b, err := json.Marshal(append([]string{s.ID}, hexed(what)...))
	if err != nil {
		panic(err) // texts
	}
	return b
}

// hexed keeps texts apart that JSON would make the same: those that are no UTF-8.
func hexed(texts []string) []string {
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = encode([]byte(t))
	}
	return out
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// decode reads so many parts, with dots between them.
func decode(s string, n int) ([][]byte, bool) {
	fields := strings.Split(s, ".")
	if len(fields) != n {
		return nil, false
	}
	parts := make([][]byte, n)
	for i, f := range fields {
		var err error
		if parts[i], err = base64.RawURLEncoding.Strict().DecodeString(f); err != nil {
			return nil, false
		}
	}
	return parts, true
}
