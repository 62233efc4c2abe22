package console

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"strings"
)

// maxForm bounds a form, in bytes. The longest reason, of characters of four bytes that are all escaped, has 192 KiB, and
// the values of a decision, escaped, 96 KiB.
const maxForm = 320 << 10

// The purposes of forms, as their nonces cover them.
const (
	formSignOut = "signout"
	formDecide  = "decide"
	formConfirm = "confirm"
	formAct     = "act"
	formDryRun  = "dry-run"
	formRedrive = "redrive"
	formBody    = "refused-body"
	formControl = "control"
	// The bodies of dead letters, and their dismissal.
	formLetterBodies = "letter-bodies"
	formDismissLook  = "dismiss-look"
	formDismiss      = "dismiss"
)

// readForm reads the named fields of a form. A field that comes twice is refused, because either value may be the
// intended one. If readForm returns false, it has answered the request.
func (c *Console) readForm(
	w http.ResponseWriter, r *http.Request, s session, fields ...string,
) (map[string]string, bool) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		c.refuse(w, r, s, wrongType)
		return nil, false
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			c.refuse(w, r, s, tooLarge)
		} else {
			c.refuse(w, r, s, unreadable)
		}
		return nil, false
	}
	values := map[string]string{}
	for _, name := range fields {
		if len(r.PostForm[name]) > 1 {
			c.refuse(w, r, s, unreadable)
			return nil, false
		}
		values[name] = r.PostForm.Get(name)
	}
	return values, true
}

// formNonce returns a nonce that proves that a form comes from a page of the session. It is valid only for the same
// purpose and the same values.
func (c *Console) formNonce(s session, purpose string, values ...string) string {
	keyID, mac := c.MAC.MAC(macFormNonce, nonceContent(s, purpose, values))
	return encodePart([]byte(keyID)) + "." + encodePart(mac)
}

// verifyNonce reports whether formNonce made a nonce from the same arguments.
func (c *Console) verifyNonce(nonce string, s session, purpose string, values ...string) bool {
	parts, ok := decodeParts(nonce, 2)
	return ok && c.MAC.VerifyMAC(macFormNonce, string(parts[0]), nonceContent(s, purpose, values), parts[1]) == nil
}

// nonceContent returns the authenticated content of a nonce. The values are encoded, because JSON would make values
// equal that differ in invalid UTF-8 only.
func nonceContent(s session, purpose string, values []string) []byte {
	content := []string{s.ID, encodePart([]byte(purpose))}
	for _, v := range values {
		content = append(content, encodePart([]byte(v)))
	}
	b, err := json.Marshal(content)
	if err != nil {
		panic(err) // the content is strings
	}
	return b
}

// encodePart encodes bytes for a form, a cookie or a nonce. Parts are joined by dots.
func encodePart(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// decodeParts decodes a text of n parts.
func decodeParts(text string, n int) ([][]byte, bool) {
	fields := strings.Split(text, ".")
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

// decodeText decodes a text of a single part.
func decodeText(text string) (string, bool) {
	parts, ok := decodeParts(text, 1)
	if !ok {
		return "", false
	}
	return string(parts[0]), true
}
