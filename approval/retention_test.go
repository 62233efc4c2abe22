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

// Nothing needs the token after the delivery: neither late results of other attempts and of a heartbeat, nor a
// reconciliation, a redrive, the request again, or the time.
func TestNothingFollowsADelivery(t *testing.T) {
	t.Parallel()
	o, a, first := approvedOrder(t, func(r *Request) {
		r.HeartbeatInterval = time.Minute
		r.Execution = "arn"
	})
	o.RecordCallbackResult(first, lost, envAt(time.Second))
	second := onlyCallback(t, o.Advance(envAt(time.Minute)))
	o.RecordCallbackResult(second, ok, envAt(time.Minute))
	require.Equal(t, CallbackDelivered, a.Callback.State)
	require.True(t, a.Token.IsZero())
	_, current := o.CurrentAnswer(second, at(time.Minute))
	require.False(t, current)

	events := len(o.NewEvents())
	heartbeat := Action{Kind: ActionHeartbeat, OrderID: o.ID, ApprovalID: a.ID, LeaseExpires: at(2 * time.Minute)}
	reconcile := Action{Kind: ActionReconcile, OrderID: o.ID, ApprovalID: a.ID, Attempt: 1, LeaseExpires: at(2 * time.Minute)}
	for _, r := range []Result{ok, closed, refused, lost, notMade} {
		require.Empty(t, o.RecordCallbackResult(first, r, envAt(time.Minute)))
		require.Empty(t, o.RecordCallbackResult(second, r, envAt(time.Minute)))
		require.Empty(t, o.RecordHeartbeatResult(heartbeat, r, envAt(time.Minute)))
		require.Empty(t, o.RecordReconciliation(reconcile, TruthAnother, r, envAt(time.Minute)))
	}
	redriven, actions := o.RedriveCallback(a.ID, Actor{}, 0, envAt(time.Minute))
	require.False(t, redriven)
	require.Empty(t, actions)
	require.Empty(t, o.Advance(envAt(2*TokenGrace)))
	require.Len(t, o.NewEvents(), events)

	id, actions, err := o.AddRequest(newRequest("t1"), envAt(time.Hour))
	require.NoError(t, err)
	require.Equal(t, a.ID, id)
	require.Empty(t, actions)
	require.Equal(t, CallbackDelivered, a.Callback.State)
	require.True(t, a.Token.IsZero())
}
