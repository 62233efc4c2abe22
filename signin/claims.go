package signin

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// claims are the claims of a verified ID token. Numbers are json.Number, so that long ones keep all digits.
type claims map[string]any

// find returns a claim. A name is taken as it is first, because many providers name their own claims by URL
// (https://example.com/email). Then the dots of a name lead into objects, as Keycloak nests its claims.
func (c claims) find(name string) (any, bool) {
	if value, ok := c[name]; ok {
		return value, value != nil
	}
	var at any = map[string]any(c)
	for part := range strings.SplitSeq(name, ".") {
		object, ok := at.(map[string]any)
		if !ok {
			return nil, false
		}
		at = object[part]
	}
	return at, at != nil
}

// isTrue reports whether a claim is true. JumpCloud and Apple send booleans as text.
func (c claims) isTrue(name string) bool {
	value, _ := c.find(name)
	text, isText := value.(string)
	return value == true || isText && strings.EqualFold(text, "true")
}

// has reports whether a claim has one of the values, or is a list with one of them.
func (c claims) has(name string, values []string) bool {
	value, _ := c.find(name)
	list, isList := value.([]any)
	if !isList {
		list = []any{value}
	}
	return slices.ContainsFunc(list, func(item any) bool { return slices.Contains(values, scalarText(item)) })
}

// scalarText returns a text, a number or a boolean as text, and the empty text for anything else.
func scalarText(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		if v {
			return "true"
		}
		return "false"
	}
	return ""
}

// kindOf names the type of a claim's value.
func kindOf(value any) string {
	switch value.(type) {
	case string:
		return "a text"
	case json.Number:
		return "a number"
	case bool:
		return "true or false"
	case []any:
		return "a list"
	}
	return "an object"
}

// Bounds of a list of names in the log.
const (
	maxNames      = 24
	maxNameLength = 60
)

// names lists the names of the claims for the operator, and never a value. Characters that do not belong into a line of
// the log are replaced.
func (c claims) names() string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(c)) {
		if len(list) == maxNames {
			list = append(list, "…")
			break
		}
		list = append(list, printable(name))
	}
	return strings.Join(list, ", ")
}

// printable returns a name of bounded length without invisible characters.
func printable(name string) string {
	runes := []rune(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, name))
	if len(runes) > maxNameLength {
		return string(runes[:maxNameLength]) + "…"
	}
	return string(runes)
}

// sortedNames returns the names of a map in order.
func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
