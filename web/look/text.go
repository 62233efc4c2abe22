package look

import (
	"fmt"
	"time"
)

// relative says how far a time is from now, rounded down to one unit.
func relative(d time.Duration) string {
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

// Moment is a time as people read it. The zone is named: the page does not know
// where they are.
type Moment struct {
	Text, Machine, Relative string
}

// String returns the time without what it is relative to.
func (m Moment) String() string { return m.Text }

// Stamp returns the Moment of a time, as it is seen from now.
func Stamp(t, now time.Time) Moment {
	t = t.UTC()
	return Moment{Text: t.Format("Monday 2 January 2006, 15:04 MST"), Machine: t.Format(time.RFC3339), Relative: relative(t.Sub(now))}
}
