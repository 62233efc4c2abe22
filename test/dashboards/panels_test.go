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

// settleTime is the time that panels may take to show the last events: some scrapes, on a busy machine.
const settleTime = 30 * time.Second

// mayBeZero are the panels whose value may be 0, at the end of the run or all the time, with the reason.
var mayBeZero = map[string]string{
	"approvals.json, Oldest answer owed, A":           "every answer of the load has come to its end",
	"delivery.json, Truth about ended callbacks, A":   "no execution of the load is read",
	"approvals.json, Alerts that fire, A":             "the Prometheus of the test has no rules, see deploy/prometheus",
	"worker.json, Connections closed at the limit, A": "the load has few connections, see TestFlood",
	"worker.json, Orders that cannot be opened, A":    "the program has the keys of its store",
	"approvals.json, Requested, B":                    "every message of the load is used whole",
	"delivery.json, Heartbeats, B":                    "whether a probe ends before its task does depends on the moment",
	"delivery.json, Heartbeats kept in memory, B":     "every heartbeat of the load is in time",
	"delivery.json, Orders that wait for capacity, A": "it takes more than 512 slow calls at once, see TestBurstOnASlowChannel",
	"worker.json, Paused and drained, A":              "nobody pauses during the load",
	"worker.json, Uncertain clocks, A":                "the clock of the machine is right",
	"approvals.json, Buttons in Slack and Teams, B":   "the load has no bot of Teams",
	"worker.json, Units of the DynamoDB table, A":     "the store of the load is a file",
	"worker.json, Units of the DynamoDB table, B":     "the store of the load is a file",
	"worker.json, Overdue, A":                         "the disk has room again",
}

// A real Prometheus scrapes the built program while the load causes every event. Then every query of every panel has
// samples, and some of them are not 0.
func TestPanels(t *testing.T) {
	t.Parallel()
	bin, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("there is no prometheus to ask (Debian: apt-get install prometheus)")
	}
	w := newWorld(t)
	prom := startPrometheus(t, bin, w.operator)
	w.startProgram(t)
	require.NoError(t, waitFor("the first scrape", func() bool { // an earlier event would not be seen as an increase
		values, err := prom.labelValues("approval_relay_build_info", "instance")
		return err == nil && len(values) == 1
	}))
	if err := w.runLoad(); err != nil {
		t.Fatalf("%v\n%s", err, logTail(w.logPath()))
	}
	w.checkCounted(t)

	var seen []panelResult
	for limit := time.Now().Add(settleTime); ; {
		seen, err = queryPanels(t, prom, w.operator)
		require.NoError(t, err)
		if !slices.ContainsFunc(seen, func(r panelResult) bool { return r.fault() != "" }) || time.Now().After(limit) {
			break
		}
		time.Sleep(scrapeEvery)
	}
	t.Logf("%d queries, %.0f s after the beginning\n%s", len(seen), time.Since(prom.began).Seconds(), renderTable(seen))
	for _, r := range seen {
		if fault := r.fault(); fault != "" {
			t.Errorf("%s: %s\n%s", r.name(), fault, r.expr)
		}
	}
}

// panelResult is the result of a query.
type panelResult struct {
	file, panel, ref, expr string
	series                 int
	samples                int // numbers among the samples
	moving                 int // samples that are not 0
	foreign                int // series of other programs
}

func (r panelResult) name() string { return fmt.Sprintf("%s, %s, %s", r.file, r.panel, r.ref) }

// fault returns the fault of the result, or "".
func (r panelResult) fault() string {
	switch {
	case r.foreign > 0:
		return "shows another program"
	case r.samples == 0:
		return "is empty"
	case r.moving == 0 && mayBeZero[r.name()] == "":
		return "is always 0"
	}
	return ""
}

// queryPanels runs every query of every panel.
func queryPanels(t *testing.T, s *server, operator string) (out []panelResult, _ error) {
	t.Helper()
	for _, b := range readBoards(t) {
		put, err := s.newSubstitution(b)
		if err != nil {
			return nil, err
		}
		for _, p := range b.allPanels() {
			for _, q := range queriesOf(p) {
				r := panelResult{file: b.file, panel: textOf(p.Title), ref: q.ref, expr: put(q.expr)}
				results, err := s.runQuery(r.expr, q.instant)
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

func (r *panelResult) count(results []result, operator string) {
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

func renderTable(rows []panelResult) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "dashboard\tpanel\tquery\tseries\tsamples\tnot 0\t")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%s\n", r.file, r.panel, r.ref, r.series, r.samples, r.moving, r.fault())
	}
	_ = w.Flush() // a strings.Builder cannot fail
	return b.String()
}

// The test finds queries without numbers, with zeros only, and with series of other programs.
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
		"shows another program": {at("1"), {Metric: map[string]string{"instance": "theirs"}, Values: []sample{{1.0, "1"}}}},
	} {
		var r panelResult
		r.count(results, "ours")
		require.Equal(t, want, r.fault())
	}
}

// neverCounted are the label values that no run of this load causes.
var neverCounted = map[string]string{
	`actions_not_made_total kind="heartbeat"`:      "no heartbeat waits for the rate limit",
	`actions_not_made_total kind="notify"`:         "no channel of the load has a rate limit",
	`actions_not_made_total kind="reconcile"`:      "no execution of the load is read",
	`actions_dispatched_total kind="reconcile"`:    "no execution of the load is read",
	`answers_missed_total outcome="unknown"`:       "no reply of the load is lost while its task ends by itself",
	`callbacks_total outcome="unknown"`:            "no reply of the load is lost while its task ends by itself",
	`callback_attempts_total result="interrupted"`: "no worker of the load is killed within a call",
	`decisions_total verdict="anonymous"`:          "all approvers of the load are named, see TestUnnamedLinkOfAKnownRequester",
	`decisions_total verdict="asker"`:              "the token of the load may decide its own requests, see TestAskerDoesNotDecide",
	`decisions_total verdict="duplicate"`:          "every decision of the load has an ID, see TestSecondRoundInTheSameWords",
	`messages_total result="full"`:                 "it takes 1,000 approvals of an order, see TestLimitOfApprovals",
	`decisions_total via="sso"`:                    "the test has no sign-in",
	`decisions_total verdict="assurance"`:          "a page without enough assurance has no form",
	`decisions_total verdict="proposed"`:           "no workflow of the load needs a second operator",
	`decisions_total verdict="proposer"`:           "no workflow of the load needs a second operator",
	`teams_interactions_total result="accepted"`:   "the load has no bot of Teams",
	`teams_interactions_total result="refused"`:    "the load has no bot of Teams",
	`teams_interactions_total result="failed"`:     "the load has no bot of Teams",
	`dynamodb_units_total kind="read"`:             "the store of the load is a file",
	`dynamodb_units_total kind="write"`:            "the store of the load is a file",
	`heartbeats_total result="refused"`:            "Step Functions refuses no heartbeat of the program for good",
}

var counted = regexp.MustCompile(`^approval_relay_(\w+_total)\{(.*)\} (\S+)$`)

// checkCounted checks that the load caused every event: every counter counted each outcome, verdict, way in, result,
// kind and class of status that it has.
func (w *world) checkCounted(t *testing.T) {
	t.Helper()
	status, body := w.callHTTP(http.MethodGet, "http://"+w.operator+"/metrics", "", "")
	require.Equal(t, http.StatusOK, status)
	require.NotContains(t, body, `aws_calls_total{operation="other"`, "an operation of AWS is missing in app.AWSOperations")
	moved := map[string]bool{}
	for line := range strings.Lines(body) {
		m := counted.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil || m[1] == "probes_total" { // the moment decides about the answer to a probe
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
		if reason, excused := neverCounted[label]; moved[label] == excused {
			t.Errorf("%s was counted: %t (%s)", label, moved[label], reason)
		}
	}
}
