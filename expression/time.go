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

// Errors of times. They name what is missing, and never quote the text.
var (
	errTime     = errors.New("must be a time such as 2026-01-31T12:00:00Z (RFC 3339), or seconds or milliseconds since 1970")
	errNoZone   = errors.New("is a time without a zone: add Z for UTC, or an offset as in 2026-01-31T12:00:00+01:00")
	errZoneName = errors.New("has a zone in letters other than UTC, GMT and Z, which stand for several offsets: " +
		"write the offset, as in 2026-01-31T12:00:00+01:00")
	errNoTime   = errors.New("is a date without a time and a zone: write 2026-01-31T12:00:00Z")
	errNoDate   = errors.New("is a time without a date: write 2026-01-31T12:00:00Z")
	errDayMonth = errors.New("is a date whose day and month can be taken for each other: write 2026-01-31T12:00:00Z")
	errNotTime  = errors.New("is a duration, and must be a time such as 2026-01-31T12:00:00Z")
	errEpoch    = errors.New("must be seconds, milliseconds, microseconds or nanoseconds since 1970, from 1998 to 2286")
	errRange    = errors.New("is a time outside of the years 1 to 9999, or of no calendar")
)

// AsTime returns a time in UTC. It takes
//   - RFC 3339 in every spelling: t, z or a space instead of T, Z and T; +0000 or +00 for +00:00; any number of
//     decimals, after a point or comma; without seconds; and the basic format 20260131T120000Z;
//   - the dates of HTTP and mail (RFC 1123), and those of JavaScript and of date(1);
//   - the time since 1970, as a number or text, in seconds, milliseconds, microseconds or nanoseconds: see epochUnits;
//   - /Date(1769860800000)/ of the .NET Framework.
//
// A time that a reader could take for several is refused, with the part that is missing. So are times that a record
// cannot contain.
func AsTime(v any) (time.Time, error) {
	switch x := v.(type) {
	case time.Time:
		return x, nil
	case string:
		return parseTime(strings.TrimSpace(x))
	case int64:
		return parseEpoch(strconv.FormatInt(x, 10))
	case uint64:
		return parseEpoch(strconv.FormatUint(x, 10))
	case json.Number:
		return parseEpoch(string(x))
	case float64:
		return parseEpoch(strconv.FormatFloat(x, 'f', 6, 64)) // a float64 of seconds has no more decimals
	}
	return time.Time{}, fmt.Errorf("must be a time, is %s", describeType(v))
}

// epochUnits are the units of the time since 1970, told apart by the number: each reaches from July 1998 to November
// 2286, so they do not overlap. Digits of a date, such as 20260131 or 20260131120000, are in none of these ranges.
var epochUnits = []int64{1, 1e3, 1e6, 1e9} // a second

// The range of times since 1970, in seconds.
const (
	minEpoch = 9e8
	maxEpoch = 1e10
)

// parseEpoch returns the time of a number since 1970. All its digits down to the nanosecond count.
func parseEpoch(text string) (time.Time, error) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return time.Time{}, errEpoch
	}
	if strings.ContainsAny(text, "eE") {
		text = strconv.FormatFloat(f, 'f', 6, 64)
	}
	whole, fraction, _ := strings.Cut(text, ".")
	for _, perSecond := range epochUnits {
		if !(f >= minEpoch*float64(perSecond) && f < maxEpoch*float64(perSecond)) {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimPrefix(whole, "+"), 10, 64)
		if err != nil { // nanoseconds end in 2262
			return time.Time{}, errEpoch
		}
		part, _ := strconv.ParseFloat("0."+fraction, 64)
		nanoseconds := 1e9 / perSecond
		rest := (n%perSecond)*nanoseconds + int64(math.Round(part*float64(nanoseconds)))
		return time.Unix(n/perSecond, rest).UTC(), nil
	}
	return time.Time{}, errEpoch
}

const (
	clock = `(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d+))?)?`
	zone  = `(?P<zone>[Zz]|(?:UTC|GMT|UT)?[+-]\d{2}(?::?\d{2})?|[A-Za-z]{2,5})?`
	// zoneNote follows an offset: [Europe/Berlin] of RFC 9557 and Java, (CET) of mail and JavaScript, or a name.
	zoneNote = `(?:\s*\[[^\]]*\]|\s*\([^)]*\)|\s+[A-Z]{2,5})?`
	weekday  = `(?:[A-Za-z]{3,9},?\s+)?`
	month    = `(?P<month>[A-Za-z]{3})[a-z]*`
)

// timeForms are the forms of a time with a date.
var timeForms = []*regexp.Regexp{
	regexp.MustCompile(`^(?P<year>\d{4})[-/]?(?P<month>\d{2})[-/]?(?P<day>\d{2})(?:[Tt]|\s+)` + // RFC 3339, ISO 8601
		`(?P<hour>\d{2}):?(?P<minute>\d{2})(?::?(?P<second>\d{2})(?:[.,](?P<fraction>\d+))?)?\s*` + zone + zoneNote + `$`),
	regexp.MustCompile(`^` + weekday + `(?P<day>\d{1,2})[ -]` + month + `[ -](?P<year>\d{4}|\d{2}),?\s+` + clock + // HTTP, mail
		`\s*` + zone + zoneNote + `$`),
	regexp.MustCompile(`^` + weekday + month + `\s+(?P<day>\d{1,2}),?\s+(?P<year>\d{4}),?\s+` + clock + // JavaScript
		`\s*` + zone + zoneNote + `$`),
	regexp.MustCompile(`^` + weekday + month + `\s+(?P<day>\d{1,2})\s+` + clock + // date(1), ctime
		`\s+(?:` + zone + `\s+)?(?P<year>\d{4})$`),
}

// faultyForms are the forms of texts with a part of a time, with their error.
var faultyForms = []struct {
	form *regexp.Regexp
	err  error
}{
	{regexp.MustCompile(`^\d{4}[-/.]?\d{2}[-/.]?\d{2}[Zz]?$`), errNoTime},
	{regexp.MustCompile(`^\d{1,2}[/.-]\d{1,2}[/.-](\d{4}|\d{2})\b`), errDayMonth},
	{regexp.MustCompile(`^[Tt]?\d{1,2}:\d{2}\b`), errNoDate},
	{regexp.MustCompile(`^[+-]?[Pp][0-9TtDdWwYyMmHhSs.,]*$`), errNotTime},
}

// dotNetTime is the form in which serializers of the .NET Framework write a time. The offset is that of their machine, and
// changes nothing.
var dotNetTime = regexp.MustCompile(`^/Date\((\d+)(?:[+-]\d{4})?\)/$`)

// maxTimeText bounds the text of a time, in bytes. JavaScript's have about 70.
const maxTimeText = 200

func parseTime(text string) (time.Time, error) {
	text = strings.ReplaceAll(text, "\u2212", "-") // ISO 8601 has the minus sign too
	if len(text) > maxTimeText {
		return time.Time{}, errTime
	}
	for _, form := range timeForms {
		if match := form.FindStringSubmatch(text); match != nil {
			return timeOf(func(name string) string { return match[form.SubexpIndex(name)] })
		}
	}
	for _, f := range faultyForms {
		if f.form.MatchString(text) {
			return time.Time{}, f.err
		}
	}
	if match := dotNetTime.FindStringSubmatch(text); match != nil {
		text = match[1]
	}
	if decimal.MatchString(text) {
		return parseEpoch(text)
	}
	return time.Time{}, errTime
}

// timeOf returns the time with these parts. Parts that the text does not have are empty.
func timeOf(part func(name string) string) (time.Time, error) {
	number := func(name string) int {
		n, _ := strconv.Atoi(part(name)) // a few digits, or nothing
		return n
	}
	location, err := parseZone(part("zone"))
	if err != nil {
		return time.Time{}, err
	}
	year, day := number("year"), number("day")
	if len(part("year")) == 2 { // RFC 5322, section 4.3
		if year += 1900; year < 1950 {
			year += 100
		}
	}
	hour, minute, second := number("hour"), number("minute"), number("second")
	fraction := (part("fraction") + "000000000")[:9]
	nanosecond, _ := strconv.Atoi(fraction)
	m := monthOf(part("month"))
	at := time.Date(year, m, day, hour, minute, second, nanosecond, location)
	isDate := time.Date(year, m, day, 0, 0, 0, 0, time.UTC).Day() == day
	// 60 is a leap second.
	if m == 0 || !isDate || hour > 23 || minute > 59 || second > 60 {
		return time.Time{}, errRange
	}
	if at = at.UTC(); at.Year() < 1 || at.Year() > 9999 {
		return time.Time{}, errRange
	}
	return at, nil
}

// monthOf returns the month of a number or name, or 0.
func monthOf(text string) time.Month {
	if n, err := strconv.Atoi(text); err == nil && n >= 1 && n <= 12 {
		return time.Month(n)
	}
	for m := time.January; m <= time.December; m++ {
		if strings.EqualFold(text, m.String()[:3]) {
			return m
		}
	}
	return 0
}

// parseZone returns the location of a zone. Letters stand for several offsets, except those for UTC.
func parseZone(text string) (*time.Location, error) {
	switch strings.ToUpper(text) {
	case "", "AM", "PM":
		return nil, errNoZone
	case "Z", "UTC", "GMT", "UT":
		return time.UTC, nil
	}
	i := strings.IndexAny(text, "+-")
	if i < 0 {
		return nil, errZoneName
	}
	digits := (strings.ReplaceAll(text[i+1:], ":", "") + "00")[:4]
	hours, _ := strconv.Atoi(digits[:2])
	minutes, _ := strconv.Atoi(digits[2:])
	if hours > 23 || minutes > 59 {
		return nil, errRange
	}
	seconds := 3600*hours + 60*minutes
	if text[i] == '-' {
		seconds = -seconds
	}
	return time.FixedZone("", seconds), nil
}
