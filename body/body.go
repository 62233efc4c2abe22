// Package body turns the bytes of a message into the value that expressions see: JSON, a form as a browser sends it, or
// the parts of multipart/form-data. It takes compression, base64 and byte order marks off first.
//
// A signature covers the bytes of a body, and rarely its headers. Whoever has seen a signed request can send it again
// with other headers. So only the configuration of a source and the signed bytes themselves may choose how a body is
// read; the header Content-Type may only do so where the credential vouches for the whole request (the format Auto).
package body

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
)

// Format is how a body is read.
type Format string

// The formats. The zero value means JSON.
const (
	// Auto lets the header Content-Type choose JSON, Form or Multipart, see Open. Decode does not take it.
	Auto Format = "auto"
	// JSON is a single JSON object.
	JSON Format = "json"
	// Form is application/x-www-form-urlencoded.
	Form Format = "form"
	// Multipart is multipart/form-data. The first line of the body has the boundary.
	Multipart Format = "multipart"
	// JSONOrForm is JSON if the first character can begin JSON of objects, lists or texts, and otherwise a form.
	JSONOrForm Format = "json_or_form"
)

// Formats returns all formats.
func Formats() []Format { return []Format{Auto, JSON, Form, Multipart, JSONOrForm} }

// Decoded is a decoded body.
type Decoded struct {
	// Value is what expressions see as body.
	Value any
	// Notes state how the body was read, if that is not obvious, and what of it was left out.
	Notes []string
}

// DecodeJSON decodes exactly one JSON object. Its errors begin with a verb and never quote the body.
type DecodeJSON func(text []byte) (any, error)

// Decode decodes a body. The caller limits the size of b. A body that was compressed in a queue is decompressed to at most
// MaxInflated bytes. Errors begin with a verb, as in "is not JSON", and never quote the body.
func Decode(f Format, b []byte, decodeJSON DecodeJSON) (Decoded, error) {
	switch f {
	case Form:
		return decodeForm(b, decodeJSON)
	case Multipart:
		return decodeMultipart(b, decodeJSON)
	case JSONOrForm:
		if text, err := WithoutMark(b); err == nil && !beginsJSON(text) {
			return decodeForm(b, decodeJSON)
		}
	}
	text, note, err := Text(b)
	if err != nil {
		return Decoded{}, err
	}
	if len(trimSpace(text)) == 0 {
		return Decoded{}, errors.New("is empty")
	}
	value, err := decodeJSON(text)
	if err != nil {
		return Decoded{}, explain(err, text)
	}
	d := Decoded{Value: value}
	if note != "" {
		d.Notes = append(d.Notes, note)
	}
	return d, nil
}

// beginsJSON reports whether a text begins as a JSON object, list or text does. Neither a browser nor another sender
// begins a form with these characters: they are escaped in forms.
func beginsJSON(text []byte) bool {
	text = trimSpace(text)
	return len(text) > 0 && (text[0] == '{' || text[0] == '[' || text[0] == '"')
}

// trimSpace removes the white space of JSON (RFC 8259, section 2) from both ends.
func trimSpace(text []byte) []byte { return bytes.Trim(text, " \t\r\n") }

// explain adds to the error of a text that is not JSON the format that it seems to have.
func explain(err error, text []byte) error {
	if format := guess(text); format != "" {
		return fmt.Errorf("%w: it looks like %s", err, format)
	}
	return err
}

// guess names the format of a text that is not JSON, or returns "". The text is not empty.
func guess(text []byte) string {
	trimmed := trimSpace(text)
	first, _, _ := bytes.Cut(trimmed, []byte("\n"))
	name, _, hasValue := bytes.Cut(trimmed, []byte("="))
	switch {
	case trimmed[0] == '<':
		return "XML or HTML"
	case beginsJSON(trimmed):
		return ""
	case bytes.HasPrefix(trimmed, []byte("--")) && bytes.Contains(trimmed, []byte("form-data")):
		return "multipart/form-data, which a webhook reads with the setting body: multipart"
	case bytes.HasPrefix(trimmed, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return "zstd"
	case isBase64(trimmed):
		return "base64 of something other than a JSON object"
	case hasValue && len(name) > 0 && len(name) <= 256 && isFormName(name) && len(first) == len(trimmed):
		return "a form, which a webhook reads with the setting body: form"
	}
	return ""
}

// isFormName reports whether a text can be the name of a field in a form, as it is sent.
func isFormName(name []byte) bool {
	return utf8.Valid(name) && !slices.ContainsFunc(name, func(c byte) bool { return c <= ' ' || c == '"' || c == ':' || c == '<' })
}
