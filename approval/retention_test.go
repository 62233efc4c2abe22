package approval

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestErasureOfTokenAndRemovalOfApproval(t *testing.T) {
	t.Parallel()
	for _, end := range []Result{ok, closed, refused} {
		o, a, act := approvedOrder(t)
		o.RecordCallbackResult(act, end, envAt(time.Minute))
		gone := end.Kind != ResultRefused
		if gone {
			require.Equal(t, at(time.Minute+TokenGrace), o.NextDue())
		}
		o.Advance(envAt(time.Minute + TokenGrace - 1))
		require.False(t, a.Token.IsZero())
		o.Advance(envAt(time.Minute + TokenGrace))
		require.Equal(t, gone, a.Token.IsZero(), "an exhausted callback may be redriven")
		require.Equal(t, at(time.Minute+retention), o.NextDue())
		o.Advance(envAt(time.Minute + retention - 1))
		require.False(t, o.IsEmpty())
		o.Advance(envAt(time.Minute + retention))
		require.True(t, o.IsEmpty())
		require.True(t, o.NextDue().IsZero())
	}
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
