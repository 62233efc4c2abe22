package callback

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
)

// encodeJSON returns fields as a JSON object, as json.Encoder writes it without HTML escapes: names in alphabetical
// order. The usual fields are short texts, which are encoded without reflection.
func encodeJSON(fields object) ([]byte, error) {
	slices.SortFunc(fields, func(a, b member) int { return strings.Compare(a.name, b.name) })
	text := append(make([]byte, 0, 1<<10), '{')
	for i := range fields {
		if i > 0 {
			text = append(text, ',')
		}
		var err error
		if text, err = appendString(text, fields[i].name); err != nil {
			return nil, err
		}
		if text, err = appendMember(append(text, ':'), &fields[i]); err != nil {
			return nil, err
		}
	}
	return append(text, '}'), nil
}

// appendMember appends the value of a member.
func appendMember(text []byte, m *member) ([]byte, error) {
	if m.isText {
		return appendString(text, m.text)
	}
	switch v := m.value.(type) {
	case bool:
		return strconv.AppendBool(text, v), nil
	case string:
		return appendString(text, v)
	}
	return appendAny(text, m.value)
}

// appendString appends a text.
func appendString(text []byte, s string) ([]byte, error) {
	if isPlainText(s) {
		return append(append(append(text, '"'), s...), '"'), nil
	}
	return appendAny(text, s)
}

// appendAny appends a value as package encoding/json writes it.
func appendAny(text []byte, value any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return nil, approval.WithReasonCode(approval.ReasonInvalidAnswer, errors.New("the answer cannot be written as JSON"))
	}
	return append(text, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...), nil
}

// isPlainText reports whether a text is in JSON as it is: ASCII without quotes, backslashes and control characters.
func isPlainText(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
