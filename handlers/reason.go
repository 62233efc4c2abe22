package handlers

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/metadata"
	"github.com/approval-relay/approval-relay/untrusted"
)

// Limits of the lists in the reason of a missing field.
const (
	maxExpressions = 12 // groups of places with the same parent
	maxExpression  = 60 // characters
	maxNames       = 12
	maxName        = 60 // characters
)

// missingField returns the error of a required field that the input does not have. It names what the message has and the
// expressions that were tried, so that both can be compared. It contains no value. What the message has comes first,
// because the end of a long reason can be cut.
func missingField(in Input, name, reason string, expressions []string) error {
	reason += "; " + in.describeNames()
	if tried := listPlaces(expressions); tried != "" {
		reason += "; looked for in " + tried
	}
	return approval.InvalidField(name, "%s", reason)
}

// A place in the body has a parent and a name, and so has a message attribute.
var (
	bodyPlace      = regexp.MustCompile(`^(body(?:\.\w+)*)\.(\w+)$`)
	attributePlace = regexp.MustCompile(`^(meta)\["attribute\.(\w+)"\]$`)
)

// splitPlace returns the parent and the name of the place that an expression reads, or only a parent for every other
// expression.
func splitPlace(expression string) (parent, name string) {
	for _, form := range []*regexp.Regexp{bodyPlace, attributePlace} {
		if parts := form.FindStringSubmatch(expression); parts != nil {
			return parts[1], parts[2]
		}
	}
	return expression, ""
}

// listPlaces returns expressions as text for people. The names in the same object follow the first of them:
// "body.orderId (also order_id, OrderId), body.order.id".
func listPlaces(expressions []string) string {
	also := map[string][]string{} // by parent
	var firsts []string
	for _, e := range expressions {
		parent, name := splitPlace(e)
		if _, known := also[parent]; known {
			if name != "" {
				also[parent] = append(also[parent], cutExpression(name))
			}
			continue
		}
		also[parent] = nil
		firsts = append(firsts, e)
	}
	var groups []string
	for _, e := range firsts {
		if len(groups) == maxExpressions {
			groups = append(groups, "…")
			break
		}
		parent, _ := splitPlace(e)
		text := cutExpression(e)
		if len(also[parent]) > 0 {
			text += " (also " + strings.Join(also[parent], ", ") + ")"
		}
		groups = append(groups, text)
	}
	return strings.Join(groups, ", ")
}

// cutExpression returns the beginning of an expression.
func cutExpression(e string) string { return untrusted.Shorten(e, maxExpression) }

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
