package details

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// hiddenValue stands in a text for a value that is hidden.
const hiddenValue = "(hidden)"

// valueWriter writes a value of a body as a text for approvers. Values that look like secrets are hidden.
type valueWriter struct {
	secrets *Secrets
	token   string // the task token or callback URL
	path    string // of the value
	hidden  leftOut
}

// text returns a value as text. Each object in a list has a line.
func (w *valueWriter) text(v any) string {
	switch x := v.(type) {
	case string:
		if w.isSecret(x, w.path) {
			w.hidden.add(w.path, 1)
			return hiddenValue
		}
		return x
	case []any:
		return w.list(x)
	case map[string]any:
		return w.members(x, w.path)
	}
	return w.inline(v, w.path)
}

func (w *valueWriter) isSecret(text, path string) bool {
	if w.token != "" && strings.Contains(text, w.token) {
		return true
	}
	return w.secrets.isSecretText(path[strings.LastIndexByte(path, '.')+1:], path, text)
}

// list returns the items of a list, on a single line if they are plain values.
func (w *valueWriter) list(items []any) string {
	separator := ", "
	var texts []string
	for i, item := range items {
		path := extendPath(w.path, "", fmt.Sprintf("[%d]", i))
		if object, ok := item.(map[string]any); ok {
			separator = "\n"
			texts = append(texts, w.members(object, path))
			continue
		}
		if _, ok := item.([]any); ok {
			separator = "\n"
		}
		texts = append(texts, w.inline(item, path))
	}
	return strings.Join(texts, separator)
}

// members returns the members of an object: "price: 19.90, sku: A-1".
func (w *valueWriter) members(object map[string]any, path string) string {
	var texts []string
	for _, name := range sortedKeys(object) {
		inner := extendPath(path, ".", name)
		if w.secrets.isSecretName(name, inner, object[name]) {
			w.hidden.add(inner, countLeaves(object[name]))
			continue
		}
		texts = append(texts, quote(name)+": "+w.inline(object[name], inner))
	}
	return strings.Join(texts, ", ")
}

// inline returns a value within another one.
func (w *valueWriter) inline(v any, path string) string {
	switch x := v.(type) {
	case nil:
		return "null"
	case string:
		if w.isSecret(x, path) {
			w.hidden.add(path, 1)
			return hiddenValue
		}
		return quote(x)
	case map[string]any:
		return "{" + w.members(x, path) + "}"
	case []any:
		texts := make([]string, 0, len(x))
		for i, item := range x {
			texts = append(texts, w.inline(item, extendPath(path, "", fmt.Sprintf("[%d]", i))))
		}
		return "[" + strings.Join(texts, ", ") + "]"
	case []byte:
		return base64.StdEncoding.EncodeToString(x)
	case time.Time:
		return x.Format(time.RFC3339Nano)
	}
	if text, ok := ScalarText(v); ok {
		return text
	}
	return fmt.Sprint(v) // a duration
}

// quote returns a text within another value. It has quotes if it could be read as more than one value.
func quote(text string) string {
	if text != "" && !strings.ContainsAny(text, ",:{}[]\"\n\r\u2028\u2029") && strings.TrimSpace(text) == text {
		return text
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // a text can always be encoded
	return strings.TrimSuffix(b.String(), "\n")
}

// ScalarText returns the text of a JSON text, number or truth value. It returns false for an empty text and for all
// other values.
func ScalarText(v any) (string, bool) {
	switch x := v.(type) {
	case string:
		return x, x != ""
	case bool:
		return strconv.FormatBool(x), true
	case fmt.Stringer: // json.Number
		return x.String(), true
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64), true
	case int64:
		return strconv.FormatInt(x, 10), true
	case uint64:
		return strconv.FormatUint(x, 10), true
	}
	return "", false
}
