package config_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/language"
)

const preferences = `
language: en-GB
time_zone: Europe/London
people:
  Ann@Example.com: {language: de_at, time_zone: Europe/Vienna}
  ny@example.com:
    time_zone: America/New_York
    away: [{from: 2026-03-08, until: 2026-03-09, substitutes: [ann@example.com]}]
  london@example.com:
    away: [{from: 2026-03-29, until: 2026-03-30T00:00:00+05:00, substitutes: [ann@example.com]}]
workflows:
  payouts: {approvers: [ann@example.com, bob@example.com], language: de, time_zone: Europe/Berlin}
  plain: {approvers: [bob@example.com]}
`

func TestPreferences(t *testing.T) {
	t.Parallel()
	c, _, err := config.Parse("x.yaml", []byte(preferences), func(string) string { return "" })
	require.NoError(t, err)
	p := &c.Compiled.Preferences
	for _, want := range []struct {
		approver, workflow, header string
		language                   language.Tag
		zone                       string
	}{
		{"ann@example.com", "payouts", "", "de-AT", "Europe/Vienna"},
		{"ANN@example.com", "plain", "en", "de-AT", "Europe/Vienna"},
		{"bob@example.com", "payouts", "", "de", "Europe/Berlin"},
		{"bob@example.com", "payouts", "fr, en-US;q=0.8", "en-US", "Europe/Berlin"},
		{"bob@example.com", "payouts", "fr", "de", "Europe/Berlin"},
		{"bob@example.com", "plain", "", "en-GB", "Europe/London"},
		{"", "payouts", "", "de", "Europe/Berlin"},
		{"", "", "", "en-GB", "Europe/London"},
		{"ny@example.com", "payouts", "", "de", "America/New_York"},
		{"", "removed", "de-CH", "de-CH", "Europe/London"},
	} {
		got := p.OfVisitor(want.approver, want.workflow, want.header)
		require.Equal(t, want.language, got.Language, "%v", want)
		require.Equal(t, want.zone, got.Zone.String(), "%v", want)
		if want.header == "" {
			require.Equal(t, got, p.OfReader(want.approver, want.workflow))
		}
	}
}

// A day away begins in the zone of the person, also on the days on which the clocks change. A time with a zone stays.
func TestDaysAwayBeginInTheZoneOfThePerson(t *testing.T) {
	t.Parallel()
	c, _, err := config.Parse("x.yaml", []byte(preferences), func(string) string { return "" })
	require.NoError(t, err)
	for person, want := range map[string][2]string{
		"ny@example.com":     {"2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"}, // a day of 23 hours
		"london@example.com": {"2026-03-29T00:00:00Z", "2026-03-29T19:00:00Z"},
	} {
		for id, p := range c.Compiled.People.Persons {
			if string(id) != person {
				continue
			}
			require.Equal(t, want[0], p.Away[0].From.UTC().Format(time.RFC3339))
			require.Equal(t, want[1], p.Away[0].Until.UTC().Format(time.RFC3339))
			delete(c.Compiled.People.Persons, id)
		}
	}
	require.Len(t, c.Compiled.People.Persons, 1)
}

// Without any setting, everybody reads English, and times are in UTC.
func TestPreferencesOfAnEmptyFile(t *testing.T) {
	t.Parallel()
	c, _, err := config.Parse("x.yaml", []byte("{}"), func(string) string { return "" })
	require.NoError(t, err)
	got := c.Compiled.Preferences.OfVisitor("ann@example.com", "orders", "")
	require.Equal(t, language.Tag("en"), got.Language)
	require.Equal(t, time.UTC, got.Zone)
}
