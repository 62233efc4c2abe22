package envelope

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
)

// object is a JSON object. The names of its members are compared exactly.
type object struct {
	members   map[string]json.RawMessage
	folded    map[string]bool // the case-folded names
	ambiguous string          // a name that is repeated, or in two cases
}

// readObject reads a JSON object, and refuses data after it.
func readObject(data []byte) (object, error) {
	o := object{members: map[string]json.RawMessage{}, folded: map[string]bool{}}
	in := json.NewDecoder(bytes.NewReader(data))
	if start, err := in.Token(); err != nil || start != json.Delim('{') {
		return o, errors.New("not a JSON object")
	}
	for in.More() {
		token, err := in.Token()
		if err != nil {
			return o, fmt.Errorf("member name: %w", err)
		}
		name, _ := token.(string) // the decoder returns strings only as names
		var value json.RawMessage
		if err := in.Decode(&value); err != nil {
			return o, fmt.Errorf("member: %w", err)
		}
		f := foldCase(name)
		if o.folded[f] {
			o.ambiguous = name
		}
		o.folded[f], o.members[name] = true, value
	}
	if _, err := in.Token(); err != nil {
		return o, fmt.Errorf("end of the object: %w", err)
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return o, errors.New("more than one JSON value")
	}
	return o, nil
}

// stringMember returns the value of a member, if it is a string.
func (o object) stringMember(name string) (string, bool) {
	raw := o.members[name]
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err == nil
}

// objectMember returns the value of a member, if it is an object.
func (o object) objectMember(name string) (object, bool) {
	inner, err := readObject(o.members[name])
	return inner, err == nil
}

// kind returns the first character of a member's value, such as '{' for an object, or 0 if there is no such member.
func (o object) kind(name string) byte {
	if raw := o.members[name]; len(raw) > 0 {
		return raw[0]
	}
	return 0
}

// has reports whether the object has all these members, with exactly these names.
func (o object) has(names ...string) bool {
	return !slices.ContainsFunc(names, func(n string) bool { return o.kind(n) == 0 })
}

// hasInAnyCase reports whether the object has all these members, in any case.
func (o object) hasInAnyCase(names ...string) bool {
	return !slices.ContainsFunc(names, func(n string) bool { return !o.folded[foldCase(n)] })
}

// caseVariant returns a member with any of these names in another case, or "".
func (o object) caseVariant(names ...string) string {
	for name := range o.members {
		for _, want := range names {
			if name != want && strings.EqualFold(name, want) {
				return name
			}
		}
	}
	return ""
}

// foldCase maps names that differ only in case to the same text, by Unicode's simple folding, as encoding/json does.
func foldCase(s string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, s)
}

// truncateQuote bounds a text from outside that is quoted in an error.
func truncateQuote(s string) string { return s[:min(len(s), 200)] }
