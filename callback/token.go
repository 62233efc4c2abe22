package callback

import (
	"errors"
	"regexp"
	"strings"
	"unicode"

	"github.com/approval-relay/approval-relay/identity"
)

// Reasons why a text is not a token of AWS. They have no part of it.
var (
	errSpace = errors.New("is not a token: it has a space where a + was, because the message was decoded as a form " +
		"or query on its way; encode it (in API Gateway: $util.urlEncode)")
	errEscapes = errors.New("is not a token: it has percent-escapes such as %2B; decode it once before it is sent")
	errHTML    = errors.New("is not a token: it has escapes of HTML such as &#43;; decode it once before it is sent")
	errBlank   = errors.New("is not a token: it has a line break or other white space")
	errPath    = errors.New("is not a token: it is the path of one; in the state machine, the name of the field must end in " +
		`.$, as in "taskToken.$": "$$.Task.Token"`)
	errARN = errors.New("is not a token: it is an ARN, such as that of the execution; the token is $$.Task.Token in the " +
		"state machine")
	errURL        = errors.New("is not a token: it is a URL; a URL that takes the answer belongs into callbackUrl")
	errCharacters = errors.New("is not a token: it has characters that no token has, such as quotes or braces")
)

var (
	percentEscape = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
	htmlEscape    = regexp.MustCompile(`&(?:#?[0-9A-Za-z]+);`)
	// tokenPath is the text that stands for the token in a state machine, in JSONPath and in JSONata.
	tokenPath = regexp.MustCompile(`Task\.Token\b`)
)

// notInTokens are characters that no token has. Tokens of AWS are base64, in either alphabet, or UUIDs. AWS documents
// that for some kinds only, so that other characters are left to AWS.
const notInTokens = "%&;,\"'`<>\\{}$" //nolint:gosec // characters

// CheckToken returns the reason why a text cannot be a token that AWS has issued, or nil. It recognises what proxies,
// templates and mistakes do to a token, so that the request is refused before people decide in vain.
func CheckToken(token string) error {
	switch {
	case tokenPath.MatchString(token):
		return errPath
	case strings.HasPrefix(token, "arn:aws"):
		return errARN
	case strings.HasPrefix(token, "https://"), strings.HasPrefix(token, "http://"):
		return errURL
	case percentEscape.MatchString(token):
		return errEscapes
	case htmlEscape.MatchString(token):
		return errHTML
	case strings.ContainsAny(token, notInTokens), strings.ContainsFunc(token, isNoToken):
		return errCharacters
	case strings.Contains(token, " "):
		return errSpace
	case strings.ContainsFunc(token, unicode.IsSpace):
		return errBlank
	}
	return identity.CheckPlaceholder(token)
}

// isNoToken reports whether a character is neither ASCII that can be printed nor white space.
func isNoToken(r rune) bool { return (r < ' ' || r > '~') && !unicode.IsSpace(r) }
