package expression

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// maxSeconds is 31 years. Step Functions waits for a year at most.
const maxSeconds = 1e9

// Errors of durations.
var (
	errDuration = errors.New("must be a number of seconds, or a duration such as 1h30m or PT1H30M")
	errCalendar = errors.New("has years or months, which have no fixed length: write days, as in P30D")
	errTooLong  = errors.New("must be fewer than 1,000,000,000 seconds")
)

// AsDuration returns a duration. It is a number of seconds, or a text: a number of seconds ("90"), hours, minutes and
// seconds ("1h30m", "1d"), or ISO 8601 ("PT1H30M", "P1D"). It may be negative. Its absolute value is less than
// 1,000,000,000 seconds.
func AsDuration(v any) (time.Duration, error) {
	switch x := v.(type) {
	case int64:
		return durationOf(float64(x))
	case uint64:
		return durationOf(float64(x))
	case float64:
		return durationOf(x)
	case json.Number:
		return parseSeconds(string(x))
	case time.Duration:
		return durationOf(x.Seconds())
	case string:
		return parseDuration(strings.TrimSpace(x))
	}
	return 0, fmt.Errorf("must be a number of seconds, is %s", describeType(v))
}

func durationOf(seconds float64) (time.Duration, error) {
	if !(math.Abs(seconds) < maxSeconds) { // also true for NaN
		return 0, errTooLong
	}
	return time.Duration(math.Round(seconds * float64(time.Second))), nil
}

var (
	decimal     = regexp.MustCompile(`^[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?$`)
	isoDuration = regexp.MustCompile(`^([+-])?P(?:([0-9]+)W)?(?:([0-9]+)D)?(?:T(?:([0-9.]+)H)?(?:([0-9.]+)M)?(?:([0-9.]+)S)?)?$`)
	isoCalendar = regexp.MustCompile(`^[+-]?P[0-9.WD]*[0-9.]+[YM]`)
	days        = regexp.MustCompile(`^([+-]?[0-9]+)d(.*)$`)
)

func parseSeconds(text string) (time.Duration, error) {
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, errTooLong
	}
	return durationOf(seconds)
}

func parseDuration(text string) (time.Duration, error) {
	switch iso := strings.ReplaceAll(strings.ToUpper(text), ",", "."); {
	case decimal.MatchString(text):
		return parseSeconds(text)
	case isoCalendar.MatchString(iso):
		return 0, errCalendar
	case isoDuration.MatchString(iso) && !strings.HasSuffix(iso, "P") && !strings.HasSuffix(iso, "T"):
		return parseISODuration(isoDuration.FindStringSubmatch(iso))
	}
	var seconds float64
	if match := days.FindStringSubmatch(text); match != nil {
		n, err := strconv.ParseFloat(match[1], 64)
		if err != nil || n < 0 && match[2] != "" {
			return 0, errDuration
		}
		seconds, text = 24*3600*n, match[2]
	}
	if text != "" || seconds == 0 {
		d, err := time.ParseDuration(text)
		if err != nil {
			return 0, errDuration
		}
		seconds += d.Seconds()
	}
	return durationOf(seconds)
}

// parseISODuration returns the duration of a match of isoDuration.
func parseISODuration(match []string) (time.Duration, error) {
	seconds := 0.0
	for i, unit := range []float64{7 * 24 * 3600, 24 * 3600, 3600, 60, 1} {
		text := match[i+2]
		if text == "" {
			continue
		}
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return 0, errDuration
		}
		seconds += n * unit
	}
	if match[1] == "-" {
		seconds = -seconds
	}
	return durationOf(seconds)
}
