package handlers

import (
	"encoding/json"
	"maps"
	"slices"

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

// readElse returns a step that reads further fields of another input, if the input does not have the first field. It
// reads nothing if the input has one of the places of the first field without a value: then the sender meant that place.
func readElse(name string, first Field[string], in Input, to *string, other Input, further ...Field[string]) func() error {
	return func() error {
		if source, _ := locateField(first, in); source != "" {
			return nil
		}
		for _, f := range further {
			if *to != "" {
				return nil
			}
			if err := readInto(name, f, other, to)(); err != nil {
				return err
			}
		}
		return nil
	}
}

func sortedKeys[V any](m map[string]V) []string {
	names := slices.AppendSeq(make([]string, 0, len(m)), maps.Keys(m))
	slices.Sort(names)
	return names
}

// jsonSize returns the length of v as JSON, in bytes. v was read from JSON.
func jsonSize(v any) int {
	b, _ := json.Marshal(v)
	return len(b)
}
