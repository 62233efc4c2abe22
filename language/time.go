package language

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // zones, for machines and containers that have none
)

// LoadZone returns the zone of a name such as Europe/Berlin. The zone of the machine is refused: it would differ from
// worker to worker.
func LoadZone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return nil, fmt.Errorf("%.60q is not a time zone; a zone is named by its region and city, such as Europe/Berlin, or UTC", name)
	}
	return zone, nil
}

// Time returns a time for people in a zone, with the name of the zone, and the same in UTC beside it if the zone is
// another: "Friday 27 November 2026, 10:15 CET (09:15 UTC)". No zone is UTC.
func (w Words) Time(t time.Time, zone *time.Location) string {
	if zone == nil {
		zone = time.UTC
	}
	local, utc := t.In(zone), t.UTC()
	name := w.zoneName(local)
	text := w.Text("time.full", "date", w.Date(local), "time", local.Format("15:04"), "zone", name)
	switch {
	case name == "UTC":
		return text
	case local.Format(time.DateOnly) == utc.Format(time.DateOnly):
		return text + " (" + utc.Format("15:04") + " UTC)"
	}
	day := w.Text("time.day", "weekday", w.weekday(utc), "day", strconv.Itoa(utc.Day()), "month", w.month(utc))
	return text + " (" + day + ", " + utc.Format("15:04") + " UTC)"
}

// Date returns the day of a time in its own zone: "Friday 27 November 2026".
func (w Words) Date(t time.Time) string {
	return w.Text("time.date", "weekday", w.weekday(t), "day", strconv.Itoa(t.Day()), "month", w.month(t),
		"year", strconv.Itoa(t.Year()))
}

func (w Words) weekday(t time.Time) string {
	return w.Text("time.weekday." + strings.ToLower(t.Weekday().String()))
}

func (w Words) month(t time.Time) string {
	return w.Text("time.month." + strings.ToLower(t.Month().String()))
}

// zoneName returns the abbreviation of the zone at a time, in the language if it has its own (MEZ for CET), or the
// distance from UTC if the zone lacks an abbreviation.
func (w Words) zoneName(t time.Time) string {
	name, offset := t.Zone()
	if offset == 0 && (name == "UTC" || name == "") {
		return "UTC"
	}
	if name == "" || strings.Trim(name, "+-0123456789") == "" {
		return "UTC" + t.Format("-07:00")
	}
	if own, ok := w.find("time.zone." + name); ok {
		return own
	}
	return name
}

// Relative returns a distance from now, rounded to its unit: "in 24 hours" for 23 hours and 59 minutes, "5 minutes ago".
func (w Words) Relative(d time.Duration) string {
	direction := "time.in_"
	if d <= 0 {
		direction, d = "time.ago_", -d
	}
	unit, n := roundDistance(d)
	if n == 0 {
		return w.Text(direction + "moment")
	}
	return w.Count(direction+unit, n)
}

// Duration returns a time that is left or has passed, rounded as by Relative: "24 hours".
func (w Words) Duration(d time.Duration) string {
	unit, n := roundDistance(max(d, -d))
	if n == 0 {
		return w.Text("time.left_moment")
	}
	return w.Count("time.left_"+unit, n)
}

// roundDistance returns a distance as a number of the unit that people would use. It is 0 for less than a minute.
func roundDistance(d time.Duration) (unit string, n int) {
	round := func(unit time.Duration) int { return int((d + unit/2) / unit) }
	minutes, hours := round(time.Minute), round(time.Hour)
	switch {
	case d < time.Minute:
		return "minutes", 0
	case minutes < 60:
		return "minutes", minutes
	case minutes > 60 && minutes < 90:
		return "minutes", minutes
	case hours < 48:
		return "hours", hours
	}
	return "days", round(24 * time.Hour)
}
