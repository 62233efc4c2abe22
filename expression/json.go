package expression

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is the maximum number of nested levels. The documents of workflows nest a few levels.
const maxDepth = 64

// DecodeJSON reads a body: exactly one JSON object of at most 64 levels, in UTF-8 (RFC 8259, section 8.1). Whole
// numbers of 64 bits become int64 or uint64. Other numbers become json.Number, as they were written. A name that occurs
// twice in an object is a fault, because readers differ in the value that they use. Half of a surrogate pair is a fault,
// because all halves would become the same character. Errors name the byte and never quote the body. The caller limits
// the size.
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
	if i := invalidTextOffset(body); i >= 0 {
		return nil, fmt.Errorf("is not UTF-8 (byte %d)", i)
	}
	return decodeJSON(body)
}

// invalidTextOffset returns the offset of the first byte that is not UTF-8, or that begins the escape of half a
// surrogate pair, or -1. For both, encoding/json would read U+FFFD.
func invalidTextOffset(body []byte) int {
	for rest := body; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		if r == utf8.RuneError && n == 1 {
			return len(body) - len(rest)
		}
		if r == '\\' {
			if n = escapeLength(rest); n == 0 {
				return len(body) - len(rest)
			}
		}
		rest = rest[n:]
	}
	return -1
}

// escapeLength returns the length of the escape at the beginning of b, or 0 if it is half of a surrogate pair. It does
// not refuse invalid escapes, because the JSON reader does.
func escapeLength(b []byte) int {
	r := readCodeUnit(b)
	switch {
	case r < 0:
		return min(2, len(b))
	case !utf16.IsSurrogate(r):
		return 6
	case utf16.DecodeRune(r, readCodeUnit(b[6:])) == utf8.RuneError:
		return 0
	}
	return 12
}

// readCodeUnit returns the code unit of an escape \uXXXX, or -1 for every other text.
func readCodeUnit(b []byte) rune {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return -1
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(n)
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
