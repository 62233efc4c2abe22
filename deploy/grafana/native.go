package grafana

import (
	"regexp"
	"strings"
)

// The parts of a query that read a classic histogram.
var (
	quantileBuckets = regexp.MustCompile(
		`(histogram_quantile\([\d.]+, )sum by \(([^)]*)\) \((\w+)\((\w+)_bucket(\{[^}]*\}\[[^\]]*\])\)\)`)
	minuteBucket = regexp.MustCompile(
		`sum\((increase)\((\w+)_bucket(\{[^}]*), le=~"60[^"]*"(\}\[[^\]]*\])\)\)`)
	countOrSum = regexp.MustCompile(
		`(rate|increase)\((approval_relay_\w+_(?:seconds|updates))_(count|sum)(\{[^}]*\}\[[^\]]*\])\)`)
)

// withNative makes a query read native histograms where there are no classic ones: with metrics.histograms: native, or
// with a Prometheus that scrapes native histograms only. Classic ones win where there are both.
func withNative(expr string) string {
	expr = quantileBuckets.ReplaceAllStringFunc(expr, func(classic string) string {
		m := quantileBuckets.FindStringSubmatch(classic)
		by := ""
		if labels := strings.TrimSuffix(strings.TrimSuffix(m[2], "le"), ", "); labels != "" {
			by = " by (" + labels + ") "
		}
		return classic + " or ignoring (le) sum" + by + "(" + m[3] + "(" + m[4] + m[5] + "))"
	})
	expr = minuteBucket.ReplaceAllString(expr, `sum(${1}(${2}_bucket${3}, le=~"60([.]0)?"${4}) or ignoring (le) `+
		`histogram_fraction(0, 60, ${1}(${2}${3}${4})) * histogram_count(${1}(${2}${3}${4})) >= 0)`)
	return countOrSum.ReplaceAllString(expr, `(${1}(${2}_${3}${4}) or histogram_${3}(${1}(${2}${4})))`)
}
