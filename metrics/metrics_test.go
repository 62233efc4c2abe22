package metrics

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/sqs"
	"github.com/approval-relay/approval-relay/store"
)

var update = flag.Bool("update", false, "write the golden files")

func config() Config {
	return Config{
		Workflows: []string{"payments"}, Channels: []string{"mail"}, Targets: []string{"sfn"}, Sources: []string{"erp"},
		Handlers: []string{"request payments"}, Queues: []string{"payments"}, Routes: []string{"POST /v1/requests"},
		AWSOperations: []string{"SFN.SendTaskSuccess", "SQS.ReceiveMessage"},
	}
}

func fresh(t *testing.T) (*Metrics, *prometheus.Registry) {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	return New(reg, config()), reg
}

// values reads every series as "name{label="value",…}" (of a histogram its
// count), without the namespace.
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

// changed returns what is not as it was before.
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
	m.WatchStore(func(context.Context) (store.Stats, error) { return store.Stats{}, nil })
	var families []string
	for _, r := range m.b.rows {
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

// exposition is what a scrape without native histograms gets.
func exposition(t *testing.T, reg prometheus.Gatherer) []byte {
	t.Helper()
	w := httptest.NewRecorder()
	handlerFor(reg).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, w.Code)
	return w.Body.Bytes()
}

func TestLint(t *testing.T) {
	t.Parallel()
	m, reg := fresh(t)
	m.WatchStore(func(context.Context) (store.Stats, error) {
		return store.Stats{OldestDue: time.Unix(9, 0), Workflows: map[string]store.WorkflowStats{"payments": {Pending: 1, Oldest: time.Unix(5, 0)}}}, nil
	})
	m.Runtime("v1", "abc")
	problems, err := testutil.GatherAndLint(reg)
	require.NoError(t, err)
	require.Empty(t, problems)
}

// eventKinds reads the kinds of events from the domain's own source, so that a
// new one cannot be forgotten here.
func eventKinds(t *testing.T) []approval.EventKind {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../approval/event.go", nil, 0)
	require.NoError(t, err)
	var out []approval.EventKind
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if id, ok := spec.Type.(*ast.Ident); ok && id.Name == "EventKind" {
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			out = append(out, approval.EventKind(text))
		}
		return true
	})
	require.GreaterOrEqual(t, len(out), 17)
	return out
}

func TestEveryEventHasItsSeries(t *testing.T) {
	t.Parallel()
	type series = map[string]float64
	base := approval.Event{Workflow: "payments", Target: "sfn", Channel: "mail", Source: "erp", Via: approval.ViaWebhook, Outcome: approval.Reject, Age: time.Hour}
	with := func(code string, attempt int) approval.Event {
		e := base
		e.Code, e.Attempt = code, attempt
		return e
	}
	const w, c, tg = `{workflow="payments"}`, `{channel="mail"}`, `{target="sfn"}`
	cases := []struct {
		kind  approval.EventKind
		event approval.Event
		want  series
	}{
		{approval.EventRequested, base, series{"requests_total" + w: 1}},
		{approval.EventRequestRepeated, base, series{"requests_repeated_total" + w: 1}},
		{approval.EventSuperseded, base, series{"superseded_total" + w: 1}},
		{approval.EventDecisionReceived, with("recorded", 0), series{
			`decisions_total{outcome="reject",verdict="recorded",via="webhook"}`: 1, `source_decisions_total{result="taken",source="erp"}`: 1,
		}},
		{approval.EventDecisionReceived, with("late", 0), series{
			`decisions_total{outcome="reject",verdict="late",via="webhook"}`: 1, `source_decisions_total{result="settled",source="erp"}`: 1,
		}},
		{approval.EventDecisionReceived, with("ambiguous", 0), series{
			`decisions_total{outcome="reject",verdict="ambiguous",via="webhook"}`: 1, `source_decisions_total{result="refused",source="erp"}`: 1,
		}},
		{approval.EventDecided, base, series{
			`decided_total{outcome="reject",workflow="payments"}`: 1, `approval_decision_seconds{outcome="reject",workflow="payments"}`: 1,
			"decision_time_left_seconds" + w: 1,
		}},
		{approval.EventTimedOut, base, series{"timeouts_total" + w: 1}},
		{approval.EventCancelled, base, series{"cancelled_total" + w: 1}},
		{approval.EventUnmatchedExpired, base, series{"unmatched_expired_total{}": 1}},
		{approval.EventEscalated, base, series{"escalations_total" + w: 1}},
		{approval.EventUndeliverable, base, series{"undeliverable_total" + w: 1}},
		{approval.EventFirstNotified, base, series{"first_notification_seconds" + w: 1}},
		{approval.EventReminded, base, series{"reminders_total" + w: 1}},
		{approval.EventNotified, with("", 1), series{"notifications_total" + c: 1, "notification_requests_total" + c: 1, "notification_delivery_seconds" + c: 1}},
		{approval.EventNotificationFailed, with("failed", 2), series{
			"notification_requests_total" + c: 1, "notification_requests_failed_total" + c: 1, `retries_total{kind="notify"}`: 1,
		}},
		{approval.EventNotificationExhausted, with("failed", 2), series{"notifications_total" + c: 1, "notifications_failed_total" + c: 1}},
		{approval.EventHeartbeat, with("closed", 0), series{`heartbeats_total{result="closed",target="sfn"}`: 1}},
		{approval.EventCallbackAttempt, with("failed", 1), series{`callback_attempts_total{result="failed",target="sfn"}`: 1}},
		{approval.EventCallbackAttempt, with("ok", 3), series{`callback_attempts_total{result="ok",target="sfn"}`: 1, `retries_total{kind="call_back"}`: 1}},
		{approval.EventCallbackEnded, with("delivered", 1), series{`callbacks_total{outcome="delivered",target="sfn"}`: 1, "callback_delivery_seconds" + tg: 1}},
		{approval.EventCallbackEnded, with("delivered_presumed", 1), series{`callbacks_total{outcome="delivered_presumed",target="sfn"}`: 1, "callback_delivery_seconds" + tg: 1}},
		{approval.EventCallbackEnded, with("exhausted", 1), series{`callbacks_total{outcome="exhausted",target="sfn"}`: 1}},
		{approval.EventRedriven, with("", 1), series{"redriven_total" + w: 1}},
		{approval.EventTokenErased, base, series{"tokens_erased_total" + w: 1}},
	}
	covered := map[approval.EventKind]bool{}
	for _, tc := range cases {
		covered[tc.kind] = true
		t.Run(string(tc.kind)+" "+tc.event.Code, func(t *testing.T) {
			t.Parallel()
			m, reg := fresh(t)
			before := values(t, reg)
			tc.event.Kind = tc.kind
			m.Observe(t.Context(), []approval.Event{tc.event})
			require.Equal(t, tc.want, changed(before, values(t, reg)))
		})
	}
	for _, kind := range eventKinds(t) {
		assert.True(t, covered[kind], "the kind of event %q has no series", kind)
	}
}

func TestWhatCallersSayHasItsSeries(t *testing.T) {
	t.Parallel()
	const q = `{queue="payments"}`
	cases := map[string]struct {
		do   func(*Metrics)
		want map[string]float64
	}{
		"dead letter": {func(m *Metrics) { m.DeadLettered("order") }, map[string]float64{`dead_letters_total{source="order"}`: 1}},
		"message": {
			func(m *Metrics) { m.Message(context.Background(), "callbacks", "ok", time.Second) },
			map[string]float64{`messages_total{handler="callbacks",result="ok"}`: 1, `handler_seconds{handler="callbacks"}`: 1},
		},
		"dispatched":   {func(m *Metrics) { m.Dispatched(approval.ActionNotify) }, map[string]float64{`actions_dispatched_total{kind="notify"}`: 1}},
		"running":      {func(m *Metrics) { m.Running(approval.ActionCallback, 2) }, map[string]float64{`actions_running{kind="call_back"}`: 2}},
		"held":         {func(m *Metrics) { m.Held("sfn", 1) }, map[string]float64{`target_places_held{target="sfn"}`: 1}},
		"failed sweep": {func(m *Metrics) { m.Swept(0, errors.New("no")) }, map[string]float64{`sweeps_total{result="failed"}`: 1}},
		"commit": {func(m *Metrics) { m.Committed(3, time.Millisecond, nil) }, map[string]float64{
			"store_commits_total{}": 1, "store_updates_total{}": 3, "store_commit_seconds{}": 1, "store_commit_updates{}": 1,
		}},
		"failed commit": {func(m *Metrics) { m.Committed(3, time.Millisecond, errors.New("no")) }, map[string]float64{
			"store_commits_total{}": 1, "store_commit_errors_total{}": 1, "store_commit_seconds{}": 1,
		}},
		"depth": {func(m *Metrics) { m.SQS("payments").Depth(3, 2, 1) }, map[string]float64{
			`sqs_queue_messages{queue="payments",state="visible"}`: 3, `sqs_queue_messages{queue="payments",state="in_flight"}`: 2,
			`sqs_queue_messages{queue="payments",state="delayed"}`: 1,
		}},
		"depth not read": {func(m *Metrics) { m.SQS("payments").DepthUnread() }, map[string]float64{"sqs_queue_read_errors_total" + q: 1}},
		"stored":         {func(m *Metrics) { m.Stored("update", time.Millisecond) }, map[string]float64{`store_seconds{operation="update"}`: 1}},
		"waited":         {func(m *Metrics) { m.Waited("sfn", time.Second) }, map[string]float64{`limiter_wait_seconds{target="sfn"}`: 1}},
		"AWS": {func(m *Metrics) { m.AWSCalled("SQS.ReceiveMessage", "denied") }, map[string]float64{
			`aws_calls_total{operation="SQS.ReceiveMessage",result="denied"}`: 1,
		}},
		"skew":    {func(m *Metrics) { m.ClockSkew(-1500 * time.Millisecond) }, map[string]float64{"aws_clock_skew_seconds{}": -1.5}},
		"spans":   {func(m *Metrics) { m.Exported(3, nil) }, map[string]float64{`trace_spans_total{result="exported"}`: 3}},
		"lost":    {func(m *Metrics) { m.Exported(2, errors.New("no")) }, map[string]float64{`trace_spans_total{result="lost"}`: 2}},
		"view":    {func(m *Metrics) { m.Page("viewed") }, map[string]float64{"link_views_total{}": 1}},
		"post":    {func(m *Metrics) { m.Page("posted") }, map[string]float64{"link_posts_total{}": 1}},
		"refused": {func(m *Metrics) { m.Page("refused") }, map[string]float64{"link_refusals_total{}": 1}},
		"slack":   {func(m *Metrics) { m.Slack("pressed") }, map[string]float64{`slack_interactions_total{result="pressed"}`: 1}},
		"unknown": {func(m *Metrics) { m.Page("?") }, map[string]float64{}},
		"received": {func(m *Metrics) { m.SQS("payments").Received(7) }, map[string]float64{
			"sqs_receives_total" + q: 1, "sqs_messages_received_total" + q: 7,
		}},
		"empty receive": {func(m *Metrics) { m.SQS("payments").Received(0) }, map[string]float64{
			"sqs_receives_total" + q: 1, "sqs_empty_receives_total" + q: 1,
		}},
		"failed receive": {func(m *Metrics) { m.SQS("payments").ReceiveFailed() }, map[string]float64{
			"sqs_receives_total" + q: 1, "sqs_receive_errors_total" + q: 1,
		}},
		"aged":      {func(m *Metrics) { m.SQS("payments").Age(-time.Second) }, map[string]float64{"sqs_message_age_seconds" + q: 1}},
		"in flight": {func(m *Metrics) { m.SQS("payments").InFlight(4) }, map[string]float64{"sqs_in_flight" + q: 4}},
		"deleted": {func(m *Metrics) { m.SQS("payments").Deleted(8) }, map[string]float64{
			"sqs_deletes_total" + q: 1, "sqs_messages_deleted_total" + q: 8,
		}},
		"not deleted": {func(m *Metrics) { m.SQS("payments").DeleteFailed(2) }, map[string]float64{"sqs_delete_failures_total" + q: 2}},
		"extended": {func(m *Metrics) { m.SQS("payments").Extended() }, map[string]float64{
			"sqs_visibility_extensions_total" + q: 1,
		}},
		"visibility":  {func(m *Metrics) { m.SQS("payments").VisibilityFailed() }, map[string]float64{"sqs_visibility_errors_total" + q: 1}},
		"returned":    {func(m *Metrics) { m.SQS("payments").Returned() }, map[string]float64{"sqs_messages_returned_total" + q: 1}},
		"undecodable": {func(m *Metrics) { m.SQS("payments").Undecodable() }, map[string]float64{"sqs_messages_undecodable_total" + q: 1}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, reg := fresh(t)
			before := values(t, reg)
			tc.do(m)
			require.Equal(t, tc.want, changed(before, values(t, reg)))
		})
	}
}

var _ sqs.Observer = (*SQSMetrics)(nil)

func TestASweepThatEndedWellIsDated(t *testing.T) {
	t.Parallel()
	m, reg := fresh(t)
	m.Swept(4, nil)
	v := values(t, reg)
	require.InDelta(t, 1, v[`sweeps_total{result="ok"}`], 0)
	require.InDelta(t, 4, v["sweeper_claimed_total{}"], 0)
	require.InDelta(t, float64(time.Now().Unix()), v["sweeper_last_success_timestamp_seconds{}"], 60)
}

// Whatever is sent to us, the number of series stays bounded, and nothing that
// was sent becomes a label.
func TestNamesFromOutsideAreBounded(t *testing.T) {
	t.Parallel()
	m, reg := fresh(t)
	say := func(i int) {
		s := fmt.Sprintf("evil-%d", i)
		for _, kind := range eventKinds(t) {
			m.Observe(t.Context(), []approval.Event{{Kind: kind, Workflow: s, Channel: s, Target: s, Source: s, Via: approval.Via(s), Code: s, Outcome: approval.Outcome(s), By: s, Note: s, Approval: s, Attempt: 2}})
		}
		m.DeadLettered(s)
		m.Message(t.Context(), s, s, time.Second)
		m.Dispatched(approval.ActionKind(s))
		m.Running(approval.ActionKind(s), 1)
		m.HTTP(s, 700, time.Second)
		m.SQS(s).Received(1)
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

func TestHTTPCountsByPattern(t *testing.T) {
	t.Parallel()
	m, reg := fresh(t)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/requests", func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.RawQuery {
		case "early":
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusConflict)
		case "panic":
			panic(http.ErrAbortHandler)
		}
	})
	h := m.Instrument(mux)
	for _, query := range []string{"", "early", "panic"} {
		func() {
			defer func() { _ = recover() }()
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/requests?"+query, nil))
		}()
	}
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/.env", nil))
	v := values(t, reg)
	for name, want := range map[string]float64{
		`http_requests_total{code="2xx",route="POST /v1/requests"}`: 1,
		`http_requests_total{code="4xx",route="POST /v1/requests"}`: 1,
		`http_requests_total{code="5xx",route="POST /v1/requests"}`: 1,
		`http_requests_total{code="4xx",route="other"}`:             1,
		`http_request_seconds{route="POST /v1/requests"}`:           3,
	} {
		assert.InDelta(t, want, v[name], 0, name)
	}
}

func TestMarkdownNamesEverySeries(t *testing.T) {
	t.Parallel()
	m, reg := fresh(t)
	m.WatchStore(func(context.Context) (store.Stats, error) {
		return store.Stats{OldestDue: time.Unix(9, 0), Workflows: map[string]store.WorkflowStats{"payments": {Pending: 1, Oldest: time.Unix(5, 0)}}}, nil
	})
	m.Runtime("v1", "abc")
	families, err := reg.Gather()
	require.NoError(t, err)
	text := Markdown()
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
