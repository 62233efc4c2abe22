package handlers_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
)

// teller is a target that tells how a task has ended.
type teller struct {
	*outside
	truth approval.Truth
	asked []approval.Answer
}

func (t *teller) FindTruth(_ context.Context, a approval.Answer) (approval.Truth, error) {
	t.asked = append(t.asked, a)
	return t.truth, nil
}

// After a lost reply and a closed task, the target is asked, behind its circuit breaker too, and the record says the truth.
func TestTruthAboutALostReply(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		target func(*teller) callback.Target
		want   approval.CallbackState
	}{
		"it tells":                      {func(t *teller) callback.Target { return t }, approval.CallbackTooLate},
		"it tells, behind its breaker":  {func(t *teller) callback.Target { return protected(t) }, approval.CallbackTooLate},
		"it tells nothing":              {func(t *teller) callback.Target { return t.outside }, approval.CallbackPresumed},
		"nothing, behind its breaker":   {func(t *teller) callback.Target { return protected(t.outside) }, approval.CallbackPresumed},
		"it is not configured any more": {func(*teller) callback.Target { return nil }, approval.CallbackPresumed},
	} {
		h := newHouse()
		body := `{"orderId":"A-1","taskToken":"` + token + `","executionArn":"arn:aws:states:eu-west-1:1:execution:o:e"}`
		require.NoError(t, h.requests().Handle(msg(t, body)))
		require.NoError(t, h.decisions(approval.ViaAPI).Handle(msg(t, `{"orderId":"A-1","decision":"approve"}`)))
		o := &teller{outside: &outside{}, truth: approval.TruthTimedOut}
		for _, err := range []error{errOdd, approval.ErrClosed} {
			o.end = func(context.Context) error { return err }
			require.NoError(t, h.callbacks(o.outside).Handle(actionMsg(t, h.take(approval.ActionCallback)[0])))
			h.now = h.now.Add(time.Minute)
			h.advance(t)
		}
		require.Equal(t, approval.CallbackPresumed, h.approval(t, "A-1").Callback.State)
		handler := h.callbacks(o.outside)
		handler.Targets = map[string]callback.Target{"sfn": c.target(o)}
		require.NoError(t, handler.Handle(actionMsg(t, h.take(approval.ActionReconcile)[0])))
		require.Equal(t, c.want, h.approval(t, "A-1").Callback.State, name)
	}
}

func protected(t callback.Target) callback.Target {
	return callback.NewBreaker(t, callback.BreakerConfig{})
}

func (h *house) advance(t *testing.T) {
	t.Helper()
	require.NoError(t, h.Run(t.Context(), "A-1", func(o *approval.Order, env approval.Environment) ([]approval.Action, error) {
		return o.Advance(env), nil
	}))
}
