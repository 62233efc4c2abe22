package signin

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/session"
)

const (
	// SessionTTL is how long an approver stays signed in.
	SessionTTL = time.Hour
	// pendingTTL is how long an approver may take to sign in at the provider.
	pendingTTL = 10 * time.Minute
)

// The names of the cookies, without the prefix that the address adds, are also the purposes of their signatures, so that
// no cookie can stand for another.
const (
	sessionCookie = "approval_relay_session"
	pendingCookie = "approval_relay_signin"
	// signedOutCookie says that the person signed out in this browser. It is not signed, because it only makes the
	// provider ask for the account.
	signedOutCookie = "approval_relay_signed_out"
)

// signedOutTTL is how long a browser remembers that somebody signed out. Many people share a browser for a shift.
const signedOutTTL = 12 * time.Hour

// pendingText is pendingTTL in words.
const pendingText = "ten minutes"

// approverSession is the content of the cookie of an approver who is signed in.
type approverSession struct {
	ID       string    `json:"session"` // random
	Approver string    `json:"id"`
	Expires  time.Time `json:"expires"`
	// Settings is the fingerprint of the settings under which the approver signed in.
	Settings string `json:"settings"`
}

// pendingSignIn is the content of the cookie between StartSignIn and CompleteSignIn.
type pendingSignIn struct {
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"` // PKCE, RFC 7636
	Token    string    `json:"token"`    // of the link to return to
	Expires  time.Time `json:"expires"`
}

// SignedInApprover returns the ID of the approver who sent the request. It returns false if the approver has not
// signed in, or too long ago, or has signed out since.
func (h *Handler) SignedInApprover(r *http.Request) (id string, ok bool) {
	s, ok := h.readSession(r)
	return s.Approver, ok
}

// readSession returns the session of a request, if it is still valid.
func (h *Handler) readSession(r *http.Request) (approverSession, bool) {
	var s approverSession
	valid := h.readCookie(r, sessionCookie, &s) && s.Expires.After(h.Now()) && s.ID != "" && s.Approver != "" &&
		s.Settings == h.Settings.fingerprint("") && !h.Ended.Has(s.ID)
	if !valid {
		return approverSession{}, false
	}
	return s, true
}

// startSession signs an approver in.
func (h *Handler) startSession(w http.ResponseWriter, approver string) {
	h.setCookie(w, sessionCookie, approverSession{
		ID:       rand.Text(),
		Approver: approver,
		Expires:  h.Now().Add(SessionTTL),
		Settings: h.Settings.fingerprint(""),
	}, SessionTTL)
}

// cookie returns a cookie of our public address. SameSite is Lax, because approvers come from other sites: from the
// provider and from a mail program.
func (h *Handler) cookie(name string) session.Cookie {
	path := h.Base.Path
	if !strings.HasSuffix(path, "/") {
		path += "/"
	}
	return session.Cookie{
		Base:     name,
		Path:     path,
		Secure:   h.Base.Scheme == "https",
		SameSite: http.SameSiteLaxMode,
	}
}

// setCookie sets a signed cookie that lives for ttl.
func (h *Handler) setCookie(w http.ResponseWriter, name string, content any, ttl time.Duration) {
	b, err := json.Marshal(content)
	if err != nil {
		panic(err) // the content is strings and a time
	}
	keyID, mac := h.MAC.MAC(name, b)
	encode := base64.RawURLEncoding.EncodeToString
	value := encode(b) + "." + encode([]byte(keyID)) + "." + encode(mac)
	h.cookie(name).Set(w, value, int(ttl.Seconds()))
}

// deleteCookie deletes a cookie.
func (h *Handler) deleteCookie(w http.ResponseWriter, name string) { h.cookie(name).Set(w, "", -1) }

// readCookie reads the content of a cookie that setCookie set. It returns false if the cookie is missing or its
// signature is wrong.
func (h *Handler) readCookie(r *http.Request, name string, content any) bool {
	value, ok := h.cookie(name).Value(r)
	if !ok {
		return false
	}
	var parts [3][]byte
	fields := strings.Split(value, ".")
	if len(fields) != len(parts) {
		return false
	}
	for i := range parts {
		var err error
		if parts[i], err = base64.RawURLEncoding.Strict().DecodeString(fields[i]); err != nil {
			return false
		}
	}
	if h.MAC.VerifyMAC(name, string(parts[1]), parts[0], parts[2]) != nil {
		return false
	}
	return json.Unmarshal(parts[0], content) == nil
}
