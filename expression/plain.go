package expression

import (
	"regexp"
	"strings"
)

const nameCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

// parsePlainPath returns the names of an expression like body.a.b, or nil for every other expression. Most fields are
// such paths. Without CEL a path that leads nowhere is cheap; in CEL it is an error, which takes microseconds to make.
func parsePlainPath(source string) []string {
	names := strings.Split(source, ".")
	if len(names) < 2 || names[0] != "body" {
		return nil
	}
	for _, n := range names[1:] {
		isName := n != "" && strings.Trim(n, nameCharacters) == "" && (n[0] < '0' || n[0] > '9')
		if !isName {
			return nil
		}
	}
	return names[1:]
}

// plainText is an expression like meta["attribute.orderId"] or headers["x-order"], which is found without CEL too.
type plainText struct {
	of  string // "meta" or "headers"; empty for every other expression
	key string
}

var plainTextForm = regexp.MustCompile(`^(meta|headers)\[(?:"([^"\\]+)"|'([^'\\]+)')\]$`)

func parsePlainText(source string) plainText {
	if m := plainTextForm.FindStringSubmatch(source); m != nil {
		return plainText{of: m[1], key: m[2] + m[3]}
	}
	return plainText{}
}

// find returns the text, or nil without a text at the path.
func (p plainText) find(in Input) any {
	texts := in.Headers
	if p.of == "meta" {
		texts = in.Meta
	}
	if text, ok := texts[p.key]; ok {
		return text
	}
	return nil
}

// followPath returns the value at a path, or nil if the path leads nowhere.
func followPath(v any, path []string) any {
	for _, name := range path {
		object, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = object[name]
	}
	return v
}
