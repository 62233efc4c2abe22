package expression

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// maxDepth is the maximum number of nested levels. The documents of workflows nest a few levels.
const maxDepth = 64

// DecodeJSON reads a body: exactly one JSON object of at most 64 levels, in UTF-8 (RFC 8259, section 8.1). Whole
// numbers of 64 bits become int64 or uint64. Other numbers become json.Number, as they were written. A name that occurs
// twice in an object is a fault, because readers differ in the value that they use. Half of a surrogate pair, which is what
// JavaScript leaves of an emoji where it cuts a text, becomes U+FFFD; package approval takes no ID with that. Errors name
// the byte and never quote the body. The caller limits the size.
func DecodeJSON(body []byte) (any, error) {
	v, err := decodeJSONValue(body)
	if err != nil {
		return nil, err
	}
	switch x := v.(type) {
	case map[string]any:
		return x, nil
	case []any:
		if len(x) > 1 {
			return nil, errors.New("is a list of several values, and not a JSON object: send each of them as a message of its own")
		}
	}
	return nil, errors.New("is not a JSON object")
}

// decodeJSONValue reads exactly one JSON value.
func decodeJSONValue(body []byte) (any, error) {
	if i := invalidOffset(body); i >= 0 {
		return nil, fmt.Errorf("is not UTF-8 (byte %d)", i)
	}
	if v, ok := scanJSON(body); ok {
		return v, nil
	}
	return decodeJSON(body)
}

// invalidOffset returns the offset of the first byte that is not UTF-8, or -1.
func invalidOffset(body []byte) int {
	if utf8.Valid(body) {
		return -1
	}
	for i := 0; i < len(body); {
		r, n := utf8.DecodeRune(body[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

func decodeJSON(body []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	v, err := readValue(d, 0)
	if err != nil {
		return nil, atOffset(d, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, atOffset(d, errors.New("has more than one value"))
	}
	return v, nil
}

// atOffset adds the place of a fault. It replaces the errors of package json, because they could quote a secret.
func atOffset(d *json.Decoder, err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("is not JSON")
	}
	return fmt.Errorf("%w (byte %d)", err, d.InputOffset())
}

func readValue(d *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nests deeper than %d levels", maxDepth)
	}
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch x := token.(type) {
	case json.Delim:
		if x == '{' {
			return readObject(d, depth)
		}
		return readList(d, depth)
	case json.Number:
		return parseNumber(x)
	}
	return token, nil
}

func readObject(d *json.Decoder, depth int) (any, error) {
	out := map[string]any{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		if _, twice := out[name]; twice {
			return nil, errors.New("has the same name twice in one object")
		}
		if out[name], err = readValue(d, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return out, err
}

func readList(d *json.Decoder, depth int) (any, error) {
	out := []any{}
	for d.More() {
		v, err := readValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	_, err := d.Token()
	return out, err
}
