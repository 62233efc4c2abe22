// Package canonical writes JSON in its canonical form (RFC 8785): the same value always has the same bytes, so that it
// can be compared, and that its digest can be signed. Its input is I-JSON (RFC 7493): a value that other readers of JSON
// would understand differently has no canonical form.
package canonical

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Error is the reason why a value has no canonical form.
type Error struct {
	Pointer string // the place of the fault, as a JSON Pointer (RFC 6901); it is empty for the whole value
	Reason  string
}

// Error returns the place and the reason. It never has the value.
func (e *Error) Error() string {
	if e.Pointer == "" {
		return e.Reason
	}
	return fmt.Sprintf("%s: %s", e.Pointer, e.Reason)
}

// JSON returns the canonical form of a JSON value.
func JSON(raw []byte) ([]byte, error) {
	v, err := Parse(raw)
	if err != nil {
		return nil, err
	}
	return v.JSON()
}

// Digest returns the SHA-256 of the canonical form of a JSON value, in hex.
func Digest(raw []byte) (string, error) {
	text, err := JSON(raw)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// JSON returns the canonical form of the value. The error is an *Error.
func (v Value) JSON() ([]byte, error) { return v.append(nil) }

func (v Value) append(b []byte) ([]byte, error) {
	switch v.Kind {
	case Bool:
		if v.True {
			return append(b, "true"...), nil
		}
		return append(b, "false"...), nil
	case Number:
		text, ok := FormatNumber(v.Text)
		if !ok {
			return nil, &Error{Reason: "the number has more digits than JSON readers keep; send it as a string"}
		}
		return append(b, text...), nil
	case String:
		return appendString(b, v.Text), nil
	case Array:
		return v.appendArray(b)
	case Object:
		return v.appendObject(b)
	}
	return append(b, "null"...), nil
}

func (v Value) appendArray(b []byte) ([]byte, error) {
	b = append(b, '[')
	for i, item := range v.Items {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = item.append(b); err != nil {
			return nil, within(fmt.Sprint(i), err)
		}
	}
	return append(b, ']'), nil
}

func (v Value) appendObject(b []byte) ([]byte, error) {
	members := slices.Clone(v.Members)
	slices.SortFunc(members, func(a, b Member) int { return compareNames(a.Name, b.Name) })
	b = append(b, '{')
	for i, m := range members {
		if i > 0 {
			if m.Name == members[i-1].Name {
				return nil, within(m.Name, &Error{Reason: "the name is given twice"})
			}
			b = append(b, ',')
		}
		b = append(appendString(b, m.Name), ':')
		var err error
		if b, err = m.Value.append(b); err != nil {
			return nil, within(m.Name, err)
		}
	}
	return append(b, '}'), nil
}

// within adds a reference token to the place of an error.
func within(name string, err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	return &Error{Pointer: "/" + EscapePointer(name) + e.Pointer, Reason: e.Reason}
}

// EscapePointer returns a name as a reference token of a JSON Pointer.
func EscapePointer(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

// compareNames orders names by their UTF-16 code units, as RFC 8785 demands. This is another order than that of their
// bytes if one has a character outside of the Basic Multilingual Plane.
func compareNames(a, b string) int {
	for a != "" && b != "" {
		x, n := utf8.DecodeRuneInString(a)
		y, m := utf8.DecodeRuneInString(b)
		if x != y {
			return slices.Compare(utf16.Encode([]rune{x}), utf16.Encode([]rune{y}))
		}
		a, b = a[n:], b[m:]
	}
	return cmp.Compare(len(a), len(b))
}

func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, '\\', 'b')
		case '\f':
			b = append(b, '\\', 'f')
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			if c < ' ' {
				b = fmt.Appendf(b, `\u%04x`, c)
			} else {
				b = append(b, c)
			}
		}
	}
	return append(b, '"')
}
