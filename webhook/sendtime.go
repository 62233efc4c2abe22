package webhook

import (
	"net/http"
	"strconv"
	"time"

	"github.com/approval-relay/approval-relay/refusal"
)

// checkSendTime checks a time of sending, from the named header, against our time.
func checkSendTime(name, format, text string, now time.Time, tolerance time.Duration) error {
	sent, ok := parseSendTime(format, text)
	if !ok {
		return refuse(refusal.Malformed, name, "the time of sending in the header %s is not in %s", name, timeFormatText(format))
	}
	return checkAge(name, "the header "+name, now.Sub(sent), tolerance, tolerance)
}

// sendTimeLayouts are the forms of a time that is no number, with auto: RFC 3339, as programs also write it, and the
// dates of HTTP and mail. Decimals of a second may be in each.
var sendTimeLayouts = []string{
	time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05Z0700", "20060102T150405Z0700",
	http.TimeFormat, time.RFC1123Z,
}

// parseSendTime reads a time in a format of HMACSettings.TimestampFormat. With auto, a number above maxUnixSeconds is
// in milliseconds. Numbers have no other units: where nothing separates the time from the body that is signed with it,
// digits of the one could be taken for digits of the other.
func parseSendTime(format, text string) (time.Time, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	isNumber := err == nil && n >= 0 && n <= maxUnixSeconds*1000 && strconv.FormatInt(n, 10) == text
	switch {
	case isNumber && n <= maxUnixSeconds && (format == "unix" || format == "auto"):
		return time.Unix(n, 0), true
	case isNumber && (format == "unix_ms" || format == "auto"):
		return time.UnixMilli(n), true
	case !isNumber && format == "rfc3339":
		return parseLayouts(text, time.RFC3339)
	case !isNumber && format == "auto":
		return parseLayouts(text, sendTimeLayouts...)
	}
	return time.Time{}, false
}

func parseLayouts(text string, layouts ...string) (time.Time, bool) {
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// maxUnixSeconds is in the year 5138. As milliseconds it is in 1973.
const maxUnixSeconds = 100_000_000_000

func timeFormatText(format string) string {
	switch format {
	case "unix":
		return "Unix seconds"
	case "unix_ms":
		return "Unix milliseconds"
	case "rfc3339":
		return "the format of RFC 3339"
	}
	return "Unix seconds, Unix milliseconds or the format of RFC 3339 or HTTP"
}

// checkAge refuses a message that was sent too long ago, or in our future.
func checkAge(field, place string, age, maxAge, maxAhead time.Duration) error {
	switch {
	case age > maxAge:
		return refuse(refusal.Stale, field, "the time of sending in %s is more than %s in the past", place, maxAge)
	case age < -maxAhead:
		return refuse(refusal.Stale, field, "the time of sending in %s is more than %s in the future", place, maxAhead)
	}
	return nil
}
