package expression

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// maxNumber bounds the length of a number, in characters. A number that a program calculates with has about 20.
const maxNumber = 1000

// parseNumber returns a JSON number. Whole numbers of 64 bits become int64 or uint64. Every other number stays as it was
// written, so that 19.90 is not shown as 19.9, and an ID of 30 digits is not rounded. Expressions calculate with it as
// with a float64.
func parseNumber(n json.Number) (any, error) {
	text := string(n)
	if len(text) > maxNumber {
		return nil, errors.New("has a number that is too long")
	}
	if isDigits(n) {
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			return i, nil
		}
		if u, err := strconv.ParseUint(text, 10, 64); err == nil {
			return u, nil
		}
	}
	if _, err := n.Float64(); err != nil {
		return nil, errors.New("has a number that is too large")
	}
	return n, nil
}

// isDigits reports whether a number was written as digits only, with or without a minus, so that it is exact.
func isDigits(n json.Number) bool {
	return n != "-0" && !strings.ContainsAny(string(n), ".eE")
}

// number is a JSON number in an expression that is not a whole number of 64 bits. It is a double that remembers how it
// was written. CEL's own operators know no such type, see keepNumbers.
type number struct {
	types.Double
	text json.Number
}

// Value implements ref.Val.
func (n number) Value() any { return n.text }

// ConvertToType implements ref.Val. Its text is the number as it was written.
func (n number) ConvertToType(t ref.Type) ref.Val {
	if t == types.StringType {
		return types.String(n.text)
	}
	return n.Double.ConvertToType(t)
}

// Equal implements ref.Val.
func (n number) Equal(other ref.Val) ref.Val { return n.Double.Equal(plainValue(other)) }

// numberAdapter gives the values of a body to CEL. Its numbers are as written.
type numberAdapter struct{ types.Adapter }

// NativeToValue implements types.Adapter.
func (a numberAdapter) NativeToValue(v any) ref.Val {
	switch x := v.(type) {
	case json.Number:
		f, err := x.Float64()
		if err != nil { // impossible after parseNumber
			return types.NewErr("number out of range")
		}
		return number{types.Double(f), x}
	case []any:
		return types.NewDynamicList(a, x)
	case map[string]any:
		return types.NewStringInterfaceMap(a, x)
	}
	return a.Adapter.NativeToValue(v)
}

// plainAdapter gives values to the comparisons of CEL. Its numbers are doubles, also in lists and objects.
type plainAdapter struct{ types.Adapter }

// NativeToValue implements types.Adapter.
func (a plainAdapter) NativeToValue(v any) ref.Val {
	switch x := v.(type) {
	case json.Number:
		f, _ := x.Float64()
		return types.Double(f)
	case []any:
		return types.NewDynamicList(a, x)
	case map[string]any:
		return types.NewStringInterfaceMap(a, x)
	case ref.Val:
		return a.plainCollection(x)
	}
	return a.Adapter.NativeToValue(v)
}

// plainCollection returns a value with plain numbers within. A list or object of the body costs nothing: its values are
// converted when they are read.
func (a plainAdapter) plainCollection(v ref.Val) ref.Val {
	switch v.Type() {
	case types.ListType, types.MapType:
		switch x := v.Value().(type) {
		case []any:
			return types.NewDynamicList(a, x)
		case []ref.Val:
			return types.NewRefValList(a, x)
		case map[string]any:
			return types.NewStringInterfaceMap(a, x)
		}
	}
	return plainValue(v)
}

// plainValue returns a number as the double that CEL calculates with, and every other value as it is.
func plainValue(v ref.Val) ref.Val {
	if n, ok := v.(number); ok {
		return n.Double
	}
	return v
}

// textValue returns a number as it was written, and every other value as it is.
func textValue(v ref.Val) ref.Val {
	if n, ok := v.(number); ok {
		return types.String(n.text)
	}
	return v
}
