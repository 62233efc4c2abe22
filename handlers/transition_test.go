package handlers_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
)

var errOdd = errors.New("odd")

// A transition is stored first, then reported, then its actions are dispatched.
func TestStoredThenToldThenActedOn(t *testing.T) {
	t.Parallel()
	h := asked(t)
	require.Equal(t, []string{"stored", "observed", "dispatched"}, h.order)
	require.Equal(t, approval.EventRequested, h.events[0].Kind)
}

func TestWhatIsNotStoredHasNotHappened(t *testing.T) {
	t.Parallel()
	advance := func(o *approval.Order, turn approval.Environment) ([]approval.Action, error) {
		return o.Advance(turn), nil
	}
	h := asked(t)
	h.order, h.events = nil, nil
	h.failing = errOdd
	err := h.Run(t.Context(), "A-1", advance)
	require.ErrorIs(t, err, errOdd)
	require.ErrorContains(t, err, `update order "A-1"`)

	h.failing = nil
	err = h.Run(t.Context(), strings.Repeat("A", 300), func(o *approval.Order, turn approval.Environment) ([]approval.Action, error) {
		return o.Advance(turn), errOdd
	})
	require.ErrorIs(t, err, errOdd)
	require.Less(t, len(err.Error()), 120, "an order ID of any length is cut")
	require.NotContains(t, h.order, "observed")
	require.NotContains(t, h.order, "dispatched")
}

// A store may run a transition more than once. The result of the last run counts.
func TestATransitionThatRunsTwiceCountsOnce(t *testing.T) {
	t.Parallel()
	h := newHouse()
	h.twice = true
	require.NoError(
		t,
		h.requests(func(w *handlers.Workflow) { w.Channels = []string{"mail"} }).Handle(msg(t, `{"orderId":"A-1","taskToken":"x"}`)),
	)
	require.Len(t, h.take(approval.ActionNotify), 1)
	require.Len(t, h.events, 1)
	require.Len(t, h.approval(t, "A-1").Notifications, 1)
}

// Each event is logged in a line of its own, with the order ID and without secrets.
func TestLog(t *testing.T) {
	t.Parallel()
	h := newHouse()
	h.Log = slog.New(slog.NewJSONHandler(&h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	require.NoError(t, h.requests().Handle(msg(t, `{"orderId":"A-1","taskToken":"`+token+`"}`)))
	h.now = began.Add(90 * time.Second)
	require.NoError(t, h.decisions(approval.ViaSNS).Handle(msg(t, `{"orderId":"A-1","decision":"approve","by":"ann","decisionId":"d-1"}`)))
	refused := h.take(approval.ActionCallback)[0]
	require.NoError(t, h.Run(t.Context(), "A-1", func(o *approval.Order, turn approval.Environment) ([]approval.Action, error) {
		return o.RecordCallbackResult(refused, approval.Result{Kind: approval.ResultRefused, Reason: "no"}, turn), nil
	}))

	lines := map[string]map[string]any{}
	for line := range strings.Lines(h.log.String()) {
		require.NotContains(t, line, token)
		var fields map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &fields))
		require.Equal(t, "A-1", fields["order_id"])
		lines[fields["msg"].(string)] = fields //nolint:forcetypeassert // it panics
	}
	require.Equal(t, "DEBUG", lines["requested"]["level"])
	decided := lines["decided"]
	require.Equal(t, []any{"ann", "sns", "erp", "approve", "orders", 90.0},
		[]any{decided["by"], decided["via"], decided["source"], decided["outcome"], decided["workflow"], decided["age_seconds"]})
	require.Equal(t, "ERROR", lines["callback_ended"]["level"], "given up")
	require.EqualValues(t, 1, lines["callback_ended"]["attempts"])
}
