package expression

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strconv"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// native turns CEL's value into Go's.
func native(v ref.Val) (any, error) {
	switch x := v.(type) {
	case *types.Optional:
		if !x.HasValue() {
			return nil, nil
		}
		return native(x.GetValue())
	case types.Null:
		return nil, nil
	case traits.Lister:
		return convert[[]any](v)
	case traits.Mapper:
		return convert[map[string]any](v)
	}
	return v.Value(), nil
}

func convert[T any](v ref.Val) (any, error) { return v.ConvertToNative(reflect.TypeFor[T]()) }

// maxDepth bounds how deep a body nests; the documents of workflows nest a few
// levels.
const maxDepth = 64

// Decode reads a body: exactly one JSON object. Whole numbers become int64 or
// uint64, so that a long order ID is not rounded; others float64. A name that an
// object has twice is a fault: readers differ in which of the two they take.
func Decode(body []byte) (any, error) {
	v, err := decode(body)
	if err != nil {
		return nil, err
	}
	if _, ok := v.(map[string]any); !ok {
		return nil, errors.New("is no JSON object")
	}
	return v, nil
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
	f, err := n.Float64()
	if err != nil {
		return nil, errors.New("has a number that is too large")
	}
	return f, nil
}

// Text returns a value as text. Objects and lists have none.
func Text(v any) (string, error) {
	switch x := v.(type) {
	case string:
		return x, nil
	case bool:
		return strconv.FormatBool(x), nil
	case int64:
		return strconv.FormatInt(x, 10), nil
	case uint64:
		return strconv.FormatUint(x, 10), nil
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64), nil
	}
	return "", fmt.Errorf("must be a text, is %s", kind(v))
}

// List returns a value as a list of texts; a single text is a list of one.
func List(v any) ([]string, error) {
	items, ok := v.([]any)
	if !ok {
		text, err := Text(v)
		return []string{text}, err
	}
	out := make([]string, 0, len(items))
	for i, item := range items {
		text, err := Text(item)
		if err != nil {
			return nil, fmt.Errorf("number %d %w", i+1, err)
		}
		out = append(out, text)
	}
	return out, nil
}

// Duration returns a number of seconds, or a text such as "90s" or "90", as a
// duration.
func Duration(v any) (time.Duration, error) {
	var seconds float64
	switch x := v.(type) {
	case int64:
		seconds = float64(x)
	case uint64:
		seconds = float64(x)
	case float64:
		seconds = x
	case time.Duration:
		return x, nil
	case string:
		if d, err := time.ParseDuration(x); err == nil {
			return d, nil
		}
		f, err := strconv.ParseFloat(x, 64)
		if err != nil {
			return 0, errors.New("must be a number of seconds")
		}
		seconds = f
	default:
		return 0, fmt.Errorf("must be a number of seconds, is %s", kind(v))
	}
	if !(math.Abs(seconds) < 1e9) { // 31 years; Step Functions waits for one at most
		return 0, errors.New("must be fewer than 1,000,000,000 seconds")
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

// Time returns a text in RFC 3339, or a number of seconds or milliseconds since
// 1970, as a time.
func Time(v any) (time.Time, error) {
	switch x := v.(type) {
	case time.Time:
		return x, nil
	case string:
		t, err := time.Parse(time.RFC3339Nano, x)
		if err != nil {
			return t, errors.New("must be a time in RFC 3339, such as 2026-01-31T12:00:00Z")
		}
		return t, nil
	case int64:
		return epoch(float64(x))
	case uint64:
		return epoch(float64(x))
	case float64:
		return epoch(x)
	}
	return time.Time{}, fmt.Errorf("must be a time, is %s", kind(v))
}

// epoch tells seconds from milliseconds by their size: 1e11 seconds are the year
// 5138, 1e11 milliseconds 1973.
func epoch(n float64) (time.Time, error) {
	if n >= 1e11 {
		n /= 1000
	}
	if !(n > 0 && n < 1e11) {
		return time.Time{}, errors.New("must be a time after 1970")
	}
	whole, part := math.Modf(n)
	return time.Unix(int64(whole), int64(part*1e9)).UTC(), nil
}

func kind(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "a text"
	case bool:
		return "true or false"
	case int64, uint64, float64:
		return "a number"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return fmt.Sprintf("a %T", v)
}
