package body

import (
	"bytes"
	"errors"
	"net/url"
	"unicode/utf8"
)

// maxFields is the greatest number of fields of a form. A mebibyte of fields without names would otherwise need a
// hundred times its memory.
const maxFields = 1000

var (
	errManyFields = errors.New("is a form with more than 1000 fields")
	errFormText   = errors.New("is a form that is not UTF-8")
)

// decodeForm reads application/x-www-form-urlencoded (https://url.spec.whatwg.org/#urlencoded-parsing). Each field
// becomes a text. A field that occurs more than once becomes the list of its texts, so that an expression for a single
// text does not use an arbitrary element.
func decodeForm(b []byte, decodeJSON DecodeJSON) (Decoded, error) {
	text, err := WithoutMark(b)
	switch {
	case err != nil:
		return Decoded{}, err
	case beginsJSON(text): // a text in it could be read as fields
		return Decoded{}, errors.New("is not a form: it looks like JSON")
	case bytes.Count(text, []byte("&")) >= maxFields:
		return Decoded{}, errManyFields
	}
	values, err := url.ParseQuery(string(bytes.TrimRight(text, "\r\n")))
	if err != nil { // err quotes the part that it could not read
		return Decoded{}, errors.New("is not a form: it has an invalid escape or a semicolon")
	}
	for name, texts := range values {
		for _, text := range texts {
			if !utf8.ValidString(name) || !utf8.ValidString(text) {
				return Decoded{}, errFormText
			}
		}
	}
	return finishForm(values, nil, decodeJSON)
}

// payloadField is the name of the field in which senders such as GitHub and Slack send JSON as a form.
const payloadField = "payload"

// finishForm returns the body of a form. A form with the single field payload that has a JSON object, or a list of one, is
// that object.
func finishForm(values map[string][]string, notes []string, decodeJSON DecodeJSON) (Decoded, error) {
	if texts := values[payloadField]; len(values) == 1 && len(texts) == 1 {
		text := bytes.TrimPrefix([]byte(texts[0]), mark)
		if object, ok := onlyObject(text); ok {
			text = object
		}
		if trimmed := trimSpace(text); len(trimmed) > 0 && trimmed[0] == '{' {
			value, err := decodeJSON(text)
			if err != nil {
				return Decoded{}, errors.New("is a form, and its field payload " + err.Error())
			}
			return Decoded{Value: value, Notes: notes}, nil
		}
	}
	out := map[string]any{}
	for name, texts := range values {
		list := make([]any, len(texts))
		for i, text := range texts {
			list[i] = text
		}
		out[name] = list[0]
		if len(list) > 1 {
			out[name] = list
		}
	}
	return Decoded{Value: out, Notes: notes}, nil
}
