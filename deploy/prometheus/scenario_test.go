package prometheus

import (
	"cmp"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// scenario is a situation of an installation, and the alerts that fire in it. Every other alert must stay silent.
type scenario struct {
	name    string
	minutes int
	series  []series
	// fires are the alerts with their severity, such as "page ApprovalRelayDown".
	fires []string
	// within is the minute by which all of them have fired, or 0 for the end.
	within int
	// ends says that none of them fires any more at the end.
	ends bool
	// silent is an alert that has fired, and fires no more from the minute after on.
	silent string
	after  int
	// labels are further labels that the alerts must have, such as `queue="request-orders"`.
	labels []string
	// bare leaves out the series of a worker that is up, which every other scenario has.
	bare bool
}

// series are the samples of one series.
type series struct {
	name     string
	segments []segment
}

// segment is a part of a series: a value that stays or grows for some minutes.
type segment struct {
	minutes float64
	from    *float64 // the value at the begin; nil goes on from the last value
	growth  float64  // each minute
	gone    bool     // there are no samples
	stale   bool     // the first of the missing samples is a mark of staleness
}

// longMinutes is the length from which a scenario is tested in a file of its own, with fewer scrapes and evaluations:
// promtool would take minutes otherwise.
const longMinutes = 6 * 60

func (s scenario) isLong() bool { return s.minutes >= longMinutes }

// samplesPerMinute is the number of scrapes in a minute.
func (s scenario) samplesPerMinute() float64 {
	if s.isLong() {
		return 1
	}
	return 2
}

func flat(value, minutes float64) segment  { return segment{minutes: minutes, from: &value} }
func grow(growth, minutes float64) segment { return segment{minutes: minutes, growth: growth} }
func gone(minutes float64) segment         { return segment{minutes: minutes, gone: true} }
func staleFor(minutes float64) segment     { return segment{minutes: minutes, gone: true, stale: true} }
func since(value, growth, minutes float64) segment {
	return segment{minutes: minutes, from: &value, growth: growth}
}

// repeat repeats segments, each time from their own values.
func repeat(times int, segments ...segment) []segment {
	var all []segment
	for range times {
		all = append(all, segments...)
	}
	return all
}

// of makes a series of the program. Its instance is a, in the namespace prod, unless the name says otherwise.
func of(name string, segments ...segment) series {
	metric, labels, _ := strings.Cut(strings.TrimSuffix(name, "}"), "{")
	if !strings.HasPrefix(metric, "up") && !strings.HasPrefix(metric, "process_") {
		metric = "approval_relay_" + metric
	}
	for _, base := range []string{`namespace="prod"`, `job="approval-relay"`, `instance="a"`} {
		key, _, _ := strings.Cut(base, "=")
		if !strings.HasPrefix(labels, key+"=") && !strings.Contains(labels, ","+key+"=") {
			labels = strings.TrimPrefix(labels+","+base, ",")
		}
	}
	return series{metric + "{" + labels + "}", segments}
}

// values returns the samples in promtool's notation.
func (s series) values(samplesPerMinute float64) string {
	var out []string
	value := 0.0
	for _, g := range s.segments {
		samples := int(g.minutes * samplesPerMinute)
		if samples == 0 {
			continue
		}
		if g.gone {
			if g.stale {
				out = append(out, "stale")
				samples--
			}
			if samples > 0 {
				out = append(out, fmt.Sprintf("_x%d", samples))
			}
			continue
		}
		if g.from != nil {
			value = *g.from
		}
		step := g.growth / samplesPerMinute
		out = append(out, fmt.Sprintf("%s%+gx%d", number(value), step, samples-1))
		value += step * float64(samples)
	}
	return strings.Join(out, " ")
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// scenarioTests returns the content of a file of tests.
func scenarioTests(long bool) string {
	evaluation := "1m"
	if long {
		evaluation = "5m"
	}
	var b strings.Builder
	b.WriteString(`# Situations of an installation, and the alerts that fire in each; every other alert must stay silent.
# Made from the tables in this folder: go test ./deploy/prometheus -update
rule_files: [rules.yaml]
evaluation_interval: ` + evaluation + `
tests:
`)
	for _, s := range scenarios() {
		if s.isLong() == long {
			s.write(&b)
		}
	}
	return b.String()
}

// healthy are the series that every scenario has, unless it says otherwise: a worker that has been up for days.
func (s scenario) healthy() []series {
	if s.bare {
		return nil
	}
	minutes := float64(s.minutes)
	var all []series
	for _, base := range []series{
		of("up", flat(1, minutes)),
		of("process_start_time_seconds", flat(-10*86400, minutes)),
	} {
		metric, _, _ := strings.Cut(base.name, "{")
		if !slices.ContainsFunc(s.series, func(o series) bool { return strings.HasPrefix(o.name, metric+"{") }) {
			all = append(all, base)
		}
	}
	return all
}

func (s scenario) write(b *strings.Builder) {
	interval := time.Duration(float64(time.Minute) / s.samplesPerMinute())
	fmt.Fprintf(b, "  - name: %q\n    interval: %.0fs\n    input_series:\n", s.name, interval.Seconds())
	for _, one := range append(s.healthy(), s.series...) {
		fmt.Fprintf(b, "      - {series: '%s', values: '%s'}\n", one.name, one.values(s.samplesPerMinute()))
	}
	b.WriteString("    promql_expr_test:\n")
	expect := func(expr string, minute int, fires []string) {
		fmt.Fprintf(b, "      - expr: '%s'\n        eval_time: %dm\n", expr, minute)
		if len(fires) == 0 {
			b.WriteString("        exp_samples: []\n")
			return
		}
		b.WriteString("        exp_samples:\n")
		for _, f := range fires {
			severity, name, _ := strings.Cut(f, " ")
			fmt.Fprintf(b, "          - {labels: '{alertname=%q, severity=%q}', value: 1}\n", name, severity)
		}
	}
	const fired = `max by (alertname, severity) (max_over_time(ALERTS{alertstate="firing"%s}[%dm]))`
	minute := cmp.Or(s.within, s.minutes)
	expect(fmt.Sprintf(fired, "", s.minutes), s.minutes, s.fires)
	if minute != s.minutes {
		expect(fmt.Sprintf(fired, "", s.minutes), minute, s.fires)
	}
	for _, label := range s.labels {
		expect(fmt.Sprintf(fired, ", "+label, s.minutes), s.minutes, s.fires)
	}
	if s.ends {
		expect(`max by (alertname, severity) (ALERTS{alertstate="firing"})`, s.minutes, nil)
	}
	if s.silent != "" {
		again := fmt.Sprintf(`max_over_time(ALERTS{alertname=%q, alertstate="firing"}[%dm])`, s.silent, s.minutes-s.after)
		expect(again, s.minutes, nil)
	}
}

// scenarios returns all scenarios.
func scenarios() []scenario {
	return slices.Concat(workerScenarios(), storeScenarios(), queueScenarios(), answerScenarios(), targetScenarios(), owedScenarios(),
		notificationScenarios(), approvalScenarios(), inboundScenarios(), yearsScenarios(),
		fleetScenarios(), heldScenarios(), sparseScenarios())
}

// Every alert fires in a scenario with the severity that it has, and names are not misspelt.
func TestEveryAlertFiresInAScenario(t *testing.T) {
	t.Parallel()
	want, fired := map[string]bool{}, map[string]bool{}
	for _, g := range groups() {
		for _, a := range g.alerts {
			want[a.severity+" "+a.name] = true
		}
	}
	names := map[string]bool{}
	for _, s := range scenarios() {
		require.False(t, names[s.name], "two scenarios have the name %s", s.name)
		names[s.name] = true
		for _, f := range s.fires {
			fired[f] = true
		}
	}
	require.Equal(t, want, fired)
	require.GreaterOrEqual(t, len(names), 160)
}

// promtool finds the verdict of every scenario right.
func TestScenarios(t *testing.T) {
	t.Parallel()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed (Debian: apt-get install prometheus)")
	}
	for _, arguments := range [][]string{
		{"check", "rules", "rules.yaml"},
		{"test", "rules", "rules_test.yaml"},
		{"test", "rules", "rules_long_test.yaml"},
	} {
		t.Run(strings.Join(arguments, " "), func(t *testing.T) {
			t.Parallel()
			out, err := exec.CommandContext(t.Context(), promtool, arguments...).CombinedOutput()
			require.NoError(t, err, "%s", out)
		})
	}
}
