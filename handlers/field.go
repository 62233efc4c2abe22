package handlers

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
)

// Field finds a value in an input. The zero Field finds no value.
type Field[T any] struct {
	// Find returns the value, or false if the input does not have it.
	Find func(Input) (T, bool, error)
	// Locate returns the expression that finds the value. If there is none, it returns the expression whose place the
	// input has without a value, and empty is true. It returns "" if the input has no place of the field. A field
	// without Locate is never located.
	Locate func(Input) (source string, empty bool)
	// Expressions are the configured expressions, in the order of evaluation. They are for messages.
	Expressions []string
}

// findField evaluates a field.
func findField[T any](name string, f Field[T], in Input) (value T, found bool, err error) {
	if f.Find == nil {
		return value, false, nil
	}
	value, found, err = f.Find(in)
	if err != nil {
		return value, false, approval.InvalidField(name, "%s", err)
	}
	return value, found, nil
}

// locateField returns the expression that finds a field, see Field.Locate. It is cut for messages.
func locateField[T any](f Field[T], in Input) (source string, empty bool) {
	if f.Locate == nil {
		return "", false
	}
	source, empty = f.Locate(in)
	return cutExpression(source), empty
}

// runSteps runs steps until one returns an error. With it, a handler lists the fields that it reads.
func runSteps(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// readInto returns a step that reads a field into a variable. The variable keeps its value if the input does not have
// the field.
func readInto[T any](name string, f Field[T], in Input, to *T) func() error {
	return func() error {
		v, found, err := findField(name, f, in)
		if err == nil && found {
			*to = v
		}
		return err
	}
}

// Limits of the list of expressions in a message.
const (
	maxExpressions = 12
	maxExpression  = 60 // characters
)

// missingField returns the error of a required field that the input does not have. It names the expressions that were
// tried, so that the sender can compare them with the message.
func missingField(name, reason string, expressions []string) error {
	var tried []string
	for _, e := range expressions[:min(len(expressions), maxExpressions)] {
		tried = append(tried, cutExpression(e))
	}
	if len(expressions) > maxExpressions {
		tried = append(tried, "…")
	}
	if len(tried) == 0 {
		return approval.InvalidField(name, "%s", reason)
	}
	return approval.InvalidField(name, "%s; looked for in %s", reason, strings.Join(tried, ", "))
}

// cutExpression returns the beginning of an expression.
func cutExpression(e string) string {
	if runes := []rune(e); len(runes) > maxExpression {
		return string(runes[:maxExpression]) + "…"
	}
	return e
}

// scalarText returns the text of a JSON text, number or truth value. It returns false for an empty text and for all
// other values.
func scalarText(v any) (string, bool) {
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

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// jsonSize returns the length of v as JSON, in bytes. v was read from JSON.
func jsonSize(v any) int {
	b, _ := json.Marshal(v)
	return len(b)
}
