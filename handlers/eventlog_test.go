package handlers_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
)

// A failure is a warning with its error and its reason code, in every kind of attempt. A heartbeat that went well is for
// debugging only.
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
		"callback":            {approval.ActionCallback, ok, map[string]string{"callback_attempt": "INFO", "callback_ended": "INFO"}},
		"callback too late":   {approval.ActionCallback, closed, map[string]string{"callback_attempt": "INFO", "callback_ended": "WARN"}},
		"notification failed": {approval.ActionNotify, failed, map[string]string{"notification_failed": "WARN"}},
		"notification refused": {approval.ActionNotify, refused, map[string]string{
			"notification_failed": "WARN", "notification_exhausted": "WARN", "undeliverable": "WARN",
		}},
		"notification":      {approval.ActionNotify, ok, map[string]string{"notified": "INFO", "told": "INFO"}},
		"heartbeat failed":  {approval.ActionHeartbeat, failed, map[string]string{"heartbeat": "WARN"}},
		"heartbeat refused": {approval.ActionHeartbeat, refused, map[string]string{"heartbeat": "WARN"}},
		"heartbeat":         {approval.ActionHeartbeat, ok, map[string]string{"heartbeat": "DEBUG"}},
		"heartbeat of a closed task": {approval.ActionHeartbeat, closed,
			map[string]string{"heartbeat": "INFO", "cancelled": "INFO", "callback_ended": "INFO"}},
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
