package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// row is one line of the table.
type row struct {
	what, measured, against, figure, reach string
	ok                                     bool
}

// atLeast is a row whose figure is a ratio that must reach something.
func atLeast(what, measured, against string, x, reach float64) row {
	return row{what, measured, against, number(x) + "×", "≥ " + number(reach) + "×", x >= reach}
}

// atMost is a row whose figure must not exceed something.
func atMost(what, measured, against string, x, reach float64) row {
	return row{what, measured, against, number(x), "≤ " + number(reach), x <= reach}
}

// times makes a ratio of the figure.
func (r row) times() row {
	r.figure, r.reach = r.figure+"×", r.reach+"×"
	return r
}

// number writes three digits that count, and no more zeros than that takes.
func number(x float64) string {
	switch {
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", x), ".0")
	case x >= 1:
		return trim(fmt.Sprintf("%.2f", x))
	}
	return trim(fmt.Sprintf("%.3f", x))
}

func trim(s string) string { return strings.TrimSuffix(strings.TrimRight(s, "0"), ".") }

func perSecond(x float64) string { return fmt.Sprintf("%.0f/s", x) }

func took(d time.Duration) string {
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

// print writes the rows as a Markdown table that is aligned for terminals too.
func printTable(w io.Writer, rows []row) {
	cells := [][]string{{"what", "measured", "against", "ratio or count", "reach", "ok?"}, nil}
	for _, r := range rows {
		cells = append(cells, []string{r.what, r.measured, r.against, r.figure, r.reach, map[bool]string{true: "ok", false: "NO"}[r.ok]})
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

// median returns the middle of the values; of an even number the lower one.
func median[T float64 | time.Duration](values []T) T { return quantile(values, 0.5) }

// quantile returns the value that this part of the values does not exceed.
func quantile[T float64 | time.Duration](values []T, q float64) T {
	s := slices.Sorted(slices.Values(values))
	return s[min(len(s)-1, int(q*float64(len(s)-1)))]
}

// ratio is the median of what each round says: the two sides of one round ran
// next to each other.
func ratio[T float64 | time.Duration](a, b []T) float64 {
	each := make([]float64, min(len(a), len(b)))
	for i := range each {
		each[i] = float64(a[i]) / float64(b[i])
	}
	return median(each)
}
