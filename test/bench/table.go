package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// row is a line of the table of results.
type row struct {
	what, measured, against, figure, limit string
	ok                                     bool
	leftOut                                bool // it cannot be measured on this machine
}

// verdict says whether the limit is reached.
func (r row) verdict() string {
	switch {
	case r.leftOut:
		return "-"
	case r.ok:
		return "ok"
	}
	return "NO"
}

// atLeast returns a row with a ratio that must reach a limit.
func atLeast(what, measured, against string, x, reach float64) row {
	return row{
		what:     what,
		measured: measured,
		against:  against,
		figure:   formatNumber(x) + "×",
		limit:    "≥ " + formatNumber(reach) + "×",
		ok:       x >= reach,
	}
}

// atMost returns a row with a figure that must not exceed a limit.
func atMost(what, measured, against string, x, reach float64) row {
	return row{
		what:     what,
		measured: measured,
		against:  against,
		figure:   formatNumber(x),
		limit:    "≤ " + formatNumber(reach),
		ok:       x <= reach,
	}
}

// atMostBytes returns a row with a number of bytes that must not exceed a limit.
func atMostBytes(what string, bytes, limit float64) row {
	return row{what: what, figure: formatKB(bytes), limit: "≤ " + formatKB(limit), ok: bytes <= limit}
}

// formatKB formats a number of bytes in units of 1,000 or 1,000,000.
func formatKB(bytes float64) string {
	switch {
	case bytes >= 1e6:
		return formatNumber(bytes/1e6) + " MB"
	case bytes >= 1e3:
		return formatNumber(bytes/1e3) + " kB"
	}
	return formatNumber(bytes) + " B"
}

// asRatio returns the row with its figure and limit marked as ratios.
func (r row) asRatio() row {
	r.figure += "×"
	r.limit += "×"
	return r
}

// formatNumber formats a number with three significant digits and without trailing zeros.
func formatNumber(x float64) string {
	switch {
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", x), ".0")
	case x >= 1:
		return trimZeros(fmt.Sprintf("%.2f", x))
	}
	return trimZeros(fmt.Sprintf("%.3f", x))
}

func trimZeros(s string) string { return strings.TrimSuffix(strings.TrimRight(s, "0"), ".") }

func formatRate(x float64) string { return fmt.Sprintf("%.0f/s", x) }

func formatDuration(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.2f ms", d.Seconds()*1000)
	case d < time.Second:
		return fmt.Sprintf("%.0f ms", d.Seconds()*1000)
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}

// printTable writes the rows as a Markdown table with aligned columns.
func printTable(w io.Writer, rows []row) {
	cells := [][]string{{"what", "measured", "against", "ratio or count", "limit", "ok?"}, nil}
	for _, r := range rows {
		cells = append(cells, []string{r.what, r.measured, r.against, r.figure, r.limit, r.verdict()})
	}
	width := make([]int, 6)
	for _, line := range cells {
		for i, c := range line {
			width[i] = max(width[i], len([]rune(c)))
		}
	}
	for _, line := range cells {
		for i := range width {
			if line == nil {
				fmt.Fprint(w, "|", strings.Repeat("-", width[i]+2))
				continue
			}
			fmt.Fprint(w, "| ", line[i], strings.Repeat(" ", width[i]-len([]rune(line[i]))+1))
		}
		fmt.Fprintln(w, "|")
	}
}

// median returns the middle value, or the lower of the two middle values.
func median[T float64 | time.Duration](values []T) T {
	return quantile(values, 0.5)
}

// quantile returns the value that the given share of the values does not exceed.
func quantile[T float64 | time.Duration](values []T, q float64) T {
	s := slices.Sorted(slices.Values(values))
	return s[min(len(s)-1, int(q*float64(len(s)-1)))]
}

// ratio returns the median of the ratios of the rounds, because the two sides of a round ran next to each other.
func ratio[T float64 | time.Duration](a, b []T) float64 {
	each := make([]float64, min(len(a), len(b)))
	for i := range each {
		each[i] = float64(a[i]) / float64(b[i])
	}
	return median(each)
}
