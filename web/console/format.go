package console

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// formatAge returns the time since t, or the empty text if t is zero.
func formatAge(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	return formatDuration(now.Sub(t))
}

// formatDuration returns a duration in its two largest units.
func formatDuration(d time.Duration) string {
	d = max(d, 0)
	switch days, hours, minutes := int(d.Hours())/24, int(d.Hours())%24, int(d.Minutes())%60; {
	case days > 0:
		return strings.TrimSpace(formatUnit(days, "d") + " " + formatUnit(hours, "h"))
	case hours > 0:
		return strings.TrimSpace(formatUnit(hours, "h") + " " + formatUnit(minutes, "min"))
	case minutes > 0:
		return formatUnit(minutes, "min")
	}
	return cmp.Or(formatUnit(int(d.Seconds()), "s"), "a moment")
}

// formatUnit returns a number with its unit, or the empty text for 0.
func formatUnit(n int, name string) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n) + "\u00a0" + name
}

// formatNumber returns a number with commas between its thousands.
func formatNumber(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// formatAttempts returns a number of attempts in words.
func formatAttempts(n int) string {
	if n == 1 {
		return "1 attempt"
	}
	return fmt.Sprintf("%d attempts", n)
}
