package approval

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func requireFull(t tb, err error) {
	t.Helper()
	var full *OrderFullError
	require.ErrorAs(t, err, &full)
	require.False(t, IsPermanent(err), "the queue must deliver it again")
	require.Equal(t, ReasonOrderFull, ReasonCodeOf(err))
}

// A distributed Map has a thousand approvals at once. One more waits in its queue until a closed one is removed.
func TestLimitOfApprovals(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	for i := range MaxApprovals {
		addRequest(t, o, newRequest(fmt.Sprint(i), withStep(fmt.Sprint(i))), envAt(0))
	}
	before := marshalOrder(t, o)
	_, _, err := o.AddRequest(newRequest("more"), envAt(1))
	requireFull(t, err)
	require.Equal(t, before, marshalOrder(t, o))
	addRequest(t, o, newRequest("7", withStep("7")), envAt(1)) // a repetition needs no room

	act := onlyCallback(t, requireVerdict(t, o, approveDecision("d", onStep("7")), envAt(1), VerdictDecided))
	o.RecordCallbackResult(act, ok, envAt(1))
	_, _, err = o.AddRequest(newRequest("more"), envAt(retention))
	requireFull(t, err) // the closed approval stays for its retention
	require.NotNil(t, o.FindApproval(idForToken("o-1", "7", NewToken("7"))))

	o.Advance(envAt(1 + retention))
	require.Nil(t, o.FindApproval(idForToken("o-1", "7", NewToken("7"))))
	addRequest(t, o, newRequest("more", func(r *Request) { r.Deadline = at(2 * retention) }), envAt(1+retention))
}

// Who approved is known for the whole retention, however many approvals the order had since.
func TestClosedApprovalStaysForItsRetention(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	first := ""
	for i := range 150 {
		now := time.Duration(i) * 15 * time.Minute
		a, _ := addRequest(t, o, newRequest(fmt.Sprint("t", i), func(r *Request) { r.Deadline = at(now + time.Hour) }), envAt(now))
		if i == 0 {
			first = a.ID
		}
		act := onlyCallback(t, requireVerdict(t, o, approveDecision(fmt.Sprint("d", i), onApproval(a.ID)), envAt(now), VerdictDecided))
		o.RecordCallbackResult(act, ok, envAt(now))
	}
	o.Advance(envAt(retention - 1))
	require.NotNil(t, o.FindApproval(first))
	require.Equal(t, "ann", o.FindApproval(first).Votes[0].By)
}

// orderWithEverything has an approval that is settled, one with an exhausted callback, one pending, and failures.
func orderWithEverything(t *testing.T) *Order {
	t.Helper()
	long := func(d *Decision) { d.Comment = strings.Repeat("c", 3000) }
	full := func(r *Request) {
		r.Details = []Field{{Name: "total", Value: "12"}}
		r.Output = Output{"x": "y"}
		r.Title = "order 1"
	}
	o, settled := pendingOrder(t, byMail, full)
	exhausted, _ := addRequest(t, o, newRequest("t2", withStep("z"), byMail, full), envAt(1))
	pending, _ := addRequest(t, o, newRequest("t3", withStep("y"), byMail, full,
		withApprovers("ann", "bob"), withPolicy(Policy{Kind: PolicyAll})), envAt(1))
	for _, n := range []*Approval{settled, exhausted, pending} {
		for _, m := range n.Notifications {
			o.RecordNotificationResult(Action{
				Kind: ActionNotify, OrderID: o.ID, ApprovalID: n.ID, Notification: m.ID, Attempt: m.Attempts,
			}, ok, envAt(2))
		}
	}
	for i, a := range []*Approval{settled, exhausted} {
		d := approveDecision(fmt.Sprint("d", i), onApproval(a.ID), long)
		act := onlyCallback(t, requireVerdict(t, o, d, envAt(3), VerdictDecided))
		o.RecordCallbackResult(act, []Result{ok, refused}[i], envAt(4))
	}
	requireVerdict(t, o, approveDecision("d2", onApproval(pending.ID), long), envAt(5), VerdictRecorded)
	requireVerdict(t, o, approveDecision("d3", by("eve"), onApproval(pending.ID)), envAt(6), VerdictNotApprover)
	return o
}

func TestShed(t *testing.T) {
	t.Parallel()
	o := storeAndLoad(t, orderWithEverything(t))
	audit := func() (out []Event) {
		for _, e := range o.History {
			if e.class() == classAudit {
				out = append(out, e)
			}
		}
		return out
	}
	events, due := audit(), o.NextDue()
	size := len(marshalOrder(t, o))
	var parts []string
	for o.Shed() {
		require.Less(t, len(marshalOrder(t, o)), size, "every call makes it smaller")
		size = len(marshalOrder(t, o))
		parts = append(parts, o.ShedParts[len(o.ShedParts)-1])
		require.Len(t, parts, len(o.ShedParts), "each part once")
		require.Equal(t, events, audit())
		require.Equal(t, due, o.NextDue())
		o = storeAndLoad(t, o)
	}
	require.Equal(t, []string{"notifications", "events", "details", "comments"}, parts)
	settled, exhausted, pending := o.Approvals[0], o.Approvals[1], o.Approvals[2]
	require.Empty(t, settled.Notifications)
	require.Empty(t, settled.Details)
	require.Empty(t, settled.Output)
	require.Equal(t, strings.Repeat("c", keptComment)+"…", settled.Votes[0].Comment)
	require.NotEmpty(t, settled.Title)
	for _, a := range []*Approval{exhausted, pending} { // both are still needed
		require.NotEmpty(t, a.Details)
		require.NotEmpty(t, a.Output)
		require.Len(t, a.Votes[0].Comment, 3000)
	}
	require.NotEmpty(t, pending.Notifications)

	started, actions := o.RedriveCallback(exhausted.ID, OperatorActor("ops", ""), 0, envAt(7))
	require.True(t, started)
	answer, current := o.CurrentAnswer(onlyCallback(t, actions), at(7))
	require.True(t, current)
	require.Equal(t, map[string]any{"x": "y"}, answer.Output)
	requireVerdict(t, o, approveDecision("d4", by("bob"), onApproval(pending.ID)), envAt(8), VerdictDecided)
}

// A message that can still be edited, or that is still to be sent, is not shed.
func TestShedKeepsWhatIsStillToBeSent(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, byMail)
	n := a.Notifications[0]
	o.RecordNotificationResult(Action{
		Kind: ActionNotify, OrderID: o.ID, ApprovalID: a.ID, Notification: n.ID, Attempt: n.Attempts,
	}, posted, envAt(1))
	requireVerdict(t, o, approveDecision("d"), envAt(2), VerdictDecided)
	for o.Shed() {
	}
	require.Len(t, a.Notifications, 1)
	require.Equal(t, NotifyOutcome, a.Notifications[0].Kind)
}

// A store refuses at a lower limit what only adds.
func TestAdds(t *testing.T) {
	t.Parallel()
	fresh := func(o *Order) *Order { return storeAndLoad(t, o.AsStored()) }
	o := &Order{ID: "o-1"}
	requireVerdict(t, o, approveDecision("early", onStep("z")), envAt(0), VerdictWaiting)
	require.True(t, o.Adds(), "a decision waits")
	o = fresh(o)
	addRequest(t, o, newRequest("t1", withApprovers("ann", "bob", "cy"), withPolicy(Policy{Kind: PolicyAll})), envAt(1))
	require.True(t, o.Adds(), "a request")
	require.False(t, o.AsStored().Adds())
	o = fresh(o)
	addRequest(t, o, newRequest("t1"), envAt(1))
	require.False(t, o.Adds(), "a repeated request")
	requireVerdict(t, o, approveDecision("d1", by("eve")), envAt(2), VerdictNotApprover)
	require.False(t, o.Adds(), "a refused decision")
	requireVerdict(t, o, approveDecision("d1", by("ann")), envAt(2), VerdictRecorded)
	require.True(t, o.Adds(), "a vote")
	o = fresh(o)
	requireVerdict(t, o, approveDecision("d1", by("ann")), envAt(2), VerdictRepeated)
	requireVerdict(t, o, approveDecision("d2", by("bob"), rejecting), envAt(3), VerdictDecided)
	require.False(t, o.Adds(), "it closes")
	o = fresh(o)
	o.Advance(envAt(10 * retention))
	require.False(t, o.Adds(), "time")
}
