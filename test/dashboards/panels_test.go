package dashboards

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"
)

// settle is how long panels may take to show what has happened: some scrapes, on
// a machine that is busy.
const settle = 30 * time.Second

// calm are the panels whose last value is rightly 0 when the run is over.
var calm = map[string]string{
	"worker.json, Overdue, A": "the disk has room again",
}

// TestPanels lets the built program do all that it can, under the eyes of a real
// Prometheus, and looks at every query of every panel: it must have samples, and
// some of them not 0.
func TestPanels(t *testing.T) {
	t.Parallel()
	bin, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("there is no prometheus to ask (Debian: apt-get install prometheus)")
	}
	w := newWorld(t)
	prom := startPrometheus(t, bin, w.operator)
	w.start(t)
	require.NoError(t, await("the first scrape", func() bool { // what was counted before it is not seen to rise
		values, err := prom.values("approval_relay_build_info", "instance")
		return err == nil && len(values) == 1
	}))
	if err := w.load(); err != nil {
		t.Fatalf("%v\n%s", err, tail(w.log()))
	}
	w.moved(t)

	var seen []row
	for limit := time.Now().Add(settle); ; {
		seen, err = look(t, prom, w.operator)
		require.NoError(t, err)
		if !slices.ContainsFunc(seen, func(r row) bool { return r.fault() != "" }) || time.Now().After(limit) {
			break
		}
		time.Sleep(scrapeEvery)
	}
	t.Logf("%d queries, %.0f s after the beginning\n%s", len(seen), time.Since(prom.began).Seconds(), render(seen))
	for _, r := range seen {
		if fault := r.fault(); fault != "" {
			t.Errorf("%s: %s\n%s", r.name(), fault, r.expr)
		}
	}
}

// row is what one query brought.
type row struct {
	file, panel, ref, expr string
	series                 int
	samples                int // that are numbers
	moving                 int // that are not 0
	foreign                int // series of others
}

func (r row) name() string { return fmt.Sprintf("%s, %s, %s", r.file, r.panel, r.ref) }

// fault says what is wrong with it, or nothing.
func (r row) fault() string {
	switch {
	case r.foreign > 0:
		return "shows what is not the program's"
	case r.samples == 0:
		return "is empty"
	case r.moving == 0 && calm[r.name()] == "":
		return "is always 0"
	}
	return ""
}

// look asks every query of every panel.
func look(t *testing.T, s *server, operator string) (out []row, _ error) {
	t.Helper()
	for _, b := range boards(t) {
		put, err := s.substitute(b)
		if err != nil {
			return nil, err
		}
		for _, p := range b.panels() {
			for _, q := range queries(p) {
				r := row{file: b.file, panel: text(p.Title), ref: q.ref, expr: put(q.expr)}
				results, err := s.query(r.expr, q.instant)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", r.name(), err)
				}
				r.count(results, operator)
				out = append(out, r)
			}
		}
	}
	return out, nil
}

func (r *row) count(results []result, operator string) {
	r.series = len(results)
	for _, one := range results {
		if instance := one.Metric["instance"]; instance != "" && instance != operator {
			r.foreign++
		}
		for _, s := range one.Values {
			v := s.value()
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				r.samples++
				if v != 0 {
					r.moving++
				}
			}
		}
	}
}

func render(rows []row) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "dashboard\tpanel\tquery\tseries\tsamples\tnot 0\t")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%s\n", r.file, r.panel, r.ref, r.series, r.samples, r.moving, r.fault())
	}
	_ = w.Flush() // to a text
	return b.String()
}

// A query without numbers, with none but 0, or of others is noticed.
func TestRowsNotice(t *testing.T) {
	t.Parallel()
	at := func(values ...string) result {
		r := result{Metric: map[string]string{"instance": "ours"}}
		for _, v := range values {
			r.Values = append(r.Values, sample{1.0, v})
		}
		return r
	}
	for want, results := range map[string][]result{
		"": {at("0", "NaN"), at("0.5", "0")}, "is empty": {at("NaN", "+Inf"), at()}, "is always 0": {at("0"), at("0", "NaN")},
		"shows what is not the program's": {at("1"), {Metric: map[string]string{"instance": "theirs"}, Values: []sample{{1.0, "1"}}}},
	} {
		var r row
		r.count(results, "ours")
		require.Equal(t, want, r.fault())
	}
}

// never are the label values that no run can bring about.
var never = map[string]string{
	`decisions_total via="sso"`:           "nothing in this version signs people in",
	`decisions_total verdict="assurance"`: "a page that is not sure enough has no form",
	`heartbeats_total result="refused"`:   "Step Functions refuses no heartbeat for good that the program would send",
}

var counted = regexp.MustCompile(`^approval_relay_(\w+_total)\{(.*)\} (\S+)$`)

// moved holds the load to what there is to be seen: every outcome, verdict, way
// in, result, kind and class of status was counted by every counter that has it.
func (w *world) moved(t *testing.T) {
	t.Helper()
	status, body := w.call(http.MethodGet, "http://"+w.operator+"/metrics", "", "")
	require.Equal(t, http.StatusOK, status)
	moved := map[string]bool{}
	for line := range strings.Lines(body) {
		m := counted.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		for label := range strings.SplitSeq(m[2], ",") {
			name, _, _ := strings.Cut(label, "=")
			if slices.Contains([]string{"outcome", "verdict", "via", "result", "kind", "code"}, name) {
				moved[m[1]+" "+label] = moved[m[1]+" "+label] || m[3] != "0"
			}
		}
	}
	require.NotEmpty(t, moved)
	for _, label := range slices.Sorted(maps.Keys(moved)) {
		if reason, excused := never[label]; moved[label] == excused {
			t.Errorf("%s was counted: %t (%s)", label, moved[label], reason)
		}
	}
}
