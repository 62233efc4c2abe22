package look

import (
	"fmt"
	"time"
)

// Moment is a time in the form that a page shows. It names the zone, because the page does not know the reader's
// zone.
type Moment struct {
	Text     string // for people
	Machine  string // RFC 3339
	Relative string // distance from now
}

// NewMoment returns the Moment of a time, seen from now.
func NewMoment(t, now time.Time) Moment {
	t = t.UTC()
	return Moment{
		Text:     t.Format("Monday 2 January 2006, 15:04 MST"),
		Machine:  t.Format(time.RFC3339),
		Relative: describeDistance(t.Sub(now)),
	}
}

// String returns the time without the relative part.
func (m Moment) String() string { return m.Text }

// describeDistance returns a distance from now in its largest unit, rounded down.
func describeDistance(d time.Duration) string {
	form := "in %s"
	if d <= 0 {
		form, d = "%s ago", -d
	}
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		switch n := int(d / unit.size); {
		case n == 1:
			return fmt.Sprintf(form, "1 "+unit.name)
		case n > 1:
			return fmt.Sprintf(form, fmt.Sprintf("%d %ss", n, unit.name))
		}
	}
	return fmt.Sprintf(form, "less than a minute")
}
