package callback

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"

	"github.com/approval-relay/approval-relay/approval"
)

// encodeJSON returns fields as a JSON object, as json.Encoder writes it without HTML escapes: names in alphabetical
// order. The usual fields are short texts, which are encoded without reflection.
func encodeJSON(fields map[string]any) ([]byte, error) {
	names := slices.AppendSeq(make([]string, 0, len(fields)), maps.Keys(fields))
	slices.Sort(names)
	text := append(make([]byte, 0, 1<<10), '{')
	for i, name := range names {
		if i > 0 {
			text = append(text, ',')
		}
		var err error
		if text, err = appendString(text, name); err != nil {
			return nil, err
		}
		if text, err = appendJSON(append(text, ':'), fields[name]); err != nil {
			return nil, err
		}
	}
	return append(text, '}'), nil
}

// appendJSON appends a value.
func appendJSON(text []byte, value any) ([]byte, error) {
	switch v := value.(type) {
	case bool:
		return strconv.AppendBool(text, v), nil
	case string:
		return appendString(text, v)
	}
	return appendAny(text, value)
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
