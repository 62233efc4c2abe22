package identity

import (
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// readPerson returns the person that a text names in a known form. The result is false for a text that may name
// several people, and for a name without an e-mail address.
func readPerson(text string) (string, bool) {
	text = strings.TrimFunc(text, isInvisibleSpace)
	for _, quote := range []string{`"`, `'`} {
		if inner, ok := strings.CutPrefix(text, quote); ok && strings.HasSuffix(inner, quote) {
			return readPerson(strings.TrimSuffix(inner, quote))
		}
	}
	// A session comes first: its ARN could be an e-mail address, with a long first part.
	for _, form := range []func(string) (string, bool){cutSession, cutWhole, cutAngles, cutName, cutComment} {
		if inner, ok := form(text); ok {
			if address, ok := readAddress(inner); ok {
				return address, true
			}
		}
	}
	return "", false
}

// cutWhole returns the whole text.
func cutWhole(text string) (string, bool) { return text, true }

// cutAngles returns the address of "Name <address>". A name with an address and a separator is the beginning of a list.
func cutAngles(text string) (string, bool) {
	name, rest, ok := strings.Cut(text, "<")
	address, closed := strings.CutSuffix(rest, ">")
	if !ok || !closed || (strings.Contains(name, "@") && countParts(name) > 1) {
		return "", false
	}
	address, _, _ = strings.Cut(address, "|") // Slack writes <mailto:ann@example.com|ann@example.com>
	return address, true
}

// cutName returns the address of "Name (address)".
func cutName(text string) (string, bool) {
	name, rest, ok := strings.Cut(text, "(")
	address, closed := strings.CutSuffix(rest, ")")
	return address, ok && closed && !strings.Contains(name, "@")
}

// cutComment returns the address of "address (Name)".
func cutComment(text string) (string, bool) {
	address, rest, ok := strings.Cut(text, "(")
	name, closed := strings.CutSuffix(rest, ")")
	return strings.TrimSpace(address), ok && closed && !strings.Contains(name, "@")
}

// session matches a principal of AWS with the name of a session or user: the ARN of an assumed role, of a federated
// user or of a user, and the user ID of an assumed role. IAM Identity Center names its sessions by the user name,
// which is an e-mail address as a rule.
var session = regexp.MustCompile(
	`^(?:arn:aws[a-z-]*:(?:sts|iam)::\d{12}:(?:assumed-role|federated-user|user)/(?:[^/]+/)*|ARO[A-Z0-9]{13,}:)([^/]+)$`)

// cutSession returns the name of the session of a principal of AWS.
func cutSession(text string) (string, bool) {
	m := session.FindStringSubmatch(text)
	if m == nil {
		return "", false
	}
	return m[1], true
}

// schemes begin an e-mail address that a directory, a mail server or a cloud gives out.
var schemes = []string{"mailto:", "smtp:", "acct:", "user:"}

// readAddress returns the e-mail address that a text is, without mailto: and the like and without the dot that can end
// a name of DNS. A name of a group or of a source counts as an address too, because it names an approver in the same
// lists.
func readAddress(text string) (string, bool) {
	text = strings.TrimFunc(text, isInvisibleSpace)
	for _, scheme := range schemes {
		if len(text) <= len(scheme) || !strings.EqualFold(text[:len(scheme)], scheme) {
			continue
		}
		address, _, _ := strings.Cut(text[len(scheme):], "?")
		unescaped, err := url.PathUnescape(address)
		if err != nil {
			return "", false
		}
		text = unescaped
		break
	}
	local, domain, ok := strings.Cut(text, "@")
	domain, isName := encodeDomain(domain)
	ok = ok && isName
	isAddress := ok && local != "" && domain != "" && !strings.ContainsFunc(text, isSeparator) &&
		(!strings.Contains(local, ":") || isListName(text)) && !strings.ContainsAny(domain, noDomain) &&
		norm.NFKC.String(text) == text && !strings.Contains(text, "=?") // an encoded word of a mail header
	return local + "@" + domain, isAddress
}

// encodeDomain returns a domain as DNS and mail servers have it: without a dot at its end, and with the letters outside
// ASCII encoded, so that bücher.example is xn--bcher-kva.example. The result is false for a text that is no domain.
func encodeDomain(domain string) (string, bool) {
	if strings.ContainsFunc(domain, func(r rune) bool { return r >= utf8.RuneSelf }) {
		encoded, err := idna.Lookup.ToASCII(domain)
		if err != nil {
			return domain, false
		}
		domain = encoded
	}
	domain = strings.TrimSuffix(domain, ".")
	hasEmptyLabel := strings.Contains("."+domain+".", "..")
	return domain, !hasEmptyLabel
}

// noDomain are characters that no domain has. An address with one of them is part of something else, such as a URL.
const noDomain = "@/:?#%&=!*$"

// isSeparator reports whether a character cannot be part of an address: it separates addresses, or an address from the
// text around it.
func isSeparator(r rune) bool {
	return isInvisibleSpace(r) || strings.ContainsRune(`,;<>()[]{}"|\`, r) || r < ' '
}
