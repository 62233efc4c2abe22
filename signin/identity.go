package signin

import (
	"strings"
	"unicode"
)

// identityError is returned for a person whose identity is not certain enough. The reason is shown to that person.
type identityError struct{ reason string }

// Error returns the reason.
func (e *identityError) Error() string { return e.reason }

// approverID returns the approver's ID from the claims of a verified ID token.
func (h *Handler) approverID(claims map[string]any) (string, error) {
	id, _ := claims[h.Settings.Claim].(string)
	switch {
	case strings.TrimSpace(id) == "":
		return "", &identityError{"the provider does not state who you are"}
	case !isUsableID(id):
		return "", &identityError{"the provider gives you a name that cannot be told apart from other names for sure"}
	case h.Settings.Claim == "email" && claims["email_verified"] != true:
		return "", &identityError{"the provider has not verified your e-mail address"}
	}
	return id, nil
}

// maxID is the maximum length of an approver's ID, in bytes.
const maxID = 256

// isUsableID reports whether an ID may be an approver's. The Kelvin sign K and the long ſ are refused:
// approval.SamePerson tells them from k and s, but people do not, nor does every program that compares without case.
func isUsableID(id string) bool {
	return len(id) <= maxID && id == strings.TrimSpace(id) && !strings.ContainsAny(id, "\u212a\u017f") &&
		!strings.ContainsFunc(id, func(r rune) bool { return !unicode.IsPrint(r) })
}
