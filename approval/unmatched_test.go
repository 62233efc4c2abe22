package approval

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func requireField(t tb, field string, err error) {
	t.Helper()
	var f *FieldError
	require.True(t, IsPermanent(err), "%s: %v", field, err)
	require.ErrorAs(t, err, &f)
	require.Equal(t, strings.TrimSpace(field), f.Field)
}

// addRequest adds a request and returns the approval and the actions that are due.
func addRequest(t tb, o *Order, a Request, turn Environment) (*Approval, []Action) {
	t.Helper()
	id, actions, err := o.AddRequest(a, turn)
	require.NoError(t, err)
	return o.FindApproval(id), actions
}

func TestDecisionWaitsForItsRequest(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	requireVerdict(t, o, approveDecision("d1", onStep("s")), envAt(0), VerdictWaiting)
	requireVerdict(t, o, approveDecision("d1", onStep("s")), envAt(1), VerdictRepeated)
	requireVerdict(t, o, approveDecision("d1", onStep("s"), rejecting), envAt(1), VerdictConflict)
	require.Len(t, o.Unmatched, 1)
	o = storeAndLoad(t, o)

	other, actions := addRequest(t, o, newRequest("t0", withStep("z")), envAt(time.Minute))
	require.Equal(t, Pending, other.Status, "it is for another step")
	require.Empty(t, actions)

	a, actions := addRequest(t, o, newRequest("t1"), envAt(2*time.Minute))
	require.Equal(t, Approved, a.Status)
	require.Empty(t, o.Unmatched)
	require.Empty(t, a.Notifications, "a decided approval notifies nobody")
	onlyCallback(t, actions)

	o = storeAndLoad(t, o)
	requireVerdict(t, o, approveDecision("d1", onStep("s")), envAt(3*time.Minute), VerdictRepeated)
	again, _ := addRequest(t, o, newRequest("t2"), envAt(4*time.Minute))
	require.Equal(t, Pending, again.Status, "the decision was applied before")
}

func TestOperatorsDecisionDoesNotWait(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	requireVerdict(t, o, approveDecision("d", via(ViaOperator, "operator")), envAt(0), VerdictUnknown)
	require.Empty(t, o.Unmatched)
}

func TestWaitingDecisionsAreAppliedInOrder(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	requireVerdict(t, o, approveDecision("d1", by("ann"), rejecting), envAt(0), VerdictWaiting)
	requireVerdict(t, o, approveDecision("d2", by("bob")), envAt(1), VerdictWaiting)
	requireVerdict(t, o, approveDecision("d3", by("eve")), envAt(1), VerdictWaiting)
	a, actions := addRequest(t, o, newRequest("t1", withStep(""), withApprovers("ann", "bob")), envAt(2))
	require.Empty(t, ofKind(ActionDeadLetter, actions), "an operator cannot cure a conflict")
	require.Len(t, o.Unmatched, 1, "the request does not admit eve")
	o.Unmatched = nil
	require.Equal(t, Rejected, a.Status)
	require.Len(t, a.Votes, 1)
	require.Empty(t, o.Unmatched)
	requireVerdict(t, o, approveDecision("d2", by("bob")), envAt(3), VerdictConflict)
}

// A request that does not admit a waiting decision leaves it waiting for a request that does.
func TestWaitingDecisionIsForTheApprovalThatAdmitsIt(t *testing.T) {
	t.Parallel()
	forPartner := func(r *Request) { r.Sources = []string{"partner"} }
	forOthers := func(r *Request) { r.Workflow, r.Sources = "strict", []string{"erp"} }
	partner := approveDecision("d1", by(""), via(ViaWebhook, "partner"))
	for name, requests := range map[string][]Request{
		"the other first": {newRequest("t1", withStep(""), forOthers), newRequest("t2", withStep(""), forPartner)},
		"its own first":   {newRequest("t2", withStep(""), forPartner), newRequest("t1", withStep(""), forOthers)},
	} {
		o := &Order{ID: "o-1"}
		requireVerdict(t, o, partner, envAt(0), VerdictWaiting)
		var all []*Approval
		for i, r := range requests {
			a, actions := addRequest(t, o, r, envAt(time.Duration(i)*time.Minute))
			require.Empty(t, ofKind(ActionDeadLetter, actions), name)
			all = append(all, a)
			o = storeAndLoad(t, o)
		}
		for _, a := range all {
			want := Pending
			if a.Workflow == "payments" {
				want = Approved
			}
			require.Equal(t, want, o.FindApproval(a.ID).Status, name)
		}
		require.Empty(t, o.Unmatched)
		requireVerdict(t, o, partner, envAt(3*time.Minute), VerdictRepeated)
	}
}

// A decision that no approval admits is announced when it expires, because its sender was told that it waits.
func TestWaitingDecisionThatNobodyAdmitsExpires(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	requireVerdict(t, o, approveDecision("d1", by("eve")), envAt(0), VerdictWaiting)
	a, actions := addRequest(t, o, newRequest("t1", withApprovers("ann")), envAt(1))
	require.Empty(t, ofKind(ActionDeadLetter, actions))
	require.Equal(t, Pending, a.Status)
	requireVerdict(t, o, approveDecision("d1", by("eve")), envAt(2), VerdictRepeated)
	letters := ofKind(ActionDeadLetter, o.Advance(envAt(testRetention.WaitFor)))
	require.Len(t, letters, 1)
	require.Contains(t, letters[0].Reason, "no approval admitted the decision d1")
	require.Equal(t, Pending, a.Status)
}

// An escalation adds approvers. A decision of one of them may wait already.
func TestWaitingDecisionOfAnEscalatedApprover(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	requireVerdict(t, o, approveDecision("d1", by("boss")), envAt(0), VerdictWaiting)
	a, _ := addRequest(t, o, newRequest("t1", withApprovers("ann"), byMail, withEscalations(escalationToBoss(time.Minute))), envAt(1))
	o.Advance(envAt(time.Minute - 1))
	require.Equal(t, Pending, a.Status)
	onlyCallback(t, o.Advance(envAt(time.Minute)))
	require.Equal(t, Approved, a.Status)
	require.Equal(t, "boss", a.Votes[0].By)
}

// The requests of two parallel branches arrive one after the other. A decision that names no step is not spent on the
// branch whose request is faster.
func TestWaitingDecisionIsNotSpentOnTheFirstBranch(t *testing.T) {
	t.Parallel()
	early := func() *Order {
		o := &Order{ID: "o-1"}
		requireVerdict(t, o, approveDecision("d1"), envAt(0), VerdictWaiting)
		return o
	}
	o := early()
	first, _ := addRequest(t, o, newRequest("t1", withStep("finance")), envAt(time.Second))
	require.Equal(t, Pending, first.Status)
	require.Equal(t, at(time.Second+settleTime), o.NextDue())
	requireVerdict(t, o, approveDecision("d1"), envAt(time.Second), VerdictRepeated)
	second, actions := addRequest(t, o, newRequest("t2", withStep("manager")), envAt(time.Second+settleTime-1))
	require.Len(t, ofKind(ActionDeadLetter, actions), 1)
	require.Contains(t, ofKind(ActionDeadLetter, actions)[0].Reason, "ambiguous")
	require.Empty(t, o.Unmatched)
	o.Advance(envAt(time.Minute))
	require.Equal(t, Pending, first.Status)
	require.Equal(t, Pending, second.Status)

	o = early() // no second branch
	only, _ := addRequest(t, o, newRequest("t1", withStep("finance")), envAt(time.Second))
	o = storeAndLoad(t, o)
	require.Empty(t, o.Advance(envAt(time.Second+settleTime-1)))
	onlyCallback(t, o.Advance(envAt(time.Second+settleTime)))
	require.Equal(t, Approved, o.FindApproval(only.ID).Status)

	o = early() // the sender becomes more exact
	only, _ = addRequest(t, o, newRequest("t1", withStep("finance")), envAt(time.Second))
	requireVerdict(t, o, approveDecision("d1", onStep("legal")), envAt(time.Second), VerdictWaiting)
	requireVerdict(t, o, approveDecision("d1", onApproval("?")), envAt(time.Second), VerdictUnknown)
	require.Len(t, o.Unmatched, 1)
	requireVerdict(t, o, approveDecision("d1", onApproval(only.ID)), envAt(time.Second), VerdictDecided)
	require.Empty(t, o.Unmatched)
}

// A branch that closes within the settle time leaves the decision to the other.
func TestWaitingDecisionAfterABranchClosed(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	requireVerdict(t, o, approveDecision("d1"), envAt(0), VerdictWaiting)
	first, _ := addRequest(t, o, newRequest("t1", withStep("finance")), envAt(1))
	finishCallback(t, o, func() []Action { _, actions := o.Cancel(first.ID, "ops", "", envAt(2)); return actions }(), 2)
	o.Advance(envAt(1 + settleTime))
	require.Equal(t, at(testRetention.WaitFor), o.NextDue(), "only its expiry is due")
	second, _ := addRequest(t, o, newRequest("t2", withStep("manager")), envAt(2+settleTime))
	o.Advance(envAt(3 + settleTime))
	require.Equal(t, Pending, second.Status, "its own settle time")
	o.Advance(envAt(2 + 2*settleTime))
	require.Equal(t, Approved, second.Status)
}

func TestUnmatchedDecisionExpires(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	requireVerdict(t, o, approveDecision("d1"), envAt(0), VerdictWaiting)
	require.Equal(t, at(testRetention.WaitFor), o.NextDue())
	require.Empty(t, o.Advance(envAt(testRetention.WaitFor-1)))
	require.Equal(t, "dead_letter", joinKinds(o.Advance(envAt(testRetention.WaitFor))))
	require.Empty(t, o.Advance(envAt(testRetention.WaitFor)), "announced once")

	a, _ := addRequest(t, o, newRequest("t1", withStep("")), envAt(testRetention.WaitFor+1))
	require.Equal(t, Pending, a.Status, "an expired decision never approves")

	o = &Order{ID: "o-1"}
	requireVerdict(t, o, approveDecision("d1"), envAt(0), VerdictWaiting)
	o.Advance(envAt(testRetention.WaitFor))
	requireVerdict(t, o, approveDecision("d1"), envAt(testRetention.WaitFor+1), VerdictWaiting) // waits again
	require.Len(t, o.Unmatched, 2)
	a, _ = addRequest(t, o, newRequest("t1", withStep("")), envAt(testRetention.WaitFor+2))
	require.Equal(t, Approved, a.Status)

	o = &Order{ID: "o-1"}
	requireVerdict(t, o, approveDecision("d1"), envAt(0), VerdictWaiting)
	o.Advance(envAt(testRetention.WaitFor))
	require.False(t, o.IsEmpty(), "shown for a while")
	o.Advance(envAt(testRetention.WaitFor + testRetention.ShowExpiredFor))
	require.True(t, o.IsEmpty())
	require.True(t, o.NextDue().IsZero())
}

// An expired decision is not applied, also if no sweep has marked it as expired.
func TestExpiredDecisionBeforeTheSweepIsNotApplied(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	requireVerdict(t, o, approveDecision("d1"), envAt(0), VerdictWaiting)
	a, _ := addRequest(t, o, newRequest("t1"), envAt(testRetention.WaitFor))
	require.Equal(t, Pending, a.Status)
}

func TestRequestAfterItsDeadlineTimesOut(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	requireVerdict(t, o, approveDecision("d1"), envAt(deadline-time.Minute), VerdictWaiting)
	a, actions := addRequest(t, o, newRequest("t1", func(a *Request) { a.Channels = []string{"mail"} }), envAt(deadline))
	require.Equal(t, TimedOut, a.Status, "like for a decision at that time")
	require.Equal(t, "call_back", joinKinds(actions))
	require.Empty(t, a.Notifications)
}

func TestLimitOfUnmatchedDecisions(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	for round := range 4 {
		now := time.Duration(round) * testRetention.WaitFor
		for i := range MaxUnmatched {
			requireVerdict(t, o, approveDecision(fmt.Sprintf("d%d-%d", round, i)), envAt(now), VerdictWaiting)
		}
		requireVerdict(t, o, approveDecision("one more"), envAt(now), VerdictOverflow)
		require.LessOrEqual(t, len(o.Unmatched), 2*MaxUnmatched)
	}
}

func TestAmbiguousDecisionIsRefused(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t)
	b, _ := addRequest(t, o, newRequest("t2", withStep("z")), envAt(1))
	requireVerdict(t, o, approveDecision("d1"), envAt(2), VerdictAmbiguous)
	v, _ := o.Cancel("", "ops", "", envAt(2))
	require.Equal(t, VerdictAmbiguous, v.Code)
	require.Equal(t, Pending, a.Status)
	require.Equal(t, Pending, b.Status)
	requireVerdict(t, o, approveDecision("d1", onStep("z")), envAt(3), VerdictDecided) // now with its step
	require.Equal(t, Pending, a.Status)
	requireVerdict(t, o, approveDecision("d2", onStep("z"), onApproval(a.ID)), envAt(3), VerdictUnknown)
	requireVerdict(t, o, approveDecision("d2", onApproval("?")), envAt(3), VerdictUnknown)
	requireVerdict(t, o, approveDecision("d2"), envAt(3), VerdictDecided) // only one pending approval is left
	require.Equal(t, Approved, a.Status)
}

// Two workflows may use the same order IDs. Neither ends the task of the other.
func TestAnotherWorkflowDoesNotSupersede(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t)
	_, actions := addRequest(t, o, newRequest("t2", func(a *Request) { a.Workflow = "shipping" }), envAt(1))
	require.Equal(t, Pending, a.Status)
	require.Empty(t, actions)
	requireVerdict(t, o, approveDecision("d1"), envAt(2), VerdictAmbiguous)
}

// A decision is remembered by its ID and source, as long as its approval exists.
func TestRedeliveredDecisionNeverCountsForALaterRequest(t *testing.T) {
	t.Parallel()
	flood := func(o *Order, n int) {
		for i := range n { // these displace it from the remembered decisions
			requireVerdict(t, o, approveDecision(fmt.Sprintf("f%d", i), via(ViaAPI, "other")), envAt(2), VerdictRepeated)
		}
	}
	for _, n := range []int{0, 2 * MaxJudgedDecisions} {
		o, a := pendingOrder(t)
		requireVerdict(t, o, approveDecision("d1", via(ViaAPI, "erp")), envAt(1), VerdictDecided)
		flood(o, n)
		require.LessOrEqual(t, len(o.JudgedDecisions), MaxJudgedDecisions)
		b, _ := addRequest(t, o, newRequest("t2"), envAt(3))
		o = storeAndLoad(t, o)
		b = o.FindApproval(b.ID)
		requireVerdict(t, o, approveDecision("d1", via(ViaAPI, "erp")), envAt(4), VerdictRepeated)
		requireVerdict(t, o, approveDecision("d1", via(ViaAPI, "erp"), rejecting), envAt(4), VerdictConflict)
		require.Equal(t, Pending, b.Status)
		require.Equal(t, Approved, o.FindApproval(a.ID).Status)
		requireVerdict(t, o, approveDecision("d1", via(ViaAPI, "crm")), envAt(5), VerdictDecided) // another source
		require.Equal(t, Approved, b.Status)
	}
}
