package expression

import (
	"errors"
	"net/url"
	"unicode/utf8"
)

// DecodeForm reads a body that an HTML form sends (application/x-www-form-urlencoded):
// each field a text, or the list of its texts where it is there more than once, so
// that an expression for one text does not take the first or the last of them. Errors
// quote nothing. The caller bounds the size.
func DecodeForm(body []byte) (any, error) {
	values, err := url.ParseQuery(string(body))
	if err != nil { // its text quotes what it could not read
		return nil, errors.New("is no form: an escape that is none, or a semicolon")
	}
	out := map[string]any{}
	for name, texts := range values {
		list := make([]any, len(texts))
		for i, text := range texts {
			if !utf8.ValidString(name) || !utf8.ValidString(text) {
				return nil, errors.New("is a form that is not UTF-8")
			}
			list[i] = text
		}
		out[name] = list[0]
		if len(list) > 1 {
			out[name] = list
		}
	}
	return out, nil
}
