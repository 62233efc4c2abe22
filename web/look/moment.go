package look

import (
	"time"

	"github.com/approval-relay/approval-relay/language"
)

// Moment is a time in the form that a page shows. It names the zone, because a page without a script cannot know the
// zone of its reader's browser.
type Moment struct {
	Text     string // for people
	Machine  string // RFC 3339
	Relative string // distance from now
}

// Reader is the reader of a page: the language, the zone of the times, and the time of reading.
type Reader struct {
	Words language.Words
	Zone  *time.Location // nil is UTC
	Now   time.Time
}

// Moment returns a time as the reader expects it, with UTC beside it if the reader's zone is another.
func (r Reader) Moment(t time.Time) Moment {
	return Moment{
		Text:     r.Words.Time(t, r.Zone),
		Machine:  t.UTC().Format(time.RFC3339),
		Relative: r.Words.Relative(t.Sub(r.Now)),
	}
}

// NewMoment returns the Moment of a time in English and UTC, seen from now. It is for the pages of operators.
func NewMoment(t, now time.Time) Moment { return Reader{Now: now}.Moment(t) }

// String returns the time without the relative part.
func (m Moment) String() string { return m.Text }
