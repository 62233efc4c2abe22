package expression

import (
	"errors"
	"net/url"
	"unicode/utf8"
)

// DecodeForm reads a body that an HTML form sends (application/x-www-form-urlencoded). Each field becomes a text. A
// field that occurs more than once becomes the list of its texts, so that an expression for a single text does not use
// an arbitrary element. Errors never quote the body. The caller limits the size.
func DecodeForm(body []byte) (any, error) {
	values, err := url.ParseQuery(string(body))
	if err != nil { // err quotes the part that it could not read
		return nil, errors.New("is not a form: it has an invalid escape or a semicolon")
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
