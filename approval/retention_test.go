package approval

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestErasureOfTokenAndRemovalOfApproval(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		end   Result
		grace time.Duration
	}{
		{ok, 0},
		{closed, TokenGrace},
		{refused, retention}, // it may be redriven
	} {
		o, a, act := approvedOrder(t)
		o.RecordCallbackResult(act, c.end, envAt(time.Minute))
		if c.grace > 0 {
			require.Equal(t, at(time.Minute+c.grace), o.NextDue())
			o.Advance(envAt(time.Minute + c.grace - 1))
			require.False(t, a.Token.IsZero())
			o.Advance(envAt(time.Minute + c.grace))
		}
		if c.grace < retention {
			require.True(t, a.Token.IsZero())
			require.Equal(t, EventTokenErased, o.NewEvents()[len(o.NewEvents())-1].Kind)
			require.Equal(t, at(time.Minute+retention), o.NextDue())
			o.Advance(envAt(time.Minute + retention - 1))
			require.False(t, o.IsEmpty())
		}
		o.Advance(envAt(time.Minute + retention))
		require.True(t, o.IsEmpty())
		require.True(t, o.NextDue().IsZero())
	}
}

// A late attempt can turn out to have answered the workflow, after another that found its task closed.
func TestErasureOfTheTokenByALateAnswer(t *testing.T) {
	t.Parallel()
	o, a, act := approvedOrder(t)
	o.RecordCallbackResult(act, closed, envAt(time.Minute))
	require.False(t, a.Token.IsZero())
	o.RecordCallbackResult(act, ok, envAt(2*time.Minute))
	require.True(t, a.Token.IsZero())
	require.Equal(t, at(2*time.Minute+retention), o.NextDue())
}

// A request may be delivered again long after its end: a queue keeps it for two weeks, a dead letter queue for longer.
// Approvers are not notified again.
func TestRedeliveryAfterTheRetention(t *testing.T) {
	t.Parallel()
	const short = time.Hour
	request := newRequest("t1", byMail, func(a *Request) { a.Retention = short })
	o := &Order{ID: "o-1"}
	addRequest(t, o, request, envAt(0))
	act := onlyCallback(t, requireVerdict(t, o, approveDecision("d"), envAt(time.Minute), VerdictDecided))
	o.RecordCallbackResult(act, ok, envAt(time.Minute))
	o.Advance(envAt(time.Minute + short))
	a, actions := addRequest(t, o, request, envAt(time.Minute+short))
	require.Equal(t, Approved, a.Status)
	require.Empty(t, actions)
	o.Advance(envAt(deadline))
	require.True(t, o.IsEmpty())
	_, actions = addRequest(t, o, request, envAt(deadline))
	require.Empty(t, ofKind(ActionNotify, actions))
}
