package dashboards

import (
	"context"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/metrics"
	"github.com/approval-relay/approval-relay/store"
)

// family is a metric of the program.
type family struct {
	kind   string // counter, gauge, histogram or summary
	labels []string
}

// registeredMetrics returns every metric of the program, including those of the Go runtime.
func registeredMetrics(t *testing.T) map[string]family {
	t.Helper()
	one := []string{"one"}
	reg := prometheus.NewRegistry()
	m := metrics.New(reg, metrics.Config{
		Workflows:       one,
		Channels:        one,
		Targets:         one,
		Sources:         one,
		Handlers:        one,
		RefusingSources: one,
		Queues:          one,
		Routes:          one,
		AWSOperations:   one,
	})
	m.RegisterRuntime("v1", "abc")
	m.RegisterHeartbeats(func() (int, time.Duration) { return 1, time.Second })
	m.RegisterBodies(func() int64 { return 1 }, func() int64 { return 1 })
	m.RegisterStore(func(context.Context) (store.Stats, error) {
		pending := store.WorkflowStats{Pending: 1, Oldest: time.Unix(1, 0)}
		return store.Stats{OldestDue: time.Unix(1, 0), Workflows: map[string]store.WorkflowStats{"one": pending}}, nil
	}, time.Now)
	families, err := reg.Gather()
	require.NoError(t, err)
	out := map[string]family{}
	for _, f := range families {
		known := family{kind: strings.ToLower(f.GetType().String())}
		for _, l := range f.GetMetric()[0].GetLabel() {
			known.labels = append(known.labels, l.GetName())
		}
		out[f.GetName()] = known
	}
	out["ALERTS"] = family{kind: "gauge", labels: []string{"alertname", "alertstate", "severity"}} // of Prometheus itself
	return out
}

var (
	selector = regexp.MustCompile(`([a-zA-Z_:][\w:]*)\{([^}]*)\}(\[[^\]]*\])?`)
	matcher  = regexp.MustCompile(`(\w+)(=~|!~|!=|=)"`)
	grouping = regexp.MustCompile(`\bby \(([^)]*)\)`)
	named    = regexp.MustCompile(`\{\{(\w+)\}\}`)
	ours     = regexp.MustCompile(`\b(approval_relay|go|process)_\w+`)
)

// familyOf returns the metric that a series belongs to, and its name.
func familyOf(series string, known map[string]family) (family, string, bool) {
	if f, ok := known[series]; ok && f.kind != "histogram" {
		return f, series, true
	} else if ok { // a native histogram, which grows as a counter does
		f.kind = "counter"
		return f, series, true
	}
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if base, ok := strings.CutSuffix(series, suffix); ok && known[base].kind == "histogram" {
			f := known[base]
			if f.kind = "counter"; suffix == "_bucket" {
				f.labels = append(slices.Clone(f.labels), "le")
			}
			return f, base, true
		}
	}
	return family{}, "", false
}

// findFaults returns the faults of a query.
func findFaults(q query, known map[string]family) []string {
	var f faultList
	selectors := selector.FindAllStringSubmatchIndex(q.expr, -1)
	if len(selectors) == 0 {
		f.add("it has no series")
	}
	if len(ours.FindAllString(selector.ReplaceAllString(q.expr, ""), -1)) > 0 {
		f.add("a series of any namespace, job and instance")
	}
	labels := map[string]bool{"namespace": true, "job": true, "instance": true}
	for _, at := range selectors {
		part := func(i int) string {
			if at[2*i] < 0 {
				return ""
			}
			return q.expr[at[2*i]:at[2*i+1]]
		}
		m, _, ok := familyOf(part(1), known)
		if !ok {
			f.add("no such series: %s", part(1))
			continue
		}
		for _, l := range m.labels {
			labels[l] = true
		}
		checkLabels(&f, part(1), m, part(2))
		checkWindow(&f, q, m, part(1), part(3), q.expr[:at[0]])
	}
	grouped := map[string]bool{}
	for _, g := range grouping.FindAllStringSubmatch(q.expr, -1) {
		for label := range strings.SplitSeq(g[1], ", ") {
			grouped[label] = true
			if !labels[label] {
				f.add("no label %s to group by", label)
			}
		}
	}
	if strings.Contains(q.expr, "histogram_quantile") && !grouped["le"] {
		f.add("a quantile without le")
	}
	for _, l := range named.FindAllStringSubmatch(q.legend, -1) {
		if !grouped[l[1]] {
			f.add("nothing to name %s by in the legend", l[1])
		}
	}
	return f
}

// checkLabels checks the label matchers of a metric.
func checkLabels(f *faultList, series string, m family, matchers string) {
	own := `namespace=~"$namespace", job=~"$job", instance=~"$instance"`
	if series == "ALERTS" { // of all instances
		own = `namespace=~"$namespace", job=~"$job"`
	}
	if !strings.HasPrefix(matchers, own) {
		f.add("%s of any namespace, job and instance", series)
	}
	for _, l := range matcher.FindAllStringSubmatch(matchers, -1) {
		if !slices.Contains([]string{"namespace", "job", "instance"}, l[1]) && !slices.Contains(m.labels, l[1]) {
			f.add("%s has no label %s", series, l[1])
		}
	}
}

// checkWindow checks the window of a counter: Grafana's interval for rates in a chart, and the period in a stat panel.
func checkWindow(f *faultList, q query, m family, series, window, before string) {
	counts := strings.HasSuffix(before, "rate(") || strings.HasSuffix(before, "increase(")
	want := "[$__rate_interval]"
	if q.instant {
		want = "[$__range]"
	}
	switch {
	case m.kind == "counter" && !strings.HasPrefix(series, "process_start") && !counts:
		f.add("%s is a counter, which says nothing as it is", series)
	case m.kind == "gauge" && (counts || window != ""):
		f.add("%s is a gauge", series)
	case counts && window != want:
		f.add("the window of %s is %s, want %s", series, window, want)
	}
}

// Every metric of the program is on a dashboard.
func TestEveryMetricIsShown(t *testing.T) {
	t.Parallel()
	known, seen := registeredMetrics(t), map[string]bool{}
	for _, b := range readBoards(t) {
		for _, p := range b.allPanels() {
			for _, q := range queriesOf(p) {
				for _, s := range selector.FindAllStringSubmatch(q.expr, -1) {
					_, name, _ := familyOf(s[1], known)
					seen[name] = true
				}
			}
		}
	}
	for _, r := range metrics.Rows() {
		if !seen[r.Name] {
			t.Errorf("%s is on no panel", r.Name)
		}
	}
}

// Every alert is named in the description of the panel that shows its cause, and no other name is.
func TestAlertsAreNamed(t *testing.T) {
	t.Parallel()
	rules, err := os.ReadFile("../../deploy/prometheus/rules.yaml")
	require.NoError(t, err)
	var alerts []string
	for _, m := range regexp.MustCompile(`- alert: (\w+)`).FindAllSubmatch(rules, -1) {
		alerts = append(alerts, string(m[1]))
	}
	require.NotEmpty(t, alerts)
	var told []string
	for _, b := range readBoards(t) {
		for _, p := range b.allPanels() {
			told = append(told, regexp.MustCompile(`\bApprovalRelay\w+`).FindAllString(textOf(p.Description), -1)...)
		}
	}
	slices.Sort(alerts)
	slices.Sort(told)
	require.Equal(t, alerts, slices.Compact(told), "the alerts, and those that panels name")
}
