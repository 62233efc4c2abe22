package language_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/language"
)

func TestNumber(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		tag          language.Tag
		number, want string
	}{
		{"en", "19.90", "19.90"},
		{"de", "19.90", "19,90"},
		{"en", "1234567.891", "1,234,567.891"},
		{"de", "1234567.891", "1.234.567,891"},
		{"de", "-1234.50", "-1.234,50"},
		{"en", "123", "123"},
		{"en", "1000", "1,000"},
		{"de", "0.0", "0,0"},
		{"en-IN", "123456789", "12,34,56,789"},
		{"de-CH", "1234567.5", "1’234’567.5"},
		{"de-AT", "1234567.5", "1\u00a0234\u00a0567,5"},
		{"fr", "1234.5", "1,234.5"}, // the texts are English too
		{"de", "1e9", "1e9"},
		{"de", "1.", "1."},
		{"de", ".5", ".5"},
		{"de", "--5", "--5"},
		{"de", "", ""},
		{"de", "12345678901234567890123.10", "12.345.678.901.234.567.890.123,10"},
	} {
		if got := language.For(c.tag).Number(json.Number(c.number)); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.tag, c.number, got, c.want)
		}
	}
}

func TestRelative(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		d      time.Duration
		en, de string
	}{
		{0, "less than a minute ago", "vor weniger als einer Minute"},
		{59 * time.Second, "in less than a minute", "in weniger als einer Minute"},
		{time.Minute, "in 1 minute", "in einer Minute"},
		{89 * time.Second, "in 1 minute", "in einer Minute"},
		{-5 * time.Minute, "5 minutes ago", "vor 5 Minuten"},
		{59*time.Minute + 40*time.Second, "in 1 hour", "in einer Stunde"},
		{time.Hour, "in 1 hour", "in einer Stunde"},
		{75 * time.Minute, "in 75 minutes", "in 75 Minuten"},
		{90 * time.Minute, "in 2 hours", "in 2 Stunden"},
		{23*time.Hour + 59*time.Minute, "in 24 hours", "in 24 Stunden"},
		{24 * time.Hour, "in 24 hours", "in 24 Stunden"},
		{47 * time.Hour, "in 47 hours", "in 47 Stunden"},
		{47*time.Hour + 45*time.Minute, "in 2 days", "in 2 Tagen"},
		{-71 * time.Hour, "3 days ago", "vor 3 Tagen"},
		{1200 * 24 * time.Hour, "in 1,200 days", "in 1.200 Tagen"},
	} {
		if got := language.For("en").Relative(c.d); got != c.en {
			t.Errorf("%s: %q, want %q", c.d, got, c.en)
		}
		if got := language.For("de").Relative(c.d); got != c.de {
			t.Errorf("%s: %q, want %q", c.d, got, c.de)
		}
	}
}

// Times are right on both sides of a change to and from summer time, also where UTC has another day.
func TestTime(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		tag              language.Tag
		zone, time, want string
	}{
		{"en", "UTC", "2026-11-27T09:15:00Z", "Friday 27 November 2026, 09:15 UTC"},
		{"de", "UTC", "2026-11-27T09:15:00Z", "Freitag, 27. November 2026, 09:15 UTC"},
		{"de", "Europe/Berlin", "2026-11-27T09:15:00Z", "Freitag, 27. November 2026, 10:15 MEZ (09:15 UTC)"},
		{"en", "Europe/Berlin", "2026-11-27T09:15:00Z", "Friday 27 November 2026, 10:15 CET (09:15 UTC)"},
		{"de", "Europe/Berlin", "2026-03-29T00:59:00Z", "Sonntag, 29. März 2026, 01:59 MEZ (00:59 UTC)"},
		{"de", "Europe/Berlin", "2026-03-29T01:00:00Z", "Sonntag, 29. März 2026, 03:00 MESZ (01:00 UTC)"},
		{"de", "Europe/Berlin", "2026-10-25T00:30:00Z", "Sonntag, 25. Oktober 2026, 02:30 MESZ (00:30 UTC)"},
		{"de", "Europe/Berlin", "2026-10-25T01:30:00Z", "Sonntag, 25. Oktober 2026, 02:30 MEZ (01:30 UTC)"},
		{"en", "America/New_York", "2026-11-27T01:00:00Z",
			"Thursday 26 November 2026, 20:00 EST (Friday 27 November, 01:00 UTC)"},
		{"en", "America/Sao_Paulo", "2026-11-27T15:00:00Z", "Friday 27 November 2026, 12:00 UTC-03:00 (15:00 UTC)"},
		{"en", "Asia/Kathmandu", "2026-11-27T15:00:00Z", "Friday 27 November 2026, 20:45 UTC+05:45 (15:00 UTC)"},
		{"en", "Europe/London", "2026-11-27T15:00:00Z", "Friday 27 November 2026, 15:00 GMT (15:00 UTC)"},
		{"de", "Asia/Tokyo", "2026-12-31T20:00:00Z",
			"Freitag, 1. Januar 2027, 05:00 JST (Donnerstag, 31. Dezember, 20:00 UTC)"},
	} {
		zone, err := language.LoadZone(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(time.RFC3339, c.time)
		if err != nil {
			t.Fatal(err)
		}
		if got := language.For(c.tag).Time(at, zone); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.zone, c.time, got, c.want)
		}
	}
	if got := language.For("en").Time(time.Unix(0, 0), nil); got != "Thursday 1 January 1970, 00:00 UTC" {
		t.Errorf("no zone: %s", got)
	}
}

func TestLoadZone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "Local", "Berlin", "Europe/Nowhere", "../../etc/passwd", "CET+1", strings.Repeat("x", 9000)} {
		if zone, err := language.LoadZone(name); err == nil {
			t.Errorf("%q: %s", name, zone)
		} else if len(err.Error()) > 300 {
			t.Errorf("%d bytes of error", len(err.Error()))
		}
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]language.Tag{
		"de":                                   "de",
		"de-AT":                                "de-AT",
		"DE-at":                                "de-AT",
		"en-US,en;q=0.9,de;q=0.8":              "en-US",
		"en;q=0.3, de;q=0.7":                   "de",
		"fr-CH, fr;q=0.9, de-CH;q=0.5, *;q=.1": "de-CH",
		"de;q=0, en":                           "en",
		"de;q=0":                               "",
		"gsw":                                  "de", // readers of Swiss German read German
		"fr, ja;q=0.5":                         "",
		"*":                                    "",
		"":                                     "",
		"de-1996":                              "de",
		"de;q=abc":                             "",
		"\x00\xff":                             "",
		"<script>":                             "",
		strings.Repeat("de,", 400):             "",
		strings.Repeat("x", 1<<20):             "",
		strings.Repeat("-_", 300):              "",
	} {
		got, ok := language.Match(header)
		if got != want || ok != (want != "") {
			t.Errorf("%.60q: %q %t, want %q", header, got, ok, want)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]language.Tag{
		"en": "en", "de": "de", "de-AT": "de-AT", "de_at": "de-AT", "en-GB": "en-GB", "de-Latn-DE": "de-DE",
		"fr": "", "deutsch": "", "": "", "de, en": "", "*": "", "de;q=0.5": "", "und": "", "de\n": "",
	} {
		if got, ok := language.Parse(text); got != want || ok != (want != "") {
			t.Errorf("%q: %q %t, want %q", text, got, ok, want)
		}
	}
}

func TestFor(t *testing.T) {
	t.Parallel()
	for tag, want := range map[language.Tag]string{
		"de": "Genehmigen", "de-AT": "Genehmigen", "DE": "Genehmigen", "en": "Approve", "fr": "Approve", "": "Approve", "x": "Approve",
	} {
		if got := language.For(tag).Text("choice.approve"); got != want {
			t.Errorf("%q: %s", tag, got)
		}
	}
	if got := (language.Words{}); got.Text("choice.approve") != "Approve" || got.Tag() != "en" || got.Direction() != "ltr" {
		t.Error("the zero Words are not English")
	}
}

// A value that looks like a placeholder is not replaced again.
func TestTextKeepsValues(t *testing.T) {
	t.Parallel()
	got := language.For("en").Text("time.full", "date", "{time}", "time", "{zone}", "zone", "{date}")
	if got != "{time}, {zone} {date}" {
		t.Error(got)
	}
}
