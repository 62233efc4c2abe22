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

// request asks with the token and returns the approval and what is owed.
func request(t tb, o *Order, a Request, turn Environment) (*Approval, []Action) {
	t.Helper()
	id, actions, err := o.AddRequest(a, turn)
	require.NoError(t, err)
	return o.FindApproval(id), actions
}

func TestADecisionWaitsForItsRequest(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	decide(t, o, approve("d1", onStep("s")), turn(0), VerdictWaiting)
	decide(t, o, approve("d1", onStep("s")), turn(1), VerdictRepeated)
	decide(t, o, approve("d1", onStep("s"), rejects), turn(1), VerdictConflict)
	require.Len(t, o.Unmatched, 1)
	o = stored(t, o)

	other, actions := request(t, o, ask("t0", step("z")), turn(time.Minute))
	require.Equal(t, Pending, other.Status, "it is for another step")
	require.Empty(t, actions)

	a, actions := request(t, o, ask("t1"), turn(2*time.Minute))
	require.Equal(t, Approved, a.Status)
	require.Empty(t, o.Unmatched)
	require.Empty(t, a.Notifications, "nobody is asked any more")
	callBack(t, actions)

	o = stored(t, o)
	decide(t, o, approve("d1", onStep("s")), turn(3*time.Minute), VerdictRepeated)
	again, _ := request(t, o, ask("t2"), turn(4*time.Minute))
	require.Equal(t, Pending, again.Status, "it has been used")
}

func TestAnOperatorIsToldOfAnUnknownOrder(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	decide(t, o, approve("d", via(ViaOperator, "operator")), turn(0), VerdictUnknown)
	require.Empty(t, o.Unmatched)
}

func TestWaitingDecisionsAreAppliedInOrder(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	decide(t, o, approve("d1", by("ann"), rejects), turn(0), VerdictWaiting)
	decide(t, o, approve("d2", by("bob")), turn(1), VerdictWaiting)
	a, _ := request(t, o, ask("t1"), turn(2))
	require.Equal(t, Rejected, a.Status)
	require.Len(t, a.Votes, 1)
	require.Empty(t, o.Unmatched)
	decide(t, o, approve("d2", by("bob")), turn(3), VerdictConflict)
}

func TestAWaitingDecisionThatMayNotDecideIsADeadLetter(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	decide(t, o, approve("d1", by("eve")), turn(0), VerdictWaiting)
	a, actions := request(t, o, ask("t1", approvers("ann")), turn(1))
	require.Equal(t, Pending, a.Status)
	require.Empty(t, o.Unmatched)
	letters := only(ActionDeadLetter, actions)
	require.Len(t, letters, 1, "its sender was told that it waits")
	require.Contains(t, letters[0].Reason, "not_approver")
}

func TestADecisionThatWaitedInVain(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	decide(t, o, approve("d1"), turn(0), VerdictWaiting)
	require.Equal(t, at(keep.WaitFor), o.NextDue())
	require.Empty(t, o.Advance(turn(keep.WaitFor-1)))
	require.Equal(t, "dead_letter", kinds(o.Advance(turn(keep.WaitFor))))
	require.Empty(t, o.Advance(turn(keep.WaitFor)), "announced once")

	a, _ := request(t, o, ask("t1"), turn(keep.WaitFor+1))
	require.Equal(t, Pending, a.Status, "a stale one never approves")

	o = &Order{ID: "o-1"}
	decide(t, o, approve("d1"), turn(0), VerdictWaiting)
	o.Advance(turn(keep.WaitFor))
	decide(t, o, approve("d1"), turn(keep.WaitFor+1), VerdictWaiting) // sent again it waits again
	require.Len(t, o.Unmatched, 2)
	a, _ = request(t, o, ask("t1"), turn(keep.WaitFor+2))
	require.Equal(t, Approved, a.Status)

	o = &Order{ID: "o-1"}
	decide(t, o, approve("d1"), turn(0), VerdictWaiting)
	o.Advance(turn(keep.WaitFor))
	require.False(t, o.IsEmpty(), "shown for a while")
	o.Advance(turn(keep.WaitFor + keep.ShowExpiredFor))
	require.True(t, o.IsEmpty())
	require.True(t, o.NextDue().IsZero())
}

// The expired is not applied although no sweep has marked it.
func TestAnExpiredDecisionThatWasNotSweptIsNotApplied(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	decide(t, o, approve("d1"), turn(0), VerdictWaiting)
	a, _ := request(t, o, ask("t1"), turn(keep.WaitFor))
	require.Equal(t, Pending, a.Status)
}

func TestARequestAfterItsDeadlineTimesOut(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	decide(t, o, approve("d1"), turn(deadline-time.Minute), VerdictWaiting)
	a, actions := request(t, o, ask("t1", func(a *Request) { a.Channels = []string{"mail"} }), turn(deadline))
	require.Equal(t, TimedOut, a.Status, "as a decision at that time would find it")
	require.Equal(t, "call_back", kinds(actions))
	require.Empty(t, a.Notifications)
}

func TestTooManyWait(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	for round := range 4 {
		now := time.Duration(round) * keep.WaitFor
		for i := range MaxUnmatched {
			decide(t, o, approve(fmt.Sprintf("d%d-%d", round, i)), turn(now), VerdictWaiting)
		}
		decide(t, o, approve("one more"), turn(now), VerdictOverflow)
		require.LessOrEqual(t, len(o.Unmatched), 2*MaxUnmatched)
	}
}

func TestAmbiguousIsRefusedNotGuessed(t *testing.T) {
	t.Parallel()
	o, a := requested(t)
	b, _ := request(t, o, ask("t2", step("z")), turn(1))
	decide(t, o, approve("d1"), turn(2), VerdictAmbiguous)
	v, _ := o.Cancel("", "ops", "", turn(2))
	require.Equal(t, VerdictAmbiguous, v.Code)
	require.Equal(t, Pending, a.Status)
	require.Equal(t, Pending, b.Status)
	decide(t, o, approve("d1", onStep("z")), turn(3), VerdictDecided) // the same one, made plain
	require.Equal(t, Pending, a.Status)
	decide(t, o, approve("d2", onStep("z"), on(a.ID)), turn(3), VerdictUnknown)
	decide(t, o, approve("d2", on("?")), turn(3), VerdictUnknown)
	decide(t, o, approve("d2"), turn(3), VerdictDecided) // only one is left
	require.Equal(t, Approved, a.Status)
}

// Two workflows may use the same order IDs: neither ends the other's task.
func TestAnotherWorkflowDoesNotSupersede(t *testing.T) {
	t.Parallel()
	o, a := requested(t)
	_, actions := request(t, o, ask("t2", func(a *Request) { a.Workflow = "shipping" }), turn(1))
	require.Equal(t, Pending, a.Status)
	require.Empty(t, actions)
	decide(t, o, approve("d1"), turn(2), VerdictAmbiguous)
}

// A decision is known by its ID and source, for as long as its approval is.
func TestARedeliveredDecisionNeverCountsForALaterRequest(t *testing.T) {
	t.Parallel()
	flood := func(o *Order, n int) {
		for i := range n { // other sources push it out of what is remembered
			decide(t, o, approve(fmt.Sprintf("f%d", i), via(ViaAPI, "other")), turn(2), VerdictRepeated)
		}
	}
	for _, n := range []int{0, 2 * MaxJudgedDecisions} {
		o, a := requested(t)
		decide(t, o, approve("d1", via(ViaAPI, "erp")), turn(1), VerdictDecided)
		flood(o, n)
		require.LessOrEqual(t, len(o.JudgedDecisions), MaxJudgedDecisions)
		b, _ := request(t, o, ask("t2"), turn(3))
		o = stored(t, o)
		b = o.FindApproval(b.ID)
		decide(t, o, approve("d1", via(ViaAPI, "erp")), turn(4), VerdictRepeated)
		decide(t, o, approve("d1", via(ViaAPI, "erp"), rejects), turn(4), VerdictConflict)
		require.Equal(t, Pending, b.Status)
		require.Equal(t, Approved, o.FindApproval(a.ID).Status)
		decide(t, o, approve("d1", via(ViaAPI, "crm")), turn(5), VerdictDecided) // another source's own ID
		require.Equal(t, Approved, b.Status)
	}
}

func TestHistoryIsBoundedAndRepeatsAreNotKept(t *testing.T) {
	t.Parallel()
	o, _ := requested(t, approvers("ann"))
	for range 3 {
		decide(t, o, approve("d1", by("eve")), turn(1), VerdictNotApprover)
	}
	require.Len(t, o.History, 2)
	require.Len(t, o.NewEvents(), 4, "all are counted")
	for i := range 2 * MaxHistory {
		decide(t, o, approve(fmt.Sprint(i), by("eve")), turn(1), VerdictNotApprover)
	}
	require.Len(t, o.History, MaxHistory)
}

func TestRoomForApprovals(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	for i := range MaxApprovals {
		request(t, o, ask(fmt.Sprint(i), step(fmt.Sprint(i))), turn(0))
	}
	_, _, err := o.AddRequest(ask("more"), turn(1))
	requireField(t, "order", err)
	act := callBack(t, decide(t, o, approve("d", onStep("7")), turn(1), VerdictDecided))
	o.RecordCallbackResult(act, Result{Kind: ResultOK}, turn(1))
	_, _, err = o.AddRequest(ask("more"), turn(2))
	requireField(t, "order", err) // its request may still be redelivered
	request(t, o, ask("more"), turn(1+TokenGrace))
	require.Len(t, o.Approvals, MaxApprovals)
	require.Nil(t, o.FindApproval(ApprovalID("o-1", "7", NewToken("7"))))
}
