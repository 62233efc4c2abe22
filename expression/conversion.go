package expression

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// AsText returns a value as text: a number as it was written, bools as true and false. A number that the expression has
// calculated has no exponent. For objects, lists, times and bytes it returns an error.
func AsText(v any) (string, error) {
	switch x := v.(type) {
	case string:
		return x, nil
	case bool:
		return strconv.FormatBool(x), nil
	case int64:
		return strconv.FormatInt(x, 10), nil
	case uint64:
		return strconv.FormatUint(x, 10), nil
	case json.Number:
		return string(x), nil
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64), nil
	}
	return "", fmt.Errorf("must be a text, is %s", describeType(v))
}

// errInexactID is the error of an ID that is a number with a fraction or an exponent. A program that holds IDs as
// floating-point numbers writes 42.0 for 42, and 1.2345678901234568e+22 for an ID that it has rounded.
var errInexactID = errors.New("is a number with a fraction or an exponent, so it may have been rounded: " +
	"send it as digits only, or as a text in quotes")

// AsID returns a value as the text of an ID or of a name. Numbers must be whole and written as digits only, of any
// length: they are exact. True and false are no IDs.
func AsID(v any) (string, error) {
	switch x := v.(type) {
	case bool:
		return "", errors.New("must be a text, is true or false")
	case json.Number:
		if !isDigits(x) {
			return "", errInexactID
		}
	case float64:
		if x != math.Trunc(x) || math.Abs(x) > 1<<53 || x == 0 && math.Signbit(x) {
			return "", errInexactID
		}
	}
	return AsText(v)
}

// AsIDList returns a value as a list of IDs. A single value becomes a list with a single ID.
func AsIDList(v any) ([]string, error) {
	items, ok := v.([]any)
	if !ok {
		text, err := AsID(v)
		return []string{text}, err
	}
	out := make([]string, 0, len(items))
	for i, item := range items {
		text, err := AsID(item)
		if err != nil {
			return nil, fmt.Errorf("number %d %w", i+1, err)
		}
		out = append(out, text)
	}
	return out, nil
}

// describeType names the type of a value for an error, in the terms of JSON.
func describeType(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "a text"
	case bool:
		return "true or false"
	case int64, uint64, float64, json.Number:
		return "a number"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	case time.Time:
		return "a timestamp: write string(…)"
	case time.Duration:
		return "a duration: write string(…)"
	}
	return fmt.Sprintf("a %T", v)
}

// AsShownText returns a value as a text for people, such as a comment: a text or number as AsText does, and a list or
// object as JSON.
func AsShownText(v any) (string, error) {
	switch v.(type) {
	case []any, map[string]any:
		var b strings.Builder
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(v); err != nil {
			return "", errors.New("cannot be written as JSON")
		}
		return strings.TrimSuffix(b.String(), "\n"), nil
	}
	return AsText(v)
}
