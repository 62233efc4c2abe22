package approval

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func fromBody(d *Decision)                       { d.IDFromBody = true }
func onExecution(s string) func(*Decision)       { return func(d *Decision) { d.Execution = s } }
func inExecution(s string) func(*Request)        { return func(r *Request) { r.Execution = s } }
func inWorkflow(s string) func(*Request)         { return func(r *Request) { r.Workflow = s } }
func withSources(names ...string) func(*Request) { return func(r *Request) { r.Sources = names } }
func withRequester(id string) func(*Request)     { return func(r *Request) { r.Requester = id } }
func withDeadline(d time.Duration) func(*Request) {
	return func(r *Request) { r.Deadline = at(d) }
}

// finishCallback delivers the answer of an approval.
func finishCallback(t tb, o *Order, actions []Action, now time.Duration) {
	t.Helper()
	o.RecordCallbackResult(onlyCallback(t, actions), ok, envAt(now))
}

// Two workflows ask about one order; each takes decisions of its own source only.
func TestDecisionIsForTheOnlyApprovalThatAdmitsIt(t *testing.T) {
	t.Parallel()
	o, orders := pendingOrder(t, withStep(""), inWorkflow("orders"), withSources("orders-team"))
	refunds, _ := addRequest(t, o, newRequest("t2", withStep(""), inWorkflow("refunds"), withSources("refunds-team")), envAt(0))
	v, _, err := o.Decide(approveDecision("d0", via(ViaSNS, "sales")), testRetention, envAt(1))
	require.NoError(t, err)
	require.Equal(t, Verdict{Code: VerdictSource, ApprovalID: orders.ID, Status: Pending}, v, "nobody admits it")
	requireVerdict(t, o, approveDecision("d1", via(ViaSNS, "refunds-team")), envAt(1), VerdictDecided)
	require.Equal(t, Approved, refunds.Status)
	require.Equal(t, Pending, orders.Status)
}

func TestAmbiguousDecisionListsTheCandidates(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, withApprovers("ann"), inExecution("e1"), func(r *Request) { r.State = "Ask finance" })
	b, _ := addRequest(t, o, newRequest("t2", withStep("z"), inExecution("e2")), envAt(1))
	addRequest(t, o, newRequest("t3", withStep("y"), withApprovers("bob")), envAt(1))
	v, actions, err := o.Decide(approveDecision("d1"), testRetention, envAt(2))
	require.NoError(t, err)
	require.Empty(t, actions)
	require.Equal(t, VerdictAmbiguous, v.Code)
	require.Equal(t, []Candidate{
		{ApprovalID: a.ID, Workflow: "payments", Step: "s", State: "Ask finance", Execution: "e1"},
		{ApprovalID: b.ID, Workflow: "payments", Step: "z", Execution: "e2"},
	}, v.Candidates, "without the approval that does not admit ann")
	var refusal *RefusalError
	require.ErrorAs(t, v.Err(), &refusal)
	require.Equal(t, VerdictAmbiguous, refusal.Verdict.Code)
	for i := range 2 * maxCandidates {
		addRequest(t, o, newRequest(fmt.Sprint("m", i), withStep(fmt.Sprint("m", i))), envAt(3))
	}
	v, _, err = o.Decide(approveDecision("d1"), testRetention, envAt(4))
	require.NoError(t, err)
	require.Len(t, v.Candidates, maxCandidates)
}

// Two executions ask about one order. The execution of a decision selects its approval, and never another one.
func TestExecutionSelectsTheApproval(t *testing.T) {
	t.Parallel()
	two := func() (*Order, *Approval, *Approval) {
		o, a := pendingOrder(t, inExecution("e1"))
		b, _ := addRequest(t, o, newRequest("t2", withStep("z"), inExecution("e2")), envAt(0))
		return o, a, b
	}
	o, a, b := two()
	requireVerdict(t, o, approveDecision("d1"), envAt(1), VerdictAmbiguous)
	requireVerdict(t, o, approveDecision("d1", onExecution("e2"), onStep("s")), envAt(1), VerdictWaiting)
	requireVerdict(t, o, approveDecision("d2", onExecution("e2"), onApproval(a.ID)), envAt(1), VerdictUnknown)
	requireVerdict(t, o, approveDecision("d3", onExecution("e2")), envAt(1), VerdictDecided)
	require.Equal(t, []Status{Pending, Approved}, []Status{a.Status, b.Status})

	o, a, b = two()
	requireVerdict(t, o, approveDecision("d1", onExecution("e3")), envAt(1), VerdictWaiting)
	c, _ := addRequest(t, o, newRequest("t3", withStep(""), inExecution("e3")), envAt(2))
	require.Equal(t, []Status{Pending, Pending, Approved}, []Status{a.Status, b.Status, c.Status})

	o, a = pendingOrder(t) // its execution is unknown
	requireVerdict(t, o, approveDecision("d1", onExecution("e1")), envAt(1), VerdictDecided)
	require.Equal(t, Approved, a.Status)

	_, _, err := o.Decide(approveDecision("d", onExecution("\xff")), testRetention, envAt(1))
	requireField(t, "execution", err)
}

func TestCancellationSelectsByExecution(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, inExecution("e1"))
	b, _ := addRequest(t, o, newRequest("t2", withStep("z"), inExecution("e2")), envAt(0))
	v, _ := o.CancelBy(Cancellation{Actor: OperatorActor("ops", "")}, envAt(1))
	require.Equal(t, VerdictAmbiguous, v.Code)
	require.Len(t, v.Candidates, 2)
	v, _ = o.CancelBy(Cancellation{Execution: "e3", Actor: OperatorActor("ops", "")}, envAt(1))
	require.Equal(t, VerdictUnknown, v.Code)
	v, _ = o.CancelBy(Cancellation{Execution: "e2", Actor: OperatorActor("ops", "")}, envAt(1))
	require.Equal(t, VerdictDecided, v.Code)
	require.Equal(t, []Status{Pending, Cancelled}, []Status{a.Status, b.Status})
}

// A second round of an order, decided in the words of the first: nobody can tell a repetition from a new decision, so it
// is refused, and the sender learns how to be exact.
func TestSecondRoundInTheSameWords(t *testing.T) {
	t.Parallel()
	o, first := pendingOrder(t, withStep(""))
	d := approveDecision("body-1234", via(ViaAPI, "api:shop"), fromBody)
	finishCallback(t, o, requireVerdict(t, o, d, envAt(time.Minute), VerdictDecided), time.Minute)
	requireVerdict(t, o, d, envAt(2*time.Minute), VerdictRepeated) // no other approval is pending
	second, _ := addRequest(t, o, newRequest("t2", withStep(""), withDeadline(30*time.Hour)), envAt(24*time.Hour))
	for range 2 {
		v, actions, err := o.Decide(d, testRetention, envAt(25*time.Hour))
		require.NoError(t, err)
		require.Empty(t, actions)
		require.Equal(t, VerdictDuplicate, v.Code)
		require.True(t, v.IsFinal())
		require.Equal(t, first.ID, v.ApprovalID)
		require.Equal(t, Approved, v.Status)
		require.Equal(t, []Candidate{{ApprovalID: second.ID, Workflow: "payments"}}, v.Candidates)
		o = storeAndLoad(t, o)
	}
	second = o.FindApproval(second.ID)
	require.Equal(t, Pending, second.Status)

	d.IDFromBody = false // the sender's own ID is the same: it is the same decision
	requireVerdict(t, o, d, envAt(25*time.Hour), VerdictRepeated)
	d.ID = "body-5678" // the same words with the approval are another body
	d.ApprovalID, d.IDFromBody = second.ID, true
	requireVerdict(t, o, d, envAt(25*time.Hour), VerdictDecided)
}

// Only an approval that the decision could be about makes it a duplicate.
func TestSameWordsWithoutAnotherApprovalAreARepetition(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Request){
		"another source": withSources("erp"),
		"another person": withApprovers("bob"),
	} {
		o, _ := pendingOrder(t, withStep(""))
		d := approveDecision("body-1", via(ViaAPI, "api:shop"), fromBody)
		requireVerdict(t, o, d, envAt(1), VerdictDecided)
		addRequest(t, o, newRequest("t2", withStep(""), change), envAt(2))
		v, _, err := o.Decide(d, testRetention, envAt(3))
		require.NoError(t, err)
		require.Equal(t, VerdictRepeated, v.Code, name)
	}
	o, _ := pendingOrder(t, withPolicy(Policy{Kind: PolicyQuorum, Quorum: 2})) // the first approval is still pending
	d := approveDecision("body-1", via(ViaAPI, "api:shop"), fromBody)
	requireVerdict(t, o, d, envAt(1), VerdictRecorded)
	addRequest(t, o, newRequest("t2", withStep("z")), envAt(2))
	requireVerdict(t, o, d, envAt(3), VerdictRepeated)
}

// A decision that was sent after an approval was closed is not about that approval: it is early for the next one.
func TestDecisionSentAfterTheClosingIsEarly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sent   time.Duration
		want   VerdictCode
		second Status
	}{
		"sent after":  {time.Hour, VerdictWaiting, Approved},
		"sent before": {time.Minute - 1, VerdictRepeated, Pending},
		"sent then":   {time.Minute, VerdictRepeated, Pending},
	} {
		o, _ := pendingOrder(t, withStep(""), enteredAt(0))
		finishCallback(t, o, requireVerdict(t, o, approveDecision("d1"), envAt(time.Minute), VerdictDecided), time.Minute)
		d := approveDecision("d2", by("bob"), sentAt(c.sent))
		v, _, err := o.Decide(d, testRetention, envAt(time.Hour))
		require.NoError(t, err)
		require.Equal(t, c.want, v.Code, name)
		second, _ := addRequest(t, o, newRequest("t2", withStep(""), enteredAt(time.Hour+time.Second)), envAt(time.Hour+2*time.Second))
		require.Equal(t, c.second, second.Status, name)
	}
	o, _ := pendingOrder(t) // it is not known when it was sent
	requireVerdict(t, o, approveDecision("d1"), envAt(1), VerdictDecided)
	requireVerdict(t, o, approveDecision("d2", by("bob")), envAt(2), VerdictRepeated)
	last := o.History[len(o.History)-1]
	require.Equal(t, []string{"bob", "repeated", "d2"}, []string{last.By, last.Code, last.Note}, "the history has it")
	n := len(o.History)
	requireVerdict(t, o, approveDecision("d2", by("bob")), envAt(3), VerdictRepeated)
	require.Len(t, o.History, n, "once")
}

// Of several closed approvals, a late decision is about the latest that admits it.
func TestLateDecisionIsAboutTheLatestClosedApprovalThatAdmitsIt(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	for i, approver := range []string{"ann", "ann", "bob"} {
		a, _ := addRequest(t, o, newRequest(fmt.Sprint("t", i), withStep(fmt.Sprint(i)), withApprovers(approver)), envAt(0))
		o.Cancel(a.ID, "ops", "", envAt(1))
	}
	for who, want := range map[string]struct {
		approval int
		code     VerdictCode
	}{"ann": {1, VerdictLate}, "bob": {2, VerdictLate}, "eve": {2, VerdictNotApprover}} {
		v, _, err := o.Decide(approveDecision("d-"+who, by(who)), testRetention, envAt(2))
		require.NoError(t, err)
		require.Equal(t, want.code, v.Code, who)
		require.Equal(t, o.Approvals[want.approval].ID, v.ApprovalID, who)
	}
}

// While a probe may end one of the candidates, a decision waits for its answer.
func TestDecisionWaitsForAProbe(t *testing.T) {
	t.Parallel()
	probing := func() (*Order, *Approval, *Approval) {
		o, older := pendingOrder(t, withStep(""))
		newer, _ := addRequest(t, o, newRequest("t2", withStep(""), inWorkflow("other")), envAt(0))
		older.Probe.Newer = newer.ID
		requireVerdict(t, o, approveDecision("d1"), envAt(1), VerdictWaiting)
		requireVerdict(t, o, approveDecision("op", via(ViaOperator, "operator"), by("olga")), envAt(1), VerdictAmbiguous)
		require.Empty(t, o.judgeWaiting(envAt(2)))
		require.Len(t, o.Unmatched, 1)
		return o, older, newer
	}
	o, older, newer := probing() // the older attempt has ended
	older.Probe = Probe{}
	o.closeSuperseded(older, newer.ID, "closed", Environment{Now: at(3)})
	onlyCallback(t, o.judgeWaiting(envAt(3)))
	require.Equal(t, Approved, newer.Status)
	require.Empty(t, o.Unmatched)

	o, older, newer = probing() // both wait
	older.Probe = Probe{}
	letters := ofKind(ActionDeadLetter, o.judgeWaiting(envAt(3)))
	require.Len(t, letters, 1)
	require.Contains(t, letters[0].Reason, "ambiguous")
	require.Equal(t, []Status{Pending, Pending}, []Status{older.Status, newer.Status})

	o, older, newer = probing() // a deadline ends one of them first
	o.Cancel(older.ID, "ops", "", envAt(3))
	require.Equal(t, at(3), o.NextDue())
	onlyCallback(t, ofKind(ActionCallback, o.Advance(envAt(3))))
	require.Equal(t, Approved, newer.Status)
}

// An attempt that started after the pending attempt is not the attempt that an overtaken decision is about.
func TestOvertakenDecisionIsNotAboutALaterAttempt(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	first, _ := addRequest(t, o, newRequest("t1", enteredAt(0)), envAt(0))
	o.Cancel(first.ID, "ops", "", envAt(9*time.Minute))
	later, _ := addRequest(t, o, newRequest("t3", enteredAt(20*time.Minute)), envAt(20*time.Minute))
	o.Cancel(later.ID, "ops", "", envAt(20*time.Minute))
	pending := &Approval{ID: "p", Request: newRequest("t2", enteredAt(10*time.Minute)), Status: Pending}
	o.Approvals = append(o.Approvals, pending)
	require.Same(t, first, o.approvalSeenBy(approveDecision("d", sentAt(8*time.Minute)), pending))
	require.Same(t, pending, o.approvalSeenBy(approveDecision("d", sentAt(10*time.Minute)), pending))
	require.Same(t, pending, o.approvalSeenBy(approveDecision("d"), pending))
}

// Of two attempts that nothing else puts in order, the one that arrived first is the earlier.
func TestArrivalOrdersAttemptsOfTheSameAge(t *testing.T) {
	t.Parallel()
	attempt := func(token string) *Approval {
		return &Approval{ID: token, Request: newRequest(token, enteredAt(10*time.Minute)), Status: Pending}
	}
	first, second := attempt("t1"), attempt("t2")
	o := &Order{ID: "o-1", Approvals: []*Approval{first, second}}
	early := approveDecision("d", sentAt(9*time.Minute))
	require.Same(t, first, o.approvalSeenBy(early, first))
	require.Same(t, first, o.approvalSeenBy(early, second))
}

// The attempt that an overtaken decision is about is one of its own question, whichever approvals closed since.
func TestOvertakenDecisionIsAboutItsOwnQuestion(t *testing.T) {
	t.Parallel()
	o, first := pendingOrder(t, enteredAt(0))
	second, _ := addRequest(t, o, newRequest("t2", enteredAt(10*time.Minute)), envAt(10*time.Minute))
	require.Equal(t, Superseded, first.Status)
	other, _ := addRequest(t, o, newRequest("t3", inWorkflow("other")), envAt(11*time.Minute))
	o.Cancel(other.ID, "ops", "", envAt(11*time.Minute))
	v, _, err := o.Decide(approveDecision("d1", sentAt(9*time.Minute)), testRetention, envAt(12*time.Minute))
	require.NoError(t, err)
	require.Equal(t, Verdict{Code: VerdictSuperseded, ApprovalID: first.ID, Status: Superseded}, v)
	require.Equal(t, Pending, second.Status)

	o, first = pendingOrder(t, enteredAt(0), inWorkflow("other"))
	o.Cancel(first.ID, "ops", "", envAt(10*time.Minute))
	second, _ = addRequest(t, o, newRequest("t2", enteredAt(10*time.Minute)), envAt(10*time.Minute))
	requireVerdict(t, o, approveDecision("d1", sentAt(9*time.Minute)), envAt(12*time.Minute), VerdictDecided)
	require.Equal(t, Approved, second.Status, "the other workflow is another question")
}
