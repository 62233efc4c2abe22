package signin

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"github.com/approval-relay/approval-relay/identity"
	"github.com/approval-relay/approval-relay/refusal"
)

// approverID returns the approver's ID from the claims of a verified ID token.
func (h *Handler) approverID(c claims) (string, error) {
	id, err := h.readID(c)
	if err != nil {
		return "", err
	}
	if h.Settings.Claim == emailClaim {
		if err := h.checkVerified(c); err != nil {
			return "", err
		}
	}
	if err := h.checkRequired(c); err != nil {
		return "", err
	}
	return id, nil
}

// readID returns the text of the claim that identifies the approver.
func (h *Handler) readID(c claims) (string, error) {
	name := h.Settings.Claim
	value, ok := c.find(name)
	if !ok || value == "" {
		return "", &refused{
			code:   refusal.Missing,
			field:  name,
			detail: fmt.Sprintf("the ID token has no claim %q (%sclaim); it has: %s", name, h.audience.settings, c.names()),
			reason: "signin.reason.no_name",
			remedy: "signin.remedy.tell_operators",
		}
	}
	id, isText := value.(string)
	if number, isNumber := value.(json.Number); isNumber && name != emailClaim && isDigits(number.String()) {
		id, isText = number.String(), true
	}
	if !isText {
		return "", &refused{
			code:   refusal.Malformed,
			field:  name,
			detail: fmt.Sprintf("the claim %q (%sclaim) is %s; a text is expected", name, h.audience.settings, kindOf(value)),
			reason: "signin.reason.name_not_understood",
			remedy: "signin.remedy.tell_operators",
		}
	}
	if !isUsableID(id) || name == emailClaim && !isAddress(id) {
		return "", &refused{
			code:   refusal.Malformed,
			field:  name,
			detail: fmt.Sprintf("the claim %q (%sclaim) could be taken for the name of somebody else", name, h.audience.settings),
			reason: "signin.reason.name_not_sure",
			remedy: "signin.remedy.tell_operators",
		}
	}
	return id, nil
}

// checkVerified returns nil if the issuer says that the e-mail address belongs to the person. Entra ID has its own claim
// for that, xms_edov, and never the standard one.
func (h *Handler) checkVerified(c claims) error {
	const standard, microsoft = "email_verified", "xms_edov"
	_, stated := c.find(standard)
	switch {
	case c.isTrue(standard):
		return nil
	case stated:
		return &refused{
			code:   refusal.Forbidden,
			field:  standard,
			detail: "the claim email_verified is not true: the person has to confirm the address at the provider",
			reason: "signin.reason.address_not_verified",
			remedy: "signin.remedy.confirm_address",
		}
	case h.Settings.TrustEmail, c.isTrue(microsoft), c.has(microsoft, []string{"1"}):
		return nil
	}
	return &refused{
		code:  refusal.Missing,
		field: standard,
		detail: fmt.Sprintf("the ID token has no claim email_verified; it has: %s; if only your administrators assign "+
			"addresses at this issuer, set %strust_email, or else take another claim with %[2]sclaim", c.names(), h.audience.settings),
		reason: "signin.reason.address_not_verified",
		remedy: "signin.remedy.tell_operators",
	}
}

// checkRequired returns nil if the ID token has all claims that the settings require.
func (h *Handler) checkRequired(c claims) error {
	for _, name := range sortedNames(h.Settings.Require) {
		if c.has(name, h.Settings.Require[name]) {
			continue
		}
		code, found := refusal.Forbidden, "has another value"
		if _, ok := c.find(name); !ok {
			code, found = refusal.Missing, "is not in the ID token, which has: "+c.names()
		}
		return &refused{
			code:   code,
			field:  name,
			detail: fmt.Sprintf("the claim %q, which %srequire demands, %s", name, h.audience.settings, found),
			reason: "signin.reason.wrong_account",
			remedy: "signin.remedy.other_account",
		}
	}
	return nil
}

// isDigits reports whether a number was written as plain digits, so that its text identifies it.
func isDigits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == "" && (text == "0" || text[0] != '0')
}

// maxID is the maximum length of an approver's ID, in bytes.
const maxID = 256

// reservedNames begin the names of approvers that are no persons.
var reservedNames = []string{"group:", "source:", "api:", "operator:", "slack:"}

// isUsableID reports whether an ID may be an approver's. The Kelvin sign K and the long ſ are refused:
// approval.SamePerson tells them from k and s, but people do not, nor does every program that compares without case.
// So is a text that would be read as the address of a person, such as "x <ann@example.com>": requests may write people
// like this, but here it would let somebody choose a user name that is read as another person.
func isUsableID(id string) bool {
	for _, prefix := range reservedNames {
		if len(id) >= len(prefix) && strings.EqualFold(id[:len(prefix)], prefix) {
			return false
		}
	}
	return id != "" && len(id) <= maxID && id == strings.TrimSpace(id) && !strings.ContainsAny(id, "\u212a\u017f") &&
		!strings.ContainsFunc(id, func(r rune) bool { return !unicode.IsPrint(r) }) && isLiteral(id)
}

// isAddress reports whether a text is a single e-mail address.
func isAddress(text string) bool {
	_, err := identity.ReadOne(text)
	return err == nil && strings.Contains(text, "@")
}

// isLiteral reports whether package identity reads a text as it stands. It may write the domain of an address in
// another way.
func isLiteral(id string) bool {
	read, err := identity.ReadOne(id)
	if err != nil || read == identity.Clean(id) {
		return true // a text that cannot be read stays as it is
	}
	local, domain, _ := strings.Cut(id, "@")
	readLocal, _, _ := strings.Cut(read, "@")
	return local == readLocal && !strings.ContainsAny(domain, "@ <>()\"',;:/|")
}
