package form

import (
	"fmt"
	"strings"

	"github.com/approval-relay/approval-relay/canonical"
	"github.com/approval-relay/approval-relay/language"
)

// options reads the options of a schema: the strings of "enum", with their titles in "enumNames", or the constants and
// titles of the keyword list, which is "oneOf" or "anyOf".
func (p *parser) options(at string, schema canonical.Value, list string) []Option {
	enum, titled := schema.Member("enum"), schema.Member(list)
	switch {
	case enum != nil && titled != nil:
		p.fault(at+"/enum", "is given beside %s", list)
		return nil
	case enum != nil:
		if options, ok := p.namedOptions(at, *enum, schema.Member("enumNames")); ok {
			return p.checkOptions(at+"/enum", "", options)
		}
		return nil
	case schema.Member("enumNames") != nil:
		p.fault(at+"/enumNames", "is given without enum")
		return nil
	case titled != nil:
		if options, ok := p.titledOptions(at+"/"+list, *titled); ok {
			return p.checkOptions(at+"/"+list, "/const", options)
		}
		return nil
	}
	p.fault(at, "has neither enum nor %s", list)
	return nil
}

func (p *parser) namedOptions(at string, enum canonical.Value, names *canonical.Value) ([]Option, bool) {
	values, ok := p.strings(at+"/enum", enum)
	options := make([]Option, len(values))
	for i, value := range values {
		options[i].Value = value
	}
	if names == nil || !ok {
		return options, ok
	}
	titles, ok := p.strings(at+"/enumNames", *names)
	if ok && len(titles) != len(options) {
		p.fault(at+"/enumNames", "has %d names for %d options", len(titles), len(options))
		return nil, false
	}
	for i, title := range titles {
		if !isPlain(title) {
			p.fault(fmt.Sprintf("%s/enumNames/%d", at, i), "has control characters")
			return nil, false
		}
		options[i].Title = language.NewText(title)
	}
	return options, ok
}

func (p *parser) titledOptions(at string, list canonical.Value) ([]Option, bool) {
	if list.Kind != canonical.Array {
		p.fault(at, "is not a list of const and title")
		return nil, false
	}
	options := make([]Option, len(list.Items))
	for i, item := range list.Items {
		here := fmt.Sprintf("%s/%d", at, i)
		if !p.isObject(here, item) {
			return nil, false
		}
		p.supported(here, item, "const", "title")
		value := item.Member("const")
		if value == nil || value.Kind != canonical.String {
			p.fault(here+"/const", "is not a string")
			return nil, false
		}
		options[i] = Option{Value: value.Text, Title: p.text(here+"/title", item.Member("title"))}
	}
	return options, true
}

// checkOptions states the faults of the values of options. The value of an option is at the place of its list, its index
// and a suffix.
func (p *parser) checkOptions(at, suffix string, options []Option) []Option {
	if n := len(options); n == 0 || n > MaxOptions {
		p.fault(at, "has %d options, but a field has 1 to %d", n, MaxOptions)
	}
	seen := map[string]bool{}
	for i, option := range options {
		here := fmt.Sprintf("%s/%d%s", at, i, suffix)
		switch {
		case strings.TrimSpace(option.Value) == "":
			p.fault(here, "is empty")
		case !isPlain(option.Value) || strings.ContainsAny(option.Value, "\n\t"):
			p.fault(here, "has control characters")
		case seen[option.Value]:
			p.fault(here, "is given twice")
		}
		seen[option.Value] = true
	}
	return options
}
