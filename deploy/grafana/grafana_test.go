package grafana

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the dashboards again")

// The files are what the tables say.
func TestFiles(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.json")
	require.NoError(t, err)
	require.Len(t, files, len(Dashboards()), "a file that nothing makes, or none")
	for name, d := range Dashboards() {
		want, err := d.JSON()
		require.NoError(t, err)
		if *update {
			require.NoError(t, os.WriteFile(name, want, 0o644))
		}
		have, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, string(want), string(have), "%s: go test ./deploy/grafana -update", name)
	}
}

// Every query of classic buckets, counts and sums reads native histograms too, and none of them reads buckets only.
func TestNativeHistograms(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		`histogram_quantile(0.9, sum by (target, le) (rate(x_seconds_bucket{a="b"}[5m])))`: `histogram_quantile(0.9, ` +
			`sum by (target, le) (rate(x_seconds_bucket{a="b"}[5m])) or ignoring (le) sum by (target) (rate(x_seconds{a="b"}[5m])))`,
		`histogram_quantile(0.5, sum by (le) (increase(x_seconds_bucket{a="b"}[5m]))) >= 0`: `histogram_quantile(0.5, ` +
			`sum by (le) (increase(x_seconds_bucket{a="b"}[5m])) or ignoring (le) sum(increase(x_seconds{a="b"}[5m]))) >= 0`,
		`sum(increase(x_seconds_bucket{a="b", le=~"60(\\.0)?"}[1h])) / 2`: `sum(increase(x_seconds_bucket{a="b", le=~"60([.]0)?"}[1h]) ` +
			`or ignoring (le) histogram_fraction(0, 60, increase(x_seconds{a="b"}[1h])) * ` +
			`histogram_count(increase(x_seconds{a="b"}[1h])) >= 0) / 2`,
		`sum(rate(approval_relay_x_seconds_sum{a="b"}[1h]))`: `sum((rate(approval_relay_x_seconds_sum{a="b"}[1h]) ` +
			`or histogram_sum(rate(approval_relay_x_seconds{a="b"}[1h]))))`,
	} {
		require.Equal(t, want, withNative(query))
	}
	classic := regexp.MustCompile(`_(seconds|updates)_(bucket|count|sum)\{`)
	for name, d := range Dashboards() {
		content, err := d.JSON()
		require.NoError(t, err)
		for line := range strings.Lines(string(content)) {
			if classic.MatchString(line) && !strings.Contains(line, "heatmap") && !strings.Contains(line, `"sum by (le) (`) {
				require.Regexp(t, ` or (ignoring \(le\) )?(sum|histogram_)`, line, "%s reads classic histograms only", name)
			}
		}
	}
}
