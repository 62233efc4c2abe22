package metrics

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify/slack"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/refusal/recent"
	"github.com/approval-relay/approval-relay/router"
	"github.com/approval-relay/approval-relay/sqs"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/web"
)

var (
	_ sqs.Observer            = (*SQSMetrics)(nil)
	_ slack.Observer          = (*Metrics)(nil)
	_ web.Observer            = (*Metrics)(nil)
	_ outbound.Observer       = (*Metrics)(nil)
	_ router.Observer         = (*Metrics)(nil)
	_ router.SweepObserver    = (*Metrics)(nil)
	_ router.DispatchObserver = (*Metrics)(nil)
	_ recent.Observer         = (*Metrics)(nil)
)

// methodCase is a call of a method, and the series that it changes. The name of the case is the name of the method,
// and after a colon the variant.
type methodCase struct {
	call func(*Metrics)
	want map[string]float64
}

func methodCases() map[string]methodCase {
	errFailed := errors.New("failed")
	return map[string]methodCase{
		"ConfigRead": {
			func(m *Metrics) { m.ConfigRead(time.UnixMilli(1500), nil) },
			map[string]float64{
				`config_last_reload_successful{}`:                1,
				`config_last_reload_success_timestamp_seconds{}`: 1.5,
			},
		},
		"ConfigRead: failed": {
			func(m *Metrics) {
				m.ConfigRead(time.UnixMilli(1500), nil)
				m.ConfigRead(time.UnixMilli(2500), errFailed)
			},
			map[string]float64{`config_last_reload_success_timestamp_seconds{}`: 1.5},
		},
		"ControlsChanged": {
			func(m *Metrics) {
				m.ControlsChanged([]store.Control{{Workflow: "payments", Mode: store.ControlPause}})
				m.ControlsChanged([]store.Control{{Mode: store.ControlDrain}})
			},
			map[string]float64{`paused{mode="drain",workflow="*"}`: 1, `paused{mode="read-only",workflow="*"}`: 0},
		},
		"ControlsChanged: read-only": {
			func(m *Metrics) {
				m.ControlsChanged([]store.Control{{Mode: store.ControlMoved}})
			},
			map[string]float64{`paused{mode="read-only",workflow="*"}`: 1},
		},
		"Listener": {
			func(m *Metrics) {
				m.Listener("public").ConnectionsOpen(7)
				m.Listener("public").ConnectionDisplaced()
				m.Listener("operator").ConnectionRefused()
			},
			map[string]float64{
				`connections{listener="public"}`:                                 7,
				`connections_closed_total{listener="public",reason="displaced"}`: 1,
				`connections_closed_total{listener="operator",reason="refused"}`: 1,
			},
		},
		"RegisterBodies": {
			func(m *Metrics) {
				m.RegisterBodies(func() int64 { return 4096 }, func() int64 { return 0 })
			},
			map[string]float64{`body_memory_bytes{listener="public"}`: 4096, `body_memory_bytes{listener="operator"}`: 0},
		},
		"AddNames": {
			func(m *Metrics) {
				m.AddNames(Config{Channels: []string{"added"}})
			},
			map[string]float64{
				`notifications_total{channel="added"}`:                0,
				`notifications_failed_total{channel="added"}`:         0,
				`notification_requests_total{channel="added"}`:        0,
				`notification_requests_failed_total{channel="added"}`: 0,
				`notification_delivery_seconds{channel="added"}`:      0,
				`outgoing_connections_total{to="channels/added"}`:     0,
			},
		},
		"Refused": {
			func(m *Metrics) { m.Refused("decision-erp", refusal.Stale) },
			map[string]float64{`refused_total{reason="stale",source="decision-erp"}`: 1},
		},
		"Refused: an unknown source": {
			func(m *Metrics) { m.Refused("decision-stranger", refusal.Stale) },
			map[string]float64{`refused_total{reason="stale",source="other"}`: 1},
		},
		"DeadLettered": {
			func(m *Metrics) { m.DeadLettered("order") },
			map[string]float64{`dead_letters_total{source="order"}`: 1},
		},
		"MessageHandled": {
			func(m *Metrics) { m.MessageHandled(context.Background(), "callbacks", "ok", time.Second) },
			map[string]float64{
				`messages_total{handler="callbacks",result="ok"}`: 1,
				`handler_duration_seconds{handler="callbacks"}`:   1,
			},
		},
		"ActionDispatched": {
			func(m *Metrics) { m.ActionDispatched(approval.ActionNotify) },
			map[string]float64{`actions_dispatched_total{kind="notify"}`: 1},
		},
		"RunningActionsChanged": {
			func(m *Metrics) { m.RunningActionsChanged(approval.ActionCallback, 2) },
			map[string]float64{`actions_running{kind="call_back"}`: 2},
		},
		"WaitingOrdersChanged": {
			func(m *Metrics) { m.WaitingOrdersChanged(approval.ActionNotify, 3) },
			map[string]float64{`actions_waiting_orders{kind="notify"}`: 3},
		},
		"ActionNotMade": {
			func(m *Metrics) { m.ActionNotMade(approval.ActionCallback) },
			map[string]float64{`actions_not_made_total{kind="call_back"}`: 1},
		},
		"CircuitBreakersChanged": {
			func(m *Metrics) { m.CircuitBreakersChanged("sfn", 1) },
			map[string]float64{`circuit_breakers_open{target="sfn"}`: 1},
		},
		"TargetLimited": {
			func(m *Metrics) { m.TargetLimited("sfn", 300) },
			map[string]float64{`target_rate_limit{target="sfn"}`: 300},
		},
		"SweepEnded: failed": {
			func(m *Metrics) { m.SweepEnded(0, errFailed) },
			map[string]float64{`sweeps_total{result="failed"}`: 1},
		},
		"CommitEnded": {
			func(m *Metrics) { m.CommitEnded(3, time.Millisecond, nil) },
			map[string]float64{
				"store_commits_total{}":           1,
				"store_updates_total{}":           3,
				"store_commit_duration_seconds{}": 1,
				"store_commit_updates{}":          1,
			},
		},
		"CommitEnded: failed": {
			func(m *Metrics) { m.CommitEnded(3, time.Millisecond, errFailed) },
			map[string]float64{
				"store_commits_total{}":           1,
				"store_commit_errors_total{}":     1,
				"store_commit_duration_seconds{}": 1,
			},
		},
		"StoreCalled": {
			func(m *Metrics) { m.StoreCalled(StoreUpdate, time.Millisecond) },
			map[string]float64{`store_call_duration_seconds{operation="update"}`: 1},
		},
		"UnreadableOrders": {
			func(m *Metrics) { m.UnreadableOrders(2) },
			map[string]float64{`store_unreadable_orders{}`: 2},
		},
		"HTTPAnswered": {
			func(m *Metrics) { m.HTTPAnswered("POST /v1/requests", 0, time.Millisecond) },
			map[string]float64{
				`http_requests_total{code="2xx",route="POST /v1/requests"}`: 1,
				`http_request_duration_seconds{route="POST /v1/requests"}`:  1,
			},
		},
		"HTTPAnswered: another route": {
			func(m *Metrics) { m.HTTPAnswered("", 404, time.Millisecond) },
			map[string]float64{
				`http_requests_total{code="4xx",route="other"}`: 1,
				`http_request_duration_seconds{route="other"}`:  1,
			},
		},
		"RateLimitWaited": {
			func(m *Metrics) { m.RateLimitWaited("sfn", time.Second) },
			map[string]float64{`rate_limit_wait_seconds{target="sfn"}`: 1},
		},
		"AWSCalled": {
			func(m *Metrics) { m.AWSCalled("SQS.ReceiveMessage", "denied") },
			map[string]float64{`aws_calls_total{operation="SQS.ReceiveMessage",result="denied"}`: 1},
		},
		"ConnectionOpened": {
			func(m *Metrics) { m.ConnectionOpened(ToAWS) },
			map[string]float64{`outgoing_connections_total{to="aws"}`: 1},
		},
		"ConnectionOpened: of a channel": {
			func(m *Metrics) { m.ConnectionOpened(ToChannel("mail")) },
			map[string]float64{`outgoing_connections_total{to="channels/mail"}`: 1},
		},
		"TableCalled": {
			func(m *Metrics) { m.TableCalled(0.5, 0, false); m.TableCalled(0, 4, false) },
			map[string]float64{`dynamodb_units_total{kind="read"}`: 0.5, `dynamodb_units_total{kind="write"}`: 4},
		},
		"TableCalled: conflict": {
			func(m *Metrics) { m.TableCalled(0, 2, true) },
			map[string]float64{`dynamodb_units_total{kind="write"}`: 2, `dynamodb_conflicts_total{}`: 1},
		},
		"ClockUncertain": {
			func(m *Metrics) { m.ClockUncertain(false); m.ClockUncertain(true) },
			map[string]float64{`clock_uncertain{}`: 1},
		},
		"ClockSkew": {
			func(m *Metrics) { m.ClockSkew(-1500*time.Millisecond, time.Second) },
			map[string]float64{"aws_clock_skew_seconds{}": -1.5},
		},
		"SpansExported": {
			func(m *Metrics) { m.SpansExported(3, nil) },
			map[string]float64{`trace_spans_total{result="exported"}`: 3},
		},
		"SpansExported: dropped": {
			func(m *Metrics) { m.SpansExported(2, errFailed) },
			map[string]float64{`trace_spans_total{result="dropped"}`: 2},
		},
		"DecisionPageViewed":       {(*Metrics).DecisionPageViewed, map[string]float64{`decision_page_requests_total{result="viewed"}`: 1}},
		"DecisionPageSubmitted":    {(*Metrics).DecisionPageSubmitted, map[string]float64{`decision_page_requests_total{result="submitted"}`: 1}},
		"DecisionPageRefused":      {(*Metrics).DecisionPageRefused, map[string]float64{`decision_page_requests_total{result="refused"}`: 1}},
		"DecisionPageFailed":       {(*Metrics).DecisionPageFailed, map[string]float64{`decision_page_requests_total{result="failed"}`: 1}},
		"SlackInteractionAccepted": {(*Metrics).SlackInteractionAccepted, map[string]float64{`slack_interactions_total{result="accepted"}`: 1}},
		"SlackInteractionRefused":  {(*Metrics).SlackInteractionRefused, map[string]float64{`slack_interactions_total{result="refused"}`: 1}},
		"SlackInteractionFailed":   {(*Metrics).SlackInteractionFailed, map[string]float64{`slack_interactions_total{result="failed"}`: 1}},
		"TeamsInteractionAccepted": {(*Metrics).TeamsInteractionAccepted, map[string]float64{`teams_interactions_total{result="accepted"}`: 1}},
		"TeamsInteractionRefused":  {(*Metrics).TeamsInteractionRefused, map[string]float64{`teams_interactions_total{result="refused"}`: 1}},
		"TeamsInteractionFailed":   {(*Metrics).TeamsInteractionFailed, map[string]float64{`teams_interactions_total{result="failed"}`: 1}},
	}
}

// queueCase is a call of a method of SQSMetrics, and the series of the queue that it changes.
type queueCase struct {
	call func(*SQSMetrics)
	want map[string]float64
}

func queueCases() map[string]queueCase {
	return map[string]queueCase{
		"ReceiveSucceeded": {
			func(q *SQSMetrics) { q.ReceiveSucceeded(7) },
			map[string]float64{"sqs_receives_total": 1, "sqs_messages_received_total": 7, "sqs_receiving": 1},
		},
		"ReceiveSucceeded: empty": {
			func(q *SQSMetrics) { q.ReceiveSucceeded(0) },
			map[string]float64{"sqs_receives_total": 1, "sqs_empty_receives_total": 1, "sqs_receiving": 1},
		},
		"ReceiveFailed": {
			(*SQSMetrics).ReceiveFailed,
			map[string]float64{"sqs_receives_total": 1, "sqs_receive_errors_total": 1},
		},
		"DeleteCalled": {
			func(q *SQSMetrics) { q.DeleteCalled(8) },
			map[string]float64{"sqs_deletes_total": 1, "sqs_messages_deleted_total": 8},
		},
		"MessageReceived": {
			func(q *SQSMetrics) { q.MessageReceived(-time.Second) },
			map[string]float64{"sqs_message_age_seconds": 1},
		},
		"InFlightChanged":    {func(q *SQSMetrics) { q.InFlightChanged(4) }, map[string]float64{"sqs_messages_in_flight": 4}},
		"DeleteFailed":       {func(q *SQSMetrics) { q.DeleteFailed(2) }, map[string]float64{"sqs_delete_failures_total": 2}},
		"VisibilityExtended": {(*SQSMetrics).VisibilityExtended, map[string]float64{"sqs_visibility_extensions_total": 1}},
		"VisibilityFailed":   {(*SQSMetrics).VisibilityFailed, map[string]float64{"sqs_visibility_errors_total": 1}},
		"MessageReturned":    {(*SQSMetrics).MessageReturned, map[string]float64{"sqs_messages_returned_total": 1}},
		"MessageUndecodable": {(*SQSMetrics).MessageUndecodable, map[string]float64{"sqs_messages_undecodable_total": 1}},
		"DepthReadFailed":    {(*SQSMetrics).DepthReadFailed, map[string]float64{"sqs_queue_read_errors_total": 1}},
	}
}

func TestMethodsChangeTheirSeries(t *testing.T) {
	t.Parallel()
	for name, tc := range methodCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, reg := fresh(t)
			before := values(t, reg)
			tc.call(m)
			require.Equal(t, tc.want, changed(before, values(t, reg)))
		})
	}
	for name, tc := range queueCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, reg := fresh(t)
			before := values(t, reg)
			tc.call(m.QueueMetrics("payments"))
			want := map[string]float64{}
			for series, v := range tc.want {
				want[series+`{queue="payments"}`] = v
			}
			require.Equal(t, want, changed(before, values(t, reg)))
		})
	}
}

func TestDepthReadSetsEachState(t *testing.T) {
	t.Parallel()
	m, reg := fresh(t)
	before := values(t, reg)
	m.QueueMetrics("payments").DepthRead(3, 2, 1)
	require.Equal(t, map[string]float64{
		`sqs_queue_messages{queue="payments",state="visible"}`:   3,
		`sqs_queue_messages{queue="payments",state="in_flight"}`: 2,
		`sqs_queue_messages{queue="payments",state="delayed"}`:   1,
	}, changed(before, values(t, reg)))
}

func TestSweepThatSucceededIsDated(t *testing.T) {
	t.Parallel()
	m, reg := fresh(t)
	m.SweepEnded(4, nil)
	v := values(t, reg)
	require.InDelta(t, 1, v[`sweeps_total{result="ok"}`], 0)
	require.InDelta(t, 4, v["sweeper_orders_claimed_total{}"], 0)
	require.InDelta(t, float64(time.Now().Unix()), v["sweeper_last_success_timestamp_seconds{}"], 60)
}

// Every method of the package is in a test above, so that a new method cannot lack its series.
func TestEveryMethodIsTested(t *testing.T) {
	t.Parallel()
	tested := map[string]bool{
		// These have tests of their own.
		"Observe":         true,
		"RegisterStore":   true,
		"RegisterRuntime": true,

		"RegisterHeartbeats": true,
		"QueueMetrics":       true,
		"DepthRead":          true,
	}
	for name := range methodCases() {
		method, _, _ := strings.Cut(name, ":")
		tested[method] = true
	}
	for name := range queueCases() {
		method, _, _ := strings.Cut(name, ":")
		tested[method] = true
	}
	for _, counting := range []reflect.Type{reflect.TypeFor[*Metrics](), reflect.TypeFor[*SQSMetrics]()} {
		for i := range counting.NumMethod() {
			assert.True(t, tested[counting.Method(i).Name], "%s.%s has no test", counting, counting.Method(i).Name)
		}
	}
}

// The results that other packages report are values of the label. An unknown one would be counted as other, and the
// alerts would not see it.
func TestResultsOfOtherPackagesAreKnown(t *testing.T) {
	t.Parallel()
	m, reg := fresh(t)
	for _, result := range router.Results() {
		m.MessageHandled(t.Context(), "callbacks", result, time.Second)
	}
	for _, result := range outbound.Results() {
		m.AWSCalled("SQS.ReceiveMessage", result)
	}
	v := values(t, reg)
	for _, result := range router.Results() {
		require.InDelta(t, 1, v[`messages_total{handler="callbacks",result="`+result+`"}`], 0, result)
	}
	for _, result := range outbound.Results() {
		require.InDelta(t, 1, v[`aws_calls_total{operation="SQS.ReceiveMessage",result="`+result+`"}`], 0, result)
	}
	for name := range v {
		require.NotContains(t, name, `"`+other+`"`)
	}
}
