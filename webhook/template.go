package webhook

import (
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/setup"
)

// template is what a sender signs: parts of the request with literal text around them, such as v0:{timestamp}:{body}.
// Its placeholders are {body}, {timestamp} and {id} as they were sent, {method}, and {url}, the URL as the sender knows
// it.
type template []templatePart

// templatePart is a literal text, or the name of a part of the request.
type templatePart struct{ literal, name string }

// templateNames are the names of the placeholders.
var templateNames = []string{"body", "timestamp", "id", "method", "url"}

// templateValues are the parts of a request.
type templateValues struct {
	body                  []byte
	sent, id, method, url string
}

func parseTemplate(text string) (template, error) {
	var t template
	for text != "" {
		literal, rest, found := strings.Cut(text, "{")
		if literal != "" {
			t = append(t, templatePart{literal: literal})
		}
		if !found {
			break
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed || !slices.Contains(templateNames, name) {
			return nil, setup.NewFieldError("", "has a { that does not begin one of {%s}", strings.Join(templateNames, "}, {"))
		}
		t = append(t, templatePart{name: name})
		text = after
	}
	return t, nil
}

// has reports whether the template has a placeholder.
func (t template) has(name string) bool { return slices.Contains(t, templatePart{name: name}) }

// fill returns the signed bytes.
func (t template) fill(v templateValues) []byte {
	var signed []byte
	for _, part := range t {
		switch part.name {
		case "body":
			signed = append(signed, v.body...)
		case "timestamp":
			signed = append(signed, v.sent...)
		case "id":
			signed = append(signed, v.id...)
		case "method":
			signed = append(signed, v.method...)
		case "url":
			signed = append(signed, v.url...)
		default:
			signed = append(signed, part.literal...)
		}
	}
	return signed
}
