package metrics

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

var update = flag.Bool("update", false, "write the golden files")

func config() Config {
	return Config{
		Workflows: []string{"payments"},
		Channels:  []string{"mail"},
		Targets:   []string{"sfn"},
		Sources:   []string{"erp"},

		RefusingSources: []string{"decision-erp", "public"},
		Handlers:        []string{"request payments"},
		Queues:          []string{"payments"},
		Routes:          []string{"POST /v1/requests"},
		AWSOperations:   []string{"SFN.SendTaskSuccess", "SQS.ReceiveMessage"},
	}
}

func fresh(t *testing.T) (*Metrics, *prometheus.Registry) {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	return New(reg, config()), reg
}

// values returns the value of every series by "name{label="value",…}", without the namespace. The value of a histogram
// is its count.
func values(t *testing.T, reg prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	require.NoError(t, err)
	out := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			name := strings.TrimPrefix(f.GetName(), namespace) + "{" + strings.Join(labels, ",") + "}"
			switch {
			case m.Counter != nil:
				out[name] = m.Counter.GetValue()
			case m.Gauge != nil:
				out[name] = m.Gauge.GetValue()
			case m.Histogram != nil:
				out[name] = float64(m.Histogram.GetSampleCount())
				assert.NotNil(t, m.Histogram.Schema, "%s has no native histogram", name)
				assert.NotEmpty(t, m.Histogram.GetBucket(), "%s has no classic buckets", name)
			}
		}
	}
	return out
}

// changed returns the differences between two readings.
func changed(before, after map[string]float64) map[string]float64 {
	out := map[string]float64{}
	for name, v := range after {
		if old, ok := before[name]; !ok || old != v {
			out[name] = v - old
		}
	}
	return out
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	path := "testdata/" + file
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got), "run go test ./metrics -update and read the difference")
}

func TestAFreshRegistryHasEveryLabelAtZero(t *testing.T) {
	t.Parallel()
	m, reg := fresh(t)
	m.RegisterStore(func(context.Context) (store.Stats, error) { return store.Stats{}, nil }, time.Now)
	var families []string
	for _, r := range m.builder.rows {
		families = append(families, r.Name)
	}
	body := exposition(t, reg)
	golden(t, "good_fresh.prom", body)
	require.NoError(t, testutil.GatherAndCompare(reg, bytes.NewReader(body), families...))
	for name, v := range values(t, reg) {
		if name != "store_up{}" {
			assert.Zero(t, v, name)
		}
	}
}

// exposition returns the answer to a scrape without native histograms.
func exposition(t *testing.T, reg prometheus.Gatherer) []byte {
	t.Helper()
	w := httptest.NewRecorder()
	handlerFor(reg).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, w.Code)
	return w.Body.Bytes()
}

// someStats has a value for every series of the store.
func someStats() store.Stats {
	pending := store.WorkflowStats{Pending: 1, Oldest: time.Unix(5, 0)}
	return store.Stats{OldestDue: time.Unix(9, 0), Workflows: map[string]store.WorkflowStats{"payments": pending}}
}

func TestLint(t *testing.T) {
	t.Parallel()
	m, reg := fresh(t)
	m.RegisterStore(func(context.Context) (store.Stats, error) {
		return someStats(), nil
	}, time.Now)
	m.RegisterRuntime("v1", "abc")
	problems, err := testutil.GatherAndLint(reg)
	require.NoError(t, err)
	require.Empty(t, problems)
}

// The number of series is bounded for any input, and unknown names do not become labels.
func TestNamesFromOutsideAreBounded(t *testing.T) {
	t.Parallel()
	m, reg := fresh(t)
	say := func(i int) {
		s := fmt.Sprintf("evil-%d", i)
		for _, kind := range eventKinds(t) {
			m.Observe(t.Context(), []approval.Event{{
				Kind:     kind,
				Workflow: s,
				Channel:  s,
				Target:   s,
				Source:   s,
				Via:      approval.Via(s),
				Code:     s,
				Outcome:  approval.Outcome(s),
				By:       s,
				Note:     s,
				Approval: s,
				Attempt:  2,
			}})
		}
		m.DeadLettered(s)
		m.MessageHandled(t.Context(), s, s, time.Second)
		m.ActionDispatched(approval.ActionKind(s))
		m.RunningActionsChanged(approval.ActionKind(s), 1)
		m.HTTPAnswered(s, 700, time.Second)
		m.QueueMetrics(s).ReceiveSucceeded(1)
	}
	say(0)
	once := len(values(t, reg))
	for i := range 50 {
		say(i)
	}
	require.Len(t, values(t, reg), once)
	require.NotContains(t, string(exposition(t, reg)), "evil")
	require.InDelta(t, 51, values(t, reg)[`requests_total{workflow="other"}`], 0)
}

func TestMarkdownTableNamesEverySeries(t *testing.T) {
	t.Parallel()
	m, reg := fresh(t)
	m.RegisterStore(func(context.Context) (store.Stats, error) {
		return someStats(), nil
	}, time.Now)
	m.RegisterBodies(func() int64 { return 0 }, func() int64 { return 0 })
	m.RegisterHeartbeats(func() (kept int, late time.Duration) { return 0, 0 })
	m.RegisterRuntime("v1", "abc")
	families, err := reg.Gather()
	require.NoError(t, err)
	text := MarkdownTable()
	golden(t, "good_table.md", []byte(text))
	seen := 0
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), namespace) {
			seen++
			assert.Contains(t, text, "| `"+f.GetName()+"` | "+strings.ToLower(f.GetType().String())+" |")
			assert.Contains(t, text, f.GetHelp())
		}
	}
	assert.Len(t, Rows(), seen)
}
