package signin

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

const (
	// SessionTTL is how long an approver stays signed in.
	SessionTTL = time.Hour
	// pendingTTL is how long an approver may take to sign in at the provider.
	pendingTTL = 10 * time.Minute
)

// The names of the cookies are also the purposes of their signatures, so that no cookie can stand for another.
const (
	sessionCookie = "approval_relay_session"
	pendingCookie = "approval_relay_signin"
)

// session is the content of the cookie of an approver who is signed in.
type session struct {
	ID      string    `json:"id"`
	Expires time.Time `json:"expires"`
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
// signed in, or too long ago.
func (h *Handler) SignedInApprover(r *http.Request) (id string, ok bool) {
	var s session
	if !h.readCookie(r, sessionCookie, &s) || !s.Expires.After(h.Now()) || s.ID == "" {
		return "", false
	}
	return s.ID, true
}

// setCookie sets a signed cookie that lives for ttl; a negative ttl deletes it. SameSite is Lax, because approvers
// come from other sites: from the provider and from a mail program.
func (h *Handler) setCookie(w http.ResponseWriter, name string, content any, ttl time.Duration) {
	b, err := json.Marshal(content)
	if err != nil {
		panic(err) // the content is strings and a time
	}
	keyID, mac := h.MAC.MAC(name, b)
	path := h.Base.Path
	if !strings.HasSuffix(path, "/") {
		path += "/"
	}
	encode := base64.RawURLEncoding.EncodeToString
	http.SetCookie(w, &http.Cookie{
		Name:     name,
		Value:    encode(b) + "." + encode([]byte(keyID)) + "." + encode(mac),
		Path:     path,
		MaxAge:   int(ttl.Seconds()),
		HttpOnly: true,
		Secure:   h.Base.Scheme == "https",
		SameSite: http.SameSiteLaxMode,
	})
}

// readCookie reads the content of a cookie that setCookie set. It returns false if the cookie is missing or its
// signature is wrong.
func (h *Handler) readCookie(r *http.Request, name string, content any) bool {
	c, err := r.Cookie(name)
	if err != nil {
		return false
	}
	var parts [3][]byte
	fields := strings.Split(c.Value, ".")
	if len(fields) != len(parts) {
		return false
	}
	for i := range parts {
		if parts[i], err = base64.RawURLEncoding.Strict().DecodeString(fields[i]); err != nil {
			return false
		}
	}
	if h.MAC.VerifyMAC(name, string(parts[1]), parts[0], parts[2]) != nil {
		return false
	}
	return json.Unmarshal(parts[0], content) == nil
}
