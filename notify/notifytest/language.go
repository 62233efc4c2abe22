package notifytest

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/organisation"
)

// NewGermanMessage returns a reminder of an organisation for a reader in Berlin: with a vote, a title from right to left,
// and more details than any channel shows.
func NewGermanMessage(t testing.TB) approval.Message {
	t.Helper()
	zone, err := language.LoadZone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	m := NewMessage()
	m.Kind = approval.NotifyReminder
	m.Title = "שלום 480"
	m.Language, m.Zone = "de-DE", zone
	m.SentAt = m.Deadline.Add(-3 * time.Hour)
	m.Approvers = []string{"alan@example.com", "eva@example.com"}
	m.Votes = []approval.Vote{{By: "eva@example.com", Outcome: approval.Approve, At: m.SentAt.Add(-time.Hour)}}
	m.Details = append(m.Details, approval.Field{Name: "Grund", Value: strings.Repeat("lang ", 1000)})
	for range 40 {
		m.Details = append(m.Details, approval.Field{Name: "Posten", Value: "1 Stück"})
	}
	m.Organisation = organisation.Organisation{
		Name:    "Muster GmbH",
		Footer:  language.Text{"en": "Example Ltd, Bonn", "de": "Muster GmbH, Bonn"},
		Support: "hilfe@example.com",
		ReplyTo: "freigaben@example.com",
		Colours: organisation.Colours{Accent: "#8a1538"},
		LogoURL: "https://approve.example.com/assets/logo-1.png",
	}
	return m
}

// NoEnglish reports every text of the English catalogue in the words of a message to a German reader. It finds the texts
// of two words and more between their placeholders, because single words such as "Name" are the same in both.
func NoEnglish(t testing.TB, text string) {
	t.Helper()
	german := language.For("de")
	for key, english := range language.For("en").All() {
		for _, part := range placeholder.Split(english, -1) {
			part = strings.Trim(part, " .,:;()…")
			if strings.Count(part, " ") < 1 || strings.Contains(german.Text(key), part) {
				continue
			}
			if strings.Contains(text, part) {
				t.Errorf("a message in German has %q (%s)", part, key)
			}
		}
	}
}

var placeholder = regexp.MustCompile(`\{[a-z_]+\}`)
