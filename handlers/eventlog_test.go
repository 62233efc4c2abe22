package handlers_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
)

// A failure is a warning with its error and its reason code, in every kind of attempt. What went well is for debugging
// only, but for the end of an approval.
func TestLogLevels(t *testing.T) {
	t.Parallel()
	failed := approval.Result{Kind: approval.ResultFailed, Reason: "reset by peer", ReasonCode: approval.ReasonNoAnswer}
	refused := approval.Result{Kind: approval.ResultRefused, Reason: "no such address", ReasonCode: "http_404"}
	ok := approval.Result{Kind: approval.ResultOK}
	closed := approval.Result{Kind: approval.ResultClosed}
	for name, c := range map[string]struct {
		action approval.ActionKind
		result approval.Result
		want   map[string]string // the level of each line
	}{
		"callback failed":     {approval.ActionCallback, failed, map[string]string{"callback_attempt": "WARN"}},
		"callback refused":    {approval.ActionCallback, refused, map[string]string{"callback_attempt": "WARN", "callback_ended": "ERROR"}},
		"callback":            {approval.ActionCallback, ok, map[string]string{"callback_attempt": "DEBUG", "callback_ended": "INFO"}},
		"callback too late":   {approval.ActionCallback, closed, map[string]string{"callback_attempt": "DEBUG", "callback_ended": "WARN"}},
		"notification failed": {approval.ActionNotify, failed, map[string]string{"notification_failed": "WARN"}},
		"notification refused": {approval.ActionNotify, refused, map[string]string{
			"notification_failed": "WARN", "notification_exhausted": "WARN", "undeliverable": "WARN",
		}},
		"notification":      {approval.ActionNotify, ok, map[string]string{"notified": "DEBUG", "told": "DEBUG"}},
		"heartbeat failed":  {approval.ActionHeartbeat, failed, map[string]string{"heartbeat": "WARN"}},
		"heartbeat refused": {approval.ActionHeartbeat, refused, map[string]string{"heartbeat": "WARN"}},
		"heartbeat":         {approval.ActionHeartbeat, ok, map[string]string{"heartbeat": "DEBUG"}},
		"heartbeat of a closed task": {approval.ActionHeartbeat, closed,
			map[string]string{"heartbeat": "DEBUG", "cancelled": "DEBUG", "callback_ended": "INFO"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines := logOf(t, c.action, c.result)
			levels := map[string]string{}
			for kind, line := range lines {
				levels[kind], _ = line["level"].(string)
				if line["level"] == "WARN" && kind != "undeliverable" && c.result.Reason != "" {
					require.Equal(t, c.result.Reason, line["error"], kind)
					require.Equal(t, string(c.result.ReasonCode), line["reason_code"], kind)
					require.NotContains(t, line, "note", kind)
				}
			}
			for kind, level := range c.want {
				require.Equal(t, level, levels[kind], kind)
			}
		})
	}
}

// logOf returns the lines of the transition that records the result of an action, by their message.
func logOf(t *testing.T, kind approval.ActionKind, result approval.Result) map[string]map[string]any {
	t.Helper()
	h := newHouse()
	require.NoError(t, h.requests(withHeartbeats, func(w *handlers.Workflow) {
		w.Channels = []string{"mail"}
	}).Handle(msg(t, `{"orderId":"A-1","taskToken":"x"}`)))
	if kind == approval.ActionCallback {
		require.NoError(t, h.decisions(approval.ViaAPI).Handle(msg(t, `{"orderId":"A-1","decision":"approve"}`)))
	}
	actions := h.take(kind)
	if kind == approval.ActionHeartbeat {
		actions = []approval.Action{{Kind: kind, ApprovalID: h.approval(t, "A-1").ID, Target: "sfn"}}
	}
	var lines bytes.Buffer
	h.Log = slog.New(slog.NewJSONHandler(&lines, &slog.HandlerOptions{Level: slog.LevelDebug}))
	require.NoError(t, h.Run(t.Context(), "A-1", func(o *approval.Order, env approval.Environment) ([]approval.Action, error) {
		switch kind {
		case approval.ActionNotify:
			return o.RecordNotificationResult(actions[0], result, env), nil
		case approval.ActionHeartbeat:
			return o.RecordHeartbeatResult(actions[0], result, env), nil
		}
		return o.RecordCallbackResult(actions[0], result, env), nil
	}))
	out := map[string]map[string]any{}
	for line := range strings.Lines(lines.String()) {
		fields := map[string]any{}
		require.NoError(t, json.Unmarshal([]byte(line), &fields))
		kind, _ := fields["msg"].(string)
		out[kind] = fields
	}
	return out
}

// An approval that goes well is one line at its end, which tells its story. A refused decision is a line of its own.
func TestOneLineTellsAnApproval(t *testing.T) {
	t.Parallel()
	const approve, reject = `{"orderId":"A-1","decision":"approve"}`, `{"orderId":"A-1","decision":"reject"}`
	for name, c := range map[string]struct {
		bodies  []string // of decisions
		refused int
		outcome string
		by      any
	}{
		"approved":             {[]string{approve}, 0, "approved", "source:erp"},
		"rejected":             {[]string{reject}, 0, "rejected", "source:erp"},
		"decided twice":        {[]string{approve, approve}, 0, "approved", "source:erp"},
		"decided, then undone": {[]string{approve, reject}, 1, "approved", "source:erp"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse()
			var lines bytes.Buffer
			h.Log = slog.New(slog.NewJSONHandler(&lines, nil))
			require.NoError(t, h.requests(func(w *handlers.Workflow) { w.Channels = []string{"mail"} }).
				Handle(msg(t, `{"orderId":"A-1","taskToken":"x"}`)))
			require.NoError(t, h.notifications(&outside{}).Handle(actionMsg(t, h.take(approval.ActionNotify)[0])))
			h.now = h.now.Add(90 * time.Second)
			for _, body := range c.bodies {
				_ = h.decisions(approval.ViaAPI).Handle(msg(t, body))
			}
			h.now = h.now.Add(1500 * time.Millisecond)
			require.NoError(t, h.callbacks(&outside{}).Handle(actionMsg(t, h.take(approval.ActionCallback)[0])))

			all := strings.Split(strings.TrimSpace(lines.String()), "\n")
			require.Len(t, all, 1+c.refused)
			last := all[len(all)-1]
			require.Less(t, len(last), 400)
			var line map[string]any
			require.NoError(t, json.Unmarshal([]byte(last), &line))
			delete(line, "time")
			delete(line, "approval_id")
			require.Equal(t, map[string]any{
				"level":            "INFO",
				"msg":              "callback_ended",
				"order_id":         "A-1",
				"workflow":         "orders",
				"outcome":          c.outcome,
				"by":               c.by,
				"code":             "delivered",
				"target":           "sfn",
				"attempts":         1.0,
				"decided_seconds":  90.0,
				"answered_seconds": 1.5,
				"waited_seconds":   91.5,
			}, line)
		})
	}
}
