package handlers

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/metadata"
)

// Limits of the lists in the reason of a missing field.
const (
	maxExpressions = 12 // groups of places with the same parent
	maxExpression  = 60 // characters
	maxNames       = 12
	maxName        = 60 // characters
)

// missingField returns the error of a required field that the input does not have. It names the expressions that were
// tried and the names that the message has, so that both can be compared. It contains no value.
func missingField(in Input, name, reason string, expressions []string) error {
	if tried := listPlaces(expressions); tried != "" {
		reason += "; looked for in " + tried
	}
	return approval.InvalidField(name, "%s; %s", reason, in.describeNames())
}

// plainPath is the expression of a place in the body: its parent, and its name.
var plainPath = regexp.MustCompile(`^(body(?:\.\w+)*)\.(\w+)$`)

// listPlaces returns expressions as text for people. The names in the same object follow the first of them:
// "body.orderId (also order_id, OrderId), body.order.id".
func listPlaces(expressions []string) string {
	var groups []string
	var parent string
	var also []string
	closeGroup := func() {
		if len(also) > 0 {
			groups[len(groups)-1] += " (also " + strings.Join(also, ", ") + ")"
		}
		also = nil
	}
	for _, e := range expressions {
		path := plainPath.FindStringSubmatch(e)
		if path != nil && path[1] == parent && len(groups) > 0 {
			also = append(also, cutExpression(path[2]))
			continue
		}
		closeGroup()
		if parent = ""; path != nil {
			parent = path[1]
		}
		if len(groups) == maxExpressions {
			return strings.Join(append(groups, "…"), ", ")
		}
		groups = append(groups, cutExpression(e))
	}
	closeGroup()
	return strings.Join(groups, ", ")
}

// cutExpression returns the beginning of an expression.
func cutExpression(e string) string {
	if runes := []rune(e); len(runes) > maxExpression {
		return string(runes[:maxExpression]) + "…"
	}
	return e
}

// describeNames returns the names at the top of the body, and those of the message attributes, as text for people.
func (in Input) describeNames() string {
	body, isObject := in.Body.(map[string]any)
	text := "the message has " + listNames(sortedKeys(body))
	switch {
	case !isObject:
		text = "the message is a text"
	case len(body) == 0:
		text = "the message has no fields"
	}
	attributes := in.attributeNames()
	if len(attributes) > 0 {
		text += ", and the attributes " + listNames(attributes)
	}
	if wrappers := in.Meta[metadata.Wrappers]; wrappers != "" {
		text += ", within: " + wrappers
	}
	return text
}

// listNames returns names as text for people. It leaves out those that look like values, such as addresses and numbers,
// because a map of values may have secrets as names.
func listNames(names []string) string {
	var shown []string
	hidden := 0
	for _, name := range names {
		if looksLikeValue(name) || len(shown) == maxNames {
			hidden++
			continue
		}
		shown = append(shown, name)
	}
	text := strings.Join(shown, ", ")
	switch {
	case hidden == 0:
		return text
	case text == "":
		return fmt.Sprintf("%d names that are not shown", hidden)
	}
	return fmt.Sprintf("%s, and %d more", text, hidden)
}

// looksLikeValue reports whether a name in a message can be a value: a name of letters with a few digits and separators
// is none.
func looksLikeValue(name string) bool {
	const (
		maxDigits = 3
		maxWord   = 40 // letters without a separator
	)
	digits, word := 0, 0
	for i, r := range name {
		switch {
		case unicode.IsDigit(r):
			digits++
			word++
		case unicode.IsLetter(r), unicode.IsMark(r):
			word++
		case strings.ContainsRune("_-.$:/# ", r), r == '@' && i == 0:
			word = 0
		default:
			return true
		}
		if digits > maxDigits || word > maxWord {
			return true
		}
	}
	return name == "" || utf8.RuneCountInString(name) > maxName
}
