package approval

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func enteredAt(d time.Duration) func(*Request) {
	return func(a *Request) { a.AttemptStartedAt = at(d) }
}
func sentAt(d time.Duration) func(*Decision) { return func(c *Decision) { c.SentAt = at(d) } }

// A queue may deliver the first attempt of a state after the second. The second stays.
func TestOvertakenRequestSupersedesNothing(t *testing.T) {
	t.Parallel()
	o, live := pendingOrder(t, enteredAt(10*time.Minute), byMail)
	old, actions := addRequest(t, o, newRequest("t0", enteredAt(5*time.Minute), byMail), envAt(12*time.Minute))
	require.Equal(t, Pending, live.Status)
	require.Equal(t, Superseded, old.Status)
	require.Equal(t, live.ID, old.SupersededBy)
	require.Empty(t, ofKind(ActionNotify, actions), "approvers are not notified again")
	o = storeAndLoad(t, o)
	o.RecordCallbackResult(onlyCallback(t, actions), closed, envAt(13*time.Minute))
	require.Equal(t, CallbackSuperseded, o.FindApproval(old.ID).Callback.State)

	repeated, _ := addRequest(t, o, newRequest("t0", enteredAt(5*time.Minute), byMail), envAt(14*time.Minute))
	require.Equal(t, Superseded, repeated.Status)
	require.Equal(t, Pending, o.FindApproval(live.ID).Status)
}

func TestSupersede(t *testing.T) {
	t.Parallel()
	never := func(*Request) {}
	for name, c := range map[string]struct {
		first, second func(*Request)
		want          Status // of the first
	}{
		"entered later":            {enteredAt(0), enteredAt(1), Superseded},
		"entered at the same time": {enteredAt(1), enteredAt(1), Superseded}, // in the order of arrival
		"unknown for both":         {never, never, Superseded},
		"unknown for the first":    {never, enteredAt(1), Superseded},
		"unknown for the second":   {enteredAt(1), never, Superseded},
		"entered earlier":          {enteredAt(1), enteredAt(0), Pending},
		"for another step":         {enteredAt(1), func(a *Request) { enteredAt(0)(a); a.Step = "z" }, Pending},
		"by another workflow":      {enteredAt(1), func(a *Request) { enteredAt(0)(a); a.Workflow = "shipping" }, Pending},
	} {
		o, first := pendingOrder(t, c.first)
		second, _ := addRequest(t, o, newRequest("t2", c.second), envAt(1))
		require.Equal(t, c.want, first.Status, name)
		if name == "entered earlier" {
			require.Equal(t, Superseded, second.Status)
		} else {
			require.Equal(t, Pending, second.Status, name)
		}
	}
}

// A decision that was sent before the second attempt of the state is about the first attempt, however late it arrives.
func TestOvertakenDecisionIsAboutTheApprovalSeen(t *testing.T) {
	t.Parallel()
	early := approveDecision("d1", sentAt(9*time.Minute))
	for name, c := range map[string]struct {
		end  func(o *Order, a *Approval)
		want VerdictCode
	}{
		"superseded": {func(*Order, *Approval) {}, VerdictSuperseded},
		"cancelled":  {func(o *Order, a *Approval) { o.Cancel(a.ID, "ops", "", envAt(9*time.Minute)) }, VerdictLate},
		"rejected": {func(o *Order, _ *Approval) {
			requireVerdict(t, o, approveDecision("d0", rejecting), envAt(9*time.Minute), VerdictDecided)
		}, VerdictConflict},
		"closed before it was sent": {func(o *Order, a *Approval) {
			o.Cancel(a.ID, "ops", "", envAt(9*time.Minute-1))
		}, VerdictDecided},
	} {
		o, first := pendingOrder(t, enteredAt(0))
		c.end(o, first)
		live, _ := addRequest(t, o, newRequest("t2", enteredAt(10*time.Minute)), envAt(10*time.Minute))
		requireVerdict(t, o, early, envAt(20*time.Minute), c.want)
		if c.want == VerdictDecided {
			require.Equal(t, Approved, live.Status, "it is early for the second attempt")
			continue
		}
		require.Equal(t, Pending, live.Status, name)
		o = storeAndLoad(t, o)
		requireVerdict(t, o, early, envAt(21*time.Minute), c.want)
		requireVerdict(t, o, approveDecision("d2", sentAt(10*time.Minute)), envAt(22*time.Minute), VerdictDecided)
		require.Equal(t, Approved, o.FindApproval(live.ID).Status, name)
	}
}

// A decision that arrives before any request of its step is early, not overtaken.
func TestEarlyDecisionCounts(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]func(*Request){
		"no approval":      nil,
		"another step":     withStep("z"),
		"another workflow": func(a *Request) { a.Workflow = "shipping" },
	} {
		o := &Order{ID: "o-1"}
		if first != nil {
			a, _ := addRequest(t, o, newRequest("t0", enteredAt(0), first), envAt(0))
			o.Cancel(a.ID, "ops", "", envAt(0))
		}
		live, _ := addRequest(t, o, newRequest("t1", enteredAt(10*time.Minute)), envAt(10*time.Minute))
		requireVerdict(t, o, approveDecision("d1", onStep("s"), sentAt(9*time.Minute)), envAt(11*time.Minute), VerdictDecided)
		require.Equal(t, Approved, live.Status, name)
	}
	o, _ := pendingOrder(t) // the time is unknown
	addRequest(t, o, newRequest("t2"), envAt(10*time.Minute))
	requireVerdict(t, o, approveDecision("d1", sentAt(9*time.Minute)), envAt(11*time.Minute), VerdictDecided)
	named, first := pendingOrder(t, enteredAt(0)) // the decision names the approval
	live, _ := addRequest(t, named, newRequest("t2", enteredAt(10*time.Minute)), envAt(10*time.Minute))
	decision := approveDecision("d1", sentAt(9*time.Minute), onApproval(live.ID))
	requireVerdict(t, named, decision, envAt(11*time.Minute), VerdictDecided)
	require.Equal(t, Superseded, first.Status)
}
