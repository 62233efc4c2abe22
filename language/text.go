// Package language has the words of the program for people: the catalogue of its texts in every language, texts that a
// configuration or a request gives in several languages, and numbers and times as a reader expects them.
package language

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
)

// Tag is a language as BCP 47 names it, such as "en" or "de-CH". The empty Tag is the default language.
type Tag string

// Text is a text of a configuration or a request, by language. The text of the empty Tag is for every other language. In
// JSON and YAML it is a string, or an object of languages: {"en": "Send back", "de": "Zurückgeben"}.
type Text map[Tag]string

// NewText returns the same text for every language. The empty string is no text.
func NewText(s string) Text {
	if s == "" {
		return nil
	}
	return Text{"": s}
}

// In returns the text in a language, or else in its language without the region, the default language or English, or else
// the first of the others.
func (t Text) In(tag Tag) string {
	base := tag
	for i := range tag {
		if tag[i] == '-' {
			base = tag[:i]
			break
		}
	}
	for _, candidate := range []Tag{tag, base, "", "en"} {
		if s, ok := t[candidate]; ok {
			return s
		}
	}
	for _, candidate := range slices.Sorted(maps.Keys(t)) {
		return t[candidate]
	}
	return ""
}

// MarshalJSON writes a string if the text is the same for all languages, otherwise an object.
func (t Text) MarshalJSON() ([]byte, error) {
	if s, ok := t[""]; ok && len(t) == 1 {
		return json.Marshal(s)
	}
	return json.Marshal(map[Tag]string(t))
}

// UnmarshalJSON reads the forms of MarshalJSON.
func (t *Text) UnmarshalJSON(b []byte) error {
	return t.unmarshal(func(v any) error { return json.Unmarshal(b, v) })
}

// UnmarshalYAML reads the same forms.
func (t *Text) UnmarshalYAML(unmarshal func(any) error) error { return t.unmarshal(unmarshal) }

func (t *Text) unmarshal(read func(any) error) error {
	var one string
	if err := read(&one); err == nil {
		*t = NewText(one)
		return nil
	}
	var several map[Tag]string
	if err := read(&several); err != nil {
		return errors.New("is neither a text nor texts by language, such as {en: Send back, de: Zurückgeben}")
	}
	*t = several
	return nil
}
