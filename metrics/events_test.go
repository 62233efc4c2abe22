package metrics

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
)

// eventKinds reads the kinds of events from the source of the domain, so that a new kind cannot be forgotten here.
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
	base := approval.Event{
		Workflow: "payments",
		Target:   "sfn",
		Channel:  "mail",
		Source:   "erp",
		Via:      approval.ViaWebhook,
		Outcome:  approval.Reject,
		Age:      time.Hour,
	}
	with := func(code string, attempt int) approval.Event {
		e := base
		e.Code, e.Attempt = code, attempt
		return e
	}
	missed := func(code string) approval.Event {
		e := with(code, 1)
		e.AnswerMissed = true
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
		{approval.EventSuperseded, base, series{"approvals_superseded_total" + w: 1}},
		{approval.EventDecisionReceived, with("recorded", 0), series{
			`decisions_total{outcome="reject",verdict="recorded",via="webhook"}`: 1, `source_decisions_total{result="accepted",source="erp"}`: 1,
		}},
		{approval.EventDecisionReceived, with("late", 0), series{
			`decisions_total{outcome="reject",verdict="late",via="webhook"}`: 1, `source_decisions_total{result="closed",source="erp"}`: 1,
		}},
		{approval.EventDecisionReceived, with("ambiguous", 0), series{
			`decisions_total{outcome="reject",verdict="ambiguous",via="webhook"}`: 1, `source_decisions_total{result="refused",source="erp"}`: 1,
		}},
		{approval.EventDecided, base, series{
			`approvals_decided_total{outcome="reject",workflow="payments"}`: 1, `approval_decision_seconds{workflow="payments"}`: 1,
			"decision_time_left_seconds" + w: 1,
		}},
		{approval.EventTimedOut, base, series{"approvals_timed_out_total" + w: 1}},
		{approval.EventCancelled, base, series{"approvals_cancelled_total" + w: 1}},
		{approval.EventUnmatchedExpired, base, series{"unmatched_decisions_expired_total{}": 1}},
		{approval.EventEscalated, base, series{"approvals_escalated_total" + w: 1}},
		{approval.EventUndeliverable, base, series{"approvals_undeliverable_total" + w: 1}},
		{approval.EventFirstNotified, base, series{"first_notification_seconds" + w: 1}},
		{approval.EventReminded, base, series{"reminders_total" + w: 1}},
		{approval.EventNotified, with("", 1), series{
			"notifications_total" + c: 1, "notification_requests_total" + c: 1, "notification_delivery_seconds" + c: 1,
		}},
		{approval.EventNotificationFailed, with("failed", 2), series{
			"notification_requests_total" + c: 1, "notification_requests_failed_total" + c: 1, `retries_total{kind="notify"}`: 1,
		}},
		{approval.EventNotificationExhausted, with("failed", 2), series{"notifications_total" + c: 1, "notifications_failed_total" + c: 1}},
		{approval.EventHeartbeat, with("closed", 0), series{`heartbeats_total{result="closed",target="sfn"}`: 1}},
		{approval.EventProbed, with("closed", 0), series{`probes_total{result="closed",target="sfn"}`: 1}},
		{approval.EventReadingNote, base, series{"request_notes_total" + w: 1}},
		{approval.EventCallbackAttempt, with("failed", 1), series{`callback_attempts_total{result="failed",target="sfn"}`: 1}},
		{
			approval.EventCallbackAttempt, with("interrupted", 1),
			series{`callback_attempts_total{result="interrupted",target="sfn"}`: 1},
		},
		{approval.EventCallbackAttempt, with("ok", 3), series{
			`callback_attempts_total{result="ok",target="sfn"}`: 1, `retries_total{kind="call_back"}`: 1,
		}},
		{approval.EventCallbackEnded, with("delivered", 1), series{
			`callbacks_total{outcome="delivered",target="sfn"}`: 1, "callback_delivery_seconds" + tg: 1,
		}},
		{approval.EventCallbackEnded, with("delivered_presumed", 1), series{
			`callbacks_total{outcome="delivered_presumed",target="sfn"}`: 1, "callback_delivery_seconds" + tg: 1,
		}},
		{approval.EventCallbackEnded, with("unknown", 1), series{`callbacks_total{outcome="unknown",target="sfn"}`: 1}},
		{approval.EventCallbackEnded, missed("unknown"), series{
			`callbacks_total{outcome="unknown",target="sfn"}`: 1, `answers_missed_total{outcome="unknown",target="sfn"}`: 1,
		}},
		{approval.EventCallbackEnded, missed("too_late"), series{
			`callbacks_total{outcome="too_late",target="sfn"}`: 1, `answers_missed_total{outcome="too_late",target="sfn"}`: 1,
		}},
		{approval.EventCallbackEnded, with("exhausted", 1), series{`callbacks_total{outcome="exhausted",target="sfn"}`: 1}},
		{approval.EventReconciled, with("answered", 1), series{`callbacks_reconciled_total{target="sfn",truth="answered"}`: 1}},
		{approval.EventReconciled, missed("timed_out"), series{
			`callbacks_reconciled_total{target="sfn",truth="timed_out"}`: 1, `answers_missed_total{outcome="too_late",target="sfn"}`: 1,
		}},
		{approval.EventRedriven, with("", 1), series{"callbacks_redriven_total{}": 1}},
		{approval.EventEdited, with("", 0), series{"requests_edited_total" + w: 1}},
		{approval.EventAct, with("remind", 0), series{`approval_acts_total{act="remind"}`: 1}},
		{approval.EventTokenErased, base, series{"tokens_erased_total{}": 1}},
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
