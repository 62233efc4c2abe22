package expression

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds how deep a body nests; the documents of workflows nest a few
// levels.
const maxDepth = 64

// DecodeJSON reads a body: exactly one JSON object of at most 64 levels, in UTF-8
// (RFC 8259, section 8.1). Whole numbers become int64, uint64 or, where they are
// larger, text, so that a long order ID is not rounded; others float64. A name
// that an object has twice is a fault, because readers differ in which of the two
// they take; half of a surrogate pair is one, because all of them would become
// the same character. Errors name the byte and quote nothing. The caller bounds
// the size.
func DecodeJSON(body []byte) (any, error) {
	if i := notText(body); i >= 0 {
		return nil, fmt.Errorf("is not UTF-8 (byte %d)", i)
	}
	v, err := decode(body)
	if err != nil {
		return nil, err
	}
	if _, ok := v.(map[string]any); !ok {
		return nil, errors.New("is no JSON object")
	}
	return v, nil
}

// notText returns where a body is not UTF-8 or escapes half of a surrogate pair,
// or -1. encoding/json would read U+FFFD there.
func notText(body []byte) int {
	for rest := body; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		if r == utf8.RuneError && n == 1 {
			return len(body) - len(rest)
		}
		if r == '\\' {
			if n = escape(rest); n == 0 {
				return len(body) - len(rest)
			}
		}
		rest = rest[n:]
	}
	return -1
}

// escape returns how long the escape at the beginning of b is, 0 if it is half of
// a surrogate pair. What is no escape at all is for the JSON reader to refuse.
func escape(b []byte) int {
	r := unit(b)
	switch {
	case r < 0:
		return min(2, len(b))
	case !utf16.IsSurrogate(r):
		return 6
	case utf16.DecodeRune(r, unit(b[6:])) == utf8.RuneError:
		return 0
	}
	return 12
}

// unit reads \uXXXX, or -1.
func unit(b []byte) rune {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return -1
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(n)
}

func decode(body []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	v, err := value(d, 0)
	if err != nil {
		return nil, at(d, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, at(d, errors.New("has more than one value"))
	}
	return v, nil
}

// at names the place of a fault. JSON's own errors are cut to what they say of
// the syntax: they could quote what is secret.
func at(d *json.Decoder, err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("is not JSON")
	}
	return fmt.Errorf("%w (byte %d)", err, d.InputOffset())
}

func value(d *json.Decoder, depth int) (any, error) {
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
			return object(d, depth)
		}
		return list(d, depth)
	case json.Number:
		return number(x)
	}
	return token, nil
}

func object(d *json.Decoder, depth int) (any, error) {
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
		if out[name], err = value(d, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return out, err
}

func list(d *json.Decoder, depth int) (any, error) {
	out := []any{}
	for d.More() {
		v, err := value(d, depth+1)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	_, err := d.Token()
	return out, err
}

func number(n json.Number) (any, error) {
	if i, err := strconv.ParseInt(string(n), 10, 64); err == nil {
		return i, nil
	}
	if u, err := strconv.ParseUint(string(n), 10, 64); err == nil {
		return u, nil
	}
	if !strings.ContainsAny(string(n), ".eE") {
		return string(n), nil
	}
	f, err := n.Float64()
	if err != nil {
		return nil, errors.New("has a number that is too large")
	}
	return f, nil
}
