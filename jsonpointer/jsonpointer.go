// Package jsonpointer finds and replaces parts of a JSON document by their JSON Pointer (RFC 6901), such as
// "/purchase/total". Values keep the text that they have in the document, so that no number loses digits.
package jsonpointer

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// Limits of a pointer.
const (
	maxLength = 512
	maxDepth  = 32
)

// Parse returns the reference tokens of a pointer, without its escapes. The empty pointer is the whole document and has
// no tokens.
func Parse(pointer string) ([]string, error) {
	switch {
	case pointer == "":
		return nil, nil
	case pointer[0] != '/':
		return nil, errors.New("is no JSON Pointer; it begins with /, such as /purchase/total")
	case len(pointer) > maxLength:
		return nil, errors.New("is longer than 512 bytes")
	}
	tokens := strings.Split(pointer[1:], "/")
	if len(tokens) > maxDepth {
		return nil, errors.New("is deeper than 32 levels")
	}
	for i, token := range tokens {
		rest := strings.NewReplacer("~0", "", "~1", "").Replace(token)
		if strings.Contains(rest, "~") {
			return nil, errors.New("has a ~ that is neither ~0 nor ~1")
		}
		tokens[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
	}
	return tokens, nil
}

// Join returns the pointer of reference tokens.
func Join(tokens ...string) string {
	var b strings.Builder
	for _, token := range tokens {
		b.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(token))
	}
	return b.String()
}

// Find returns the part of a document at a pointer. It returns false if there is none, or if the pointer or the document
// is not valid.
func Find(document json.RawMessage, pointer string) (json.RawMessage, bool) {
	tokens, err := Parse(pointer)
	if err != nil {
		return nil, false
	}
	for _, token := range tokens {
		var found bool
		if document, found = step(document, token); !found {
			return nil, false
		}
	}
	return bytes.TrimSpace(document), len(document) > 0
}

// step returns the member of an object, or the item of a list.
func step(value json.RawMessage, token string) (json.RawMessage, bool) {
	members, items := open(value)
	if members != nil {
		member, found := members[token]
		return member, found
	}
	i, ok := itemIndex(token, len(items))
	if !ok {
		return nil, false
	}
	return items[i], true
}

// open returns the members of an object or the items of a list. It returns neither for other values.
func open(value json.RawMessage) (members map[string]json.RawMessage, items []json.RawMessage) {
	value = bytes.TrimSpace(value)
	switch {
	case len(value) == 0:
	case value[0] == '{':
		if json.Unmarshal(value, &members) != nil {
			return nil, nil
		}
	case value[0] == '[':
		if json.Unmarshal(value, &items) != nil {
			return nil, nil
		}
	}
	return members, items
}

// itemIndex reads the index of an item: digits without leading zeros.
func itemIndex(token string, length int) (int, bool) {
	i, err := strconv.Atoi(token)
	if err != nil || strconv.Itoa(i) != token || i < 0 || i >= length {
		return 0, false
	}
	return i, true
}

// Replace returns the document with another value at a pointer. There must be a value already: an object does not grow.
// The members of the objects on the way are sorted by their names.
func Replace(document json.RawMessage, pointer string, value json.RawMessage) (json.RawMessage, error) {
	tokens, err := Parse(pointer)
	if err != nil {
		return nil, err
	}
	return replace(document, tokens, value)
}

var errNothingThere = errors.New("has nothing at this place")

func replace(document json.RawMessage, tokens []string, value json.RawMessage) (json.RawMessage, error) {
	if len(tokens) == 0 {
		return value, nil
	}
	members, items := open(document)
	if i, ok := itemIndex(tokens[0], len(items)); ok && members == nil {
		inner, err := replace(items[i], tokens[1:], value)
		if err != nil {
			return nil, err
		}
		items[i] = inner
		return encode(items)
	}
	member, found := members[tokens[0]]
	if !found {
		return nil, errNothingThere
	}
	inner, err := replace(member, tokens[1:], value)
	if err != nil {
		return nil, err
	}
	members[tokens[0]] = inner
	return encode(members)
}

// encode returns a value as JSON, with its characters as they are.
func encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(b.Bytes()), nil
}

// Overlap reports whether two pointers are equal, or either is within the other.
func Overlap(a, b string) bool {
	return a == b || strings.HasPrefix(a, b+"/") || strings.HasPrefix(b, a+"/")
}
