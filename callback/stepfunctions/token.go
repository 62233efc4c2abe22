package stepfunctions

import (
	"errors"
	"regexp"
	"strings"
	"unicode"
)

// Reasons why a text is not a task token. A task token has letters, digits and some of + / = - _.
var (
	errSpace = errors.New("is not a task token: it has a space where a + was, because the message was decoded as a form " +
		"or query on its way; encode it (in API Gateway: $util.urlEncode)")
	errEscapes = errors.New("is not a task token: it has percent-escapes such as %2B; decode it once before it is sent")
	errBlank   = errors.New("is not a task token: it has a line break or other white space")
)

// escape is a character in percent-encoding.
var escape = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

// ValidateToken implements callback.TokenTarget. It recognises what proxies and templates do to a token. AWS does not
// document the form of a task token, so every other text is left to AWS.
func (*Target) ValidateToken(token string) error {
	switch {
	case strings.Contains(token, " "):
		return errSpace
	case strings.ContainsFunc(token, unicode.IsSpace):
		return errBlank
	case escape.MatchString(token):
		return errEscapes
	}
	return nil
}
