package expression

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestTimeFormats(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for _, v := range []any{
		"2026-01-31T12:00:00Z", "2026-01-31t12:00:00z", "2026-01-31 12:00:00Z", "2026-01-31 12:00:00+00",
		"2026-01-31 12:00:00 +0000", "2026-01-31T12:00:00+0000", "2026-01-31T12:00:00-00:00", "2026-01-31T13:00:00+01",
		"2026-01-31T06:30:00-0530", "2026-01-31T12:00Z", "2026-01-31T12:00:00.000Z", "2026-01-31T12:00:00,000+00:00",
		"2026-01-31T12:00:00.000000000000Z", "20260131T120000Z", "20260131T1300+01", "2026/01/31 12:00:00 UTC",
		"2026-01-31 12:00:00 +0000 UTC", "2026-01-31T13:00:00+01:00[Europe/Berlin]", " 2026-01-31T12:00:00Z\n",
		"2026-01-31T11:00:00\u221201:00", "Sat, 31 Jan 2026 12:00:00 GMT", "Sat, 31 Jan 2026 13:00:00 +0100 (CET)",
		"31 Jan 2026 12:00 +0000", "Saturday, 31-Jan-26 12:00:00 GMT", "Sat Jan 31 12:00:00 UTC 2026",
		"Sat Jan 31 2026 13:00:00 GMT+0100 (Central European Standard Time)", "January 31, 2026 12:00:00 UTC",
		"/Date(1769860800000)/", "/Date(1769860800000+0100)/",
		"2026-01-31T11:59:60Z", int64(1769860800), "1769860800", int64(1769860800000), "1769860800000",
		int64(1769860800000000), "1769860800000000", int64(1769860800000000000), "1769860800000000000",
		json.Number("1769860800.000"), "1769860800.0", json.Number("1.7698608e9"), 1769860800.0, json.Number("1769860800000.0"),
	} {
		if got, err := AsTime(v); err != nil || !got.Equal(noon) {
			t.Errorf("%v: %v, %v", v, got, err)
		}
	}
	half := noon.Add(500 * time.Millisecond)
	for _, v := range []any{
		"2026-01-31T12:00:00.5Z", "2026-01-31T12:00:00,5Z", "1769860800.5", json.Number("1769860800.5"), 1769860800.5,
		"1769860800500", "1769860800500.0", "Sat Jan 31 2026 12:00:00.5 GMT+0000",
	} {
		if got, err := AsTime(v); err != nil || !got.Equal(half) {
			t.Errorf("%v: %v, %v", v, got, err)
		}
	}
	if got, _ := AsTime(json.Number("1769860800.123456789")); got.Nanosecond() != 123456789 {
		t.Errorf("nanoseconds: %v", got)
	}
}

// A time that is not one for sure is refused, and the error names the part that is missing.
func TestTimesRefused(t *testing.T) {
	t.Parallel()
	for v, want := range map[any]error{
		"2026-01-31T12:00:00": errNoZone, "2026-01-31 12:00": errNoZone, "20260131T120000": errNoZone,
		"2026-01-31T12:00:00[Europe/Berlin]": errNoZone, "Sat, 31 Jan 2026 12:00:00": errNoZone,
		"Sat Jan 31 12:00:00 2026": errNoZone, "Jan 31, 2026, 12:00:00 PM": errNoZone,
		"2026-01-31T12:00:00 EST": errZoneName, "Sat, 31 Jan 2026 12:00:00 CST": errZoneName,
		"Sat Jan 31 12:00:00 IST 2026": errZoneName,
		"2026-01-31":                   errNoTime, "20260131": errNoTime, "2026/01/31": errNoTime, "2026-01-31Z": errNoTime,
		"31/01/2026": errDayMonth, "01/02/2026 12:00:00Z": errDayMonth, "1.2.2026": errDayMonth, "1-2-26": errDayMonth,
		"12:00:00Z": errNoDate, "12:00": errNoDate,
		"PT1H": errNotTime, "P1D": errNotTime,
		"2026-02-30T12:00:00Z": errRange, "2026-13-01T12:00:00Z": errRange, "2026-00-10T12:00:00Z": errRange,
		"2026-01-31T24:00:00Z": errRange, "2026-01-31T12:60:00Z": errRange, "2026-01-31T12:00:61Z": errRange,
		"Sat, 31 Foo 2026 12:00:00 GMT": errRange, "2025-02-29T00:00:00Z": errRange, "2026-01-31T12:00:00+01:75": errRange,
		int64(0): errEpoch, int64(-1769860800): errEpoch, "0": errEpoch, "-1769860800": errEpoch, "1": errEpoch,
		"20260131120000": errEpoch, int64(20260131): errEpoch, int64(202601311200): errEpoch, "1e400": errEpoch,
		json.Number("1e25"): errEpoch, int64(17698608000): errEpoch, uint64(9_500_000_000_000_000_000): errEpoch,
		"": errTime, "tomorrow": errTime, "now": errTime, "2026-W05-6T12:00:00Z": errTime, "2026-031T12:00:00Z": errTime,
		"NaN": errTime, "0x69": errTime, "1_769_860_800": errTime, "2026-1-31T12:00:00Z": errTime,
	} {
		if got, err := AsTime(v); !errors.Is(err, want) {
			t.Errorf("%v: %v, %v; want %v", v, got, err, want)
		}
	}
}

func TestDurationFormats(t *testing.T) {
	t.Parallel()
	for v, want := range map[any]time.Duration{
		"PT1H": time.Hour, "pt1h": time.Hour, "P1D": 24 * time.Hour, "P1DT2H3M4S": 26*time.Hour + 184*time.Second,
		"P2W": 14 * 24 * time.Hour, "PT1.5H": 90 * time.Minute, "PT0,5S": 500 * time.Millisecond, "-PT1M": -time.Minute,
		"1h": time.Hour, "1d": 24 * time.Hour, "1d12h": 36 * time.Hour, "3600": time.Hour, " 3600 ": time.Hour,
		"3600.0": time.Hour, int64(3600): time.Hour, json.Number("3600.0"): time.Hour, json.Number("3.6e3"): time.Hour,
		"1h30m": 90 * time.Minute, "-90s": -90 * time.Second, "PT0S": 0, "0": 0, "0s": 0,
	} {
		if got, err := AsDuration(v); err != nil || got != want {
			t.Errorf("%v: %v, %v", v, got, err)
		}
	}
	for v, want := range map[any]error{
		"P1M": errCalendar, "P1Y": errCalendar, "P1Y2DT1H": errCalendar, "P1DT": errDuration, "P": errDuration,
		"PT": errDuration, "1 hour": errDuration, "01:00:00": errDuration, "PT1.2.3S": errDuration, "": errDuration,
		"0x10": errDuration, "1_000": errDuration, "Inf": errDuration, "1e300": errTooLong, json.Number("1e9"): errTooLong,
		"P99999D": errTooLong, "-1d1h": errDuration, "2026-01-31T12:00:00Z": errDuration,
	} {
		if got, err := AsDuration(v); !errors.Is(err, want) {
			t.Errorf("%v: %v, %v; want %v", v, got, err, want)
		}
	}
}

// Every text is a time that a record can contain, or a fault.
func FuzzTimes(f *testing.F) {
	for _, text := range []string{
		"2026-01-31T12:00:00.5+01:00", "Sat, 31 Jan 2026 12:00:00 GMT", "Sat Jan 31 12:00:00 UTC 2026", "1769860800.5",
		"PT1H30M", "1d2h", "1e9", "20260131T120000Z", "9999-12-31T23:59:60-23:59", "P99999999999999999999D",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, v := range []any{text, json.Number(text)} {
			if at, err := AsTime(v); err == nil {
				b, err := at.MarshalJSON()
				var again time.Time
				if err != nil || json.Unmarshal(b, &again) != nil || !again.Equal(at) || at.Location() != time.UTC {
					t.Errorf("%q is %v", text, at)
				}
			}
			if d, err := AsDuration(v); err == nil && (d <= -maxSeconds*time.Second || d >= maxSeconds*time.Second) {
				t.Errorf("%q is %v", text, d)
			}
		}
	})
}

// A number is refused, or stays as it was written through decoding, an expression and encoding.
func FuzzNumbers(f *testing.F) {
	for _, text := range []string{"0.10", "1e2", "-0", "100.00", "12345678901234567890123", "1.2345e+22", "42.0"} {
		f.Add(text)
	}
	c, err := NewCompiler()
	if err != nil {
		f.Fatal(err)
	}
	path, _ := c.Compile("body.a")
	text, _ := c.Compile("string(body.a)")
	f.Fuzz(func(t *testing.T, n string) {
		if strings.TrimSpace(n) != n || !json.Valid([]byte(n)) || n[0] != '-' && (n[0] < '0' || n[0] > '9') {
			return
		}
		v, err := DecodeJSON([]byte(`{"a":` + n + `}`))
		if err != nil {
			return
		}
		value, _, err := path.Find(Input{Body: v})
		if b, _ := json.Marshal(value); err != nil || string(b) != n {
			t.Errorf("%s becomes %s, %v", n, b, err)
		}
		if got, _, err := text.Find(Input{Body: v}); err != nil || got != n {
			t.Errorf("%s becomes %v, %v", n, got, err)
		}
		if id, err := AsID(value); err == nil && id != n {
			t.Errorf("%s becomes the ID %s", n, id)
		}
	})
}
