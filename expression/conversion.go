package expression

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
)

// AsText returns a value as text: whole numbers without a decimal point or exponent, bools as true and false. For
// objects, lists, times and bytes it returns an error.
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
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64), nil
	}
	return "", fmt.Errorf("must be a text, is %s", describeType(v))
}

// AsTextList returns a value as a list of texts. A single value becomes a list with a single text.
func AsTextList(v any) ([]string, error) {
	items, ok := v.([]any)
	if !ok {
		text, err := AsText(v)
		return []string{text}, err
	}
	out := make([]string, 0, len(items))
	for i, item := range items {
		text, err := AsText(item)
		if err != nil {
			return nil, fmt.Errorf("number %d %w", i+1, err)
		}
		out = append(out, text)
	}
	return out, nil
}

// maxSeconds is 31 years. Step Functions waits for a year at most.
const maxSeconds = 1e9

// AsDuration returns a number of seconds, or a text such as "90s" or "90", as a duration. It may be negative. Its
// absolute value is less than 1,000,000,000 seconds.
func AsDuration(v any) (time.Duration, error) {
	var seconds float64
	switch x := v.(type) {
	case int64:
		seconds = float64(x)
	case uint64:
		seconds = float64(x)
	case float64:
		seconds = x
	case time.Duration:
		seconds = x.Seconds()
	case string:
		d, err := time.ParseDuration(x)
		if seconds = d.Seconds(); err != nil {
			if seconds, err = strconv.ParseFloat(x, 64); err != nil {
				return 0, errors.New("must be a number of seconds")
			}
		}
	default:
		return 0, fmt.Errorf("must be a number of seconds, is %s", describeType(v))
	}
	if !(math.Abs(seconds) < maxSeconds) { // also true for NaN
		return 0, errors.New("must be fewer than 1,000,000,000 seconds")
	}
	return time.Duration(math.Round(seconds * float64(time.Second))), nil
}

// AsTime returns a text in RFC 3339, or a number of seconds or milliseconds since 1970, as a time in UTC. Numbers of
// 1e11 and more are milliseconds. Times that a record cannot contain are refused: RFC 3339 allows years outside of 1 to
// 9999 after the conversion to UTC.
func AsTime(v any) (time.Time, error) {
	switch x := v.(type) {
	case time.Time:
		return x, nil
	case string:
		t, err := time.Parse(time.RFC3339Nano, x)
		if err != nil { // CodePipeline leaves out the seconds
			t, err = time.Parse("2006-01-02T15:04Z07:00", x)
		}
		if t = t.UTC(); err != nil || t.Year() < 1 || t.Year() > 9999 {
			return time.Time{}, errors.New("must be a time in RFC 3339, such as 2026-01-31T12:00:00Z")
		}
		return t, nil
	case int64:
		return timeFromEpoch(float64(x))
	case uint64:
		return timeFromEpoch(float64(x))
	case float64:
		return timeFromEpoch(x)
	}
	return time.Time{}, fmt.Errorf("must be a time, is %s", describeType(v))
}

// timeFromEpoch tells seconds from milliseconds by their size: 1e11 seconds are the year 5138, 1e11 milliseconds the
// year 1973. The precision of a float64 of seconds is a quarter of a microsecond, so the result is rounded to
// microseconds.
func timeFromEpoch(n float64) (time.Time, error) {
	const (
		milliseconds = 1e11
		end          = 1e14
	)
	if !(n > 0 && n < end) {
		return time.Time{}, errors.New("must be seconds or milliseconds since 1970")
	}
	whole, part := math.Modf(n)
	at := time.Unix(int64(whole), 0)
	unit := time.Second
	if n >= milliseconds {
		at = time.UnixMilli(int64(whole))
		unit = time.Millisecond
	}
	return at.Add(time.Duration(part * float64(unit)).Round(time.Microsecond)).UTC(), nil
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
	case int64, uint64, float64:
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
