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

// attempt is what tells the attempts of a question apart.
func attempt(entered time.Duration, redrives, retries int, started time.Duration) func(*Request) {
	return func(r *Request) {
		r.StateEnteredAt = at(entered)
		r.RedriveCount = redrives
		r.RetryCount = retries
		r.AttemptStartedAt = at(started)
	}
}

// A retried state keeps the time at which it was entered, and queues do not keep order. The first of a pair is older.
func TestOrderOfAttempts(t *testing.T) {
	t.Parallel()
	unknown := func(f func(*Request), change func(*Request)) func(*Request) {
		return func(r *Request) { f(r); change(r) }
	}
	withoutEntry := func(r *Request) { r.StateEnteredAt = time.Time{} }
	for name, c := range map[string]struct {
		a, b func(*Request)
		want int
	}{
		"entered earlier, whatever else":  {attempt(0, 1, 1, 9*time.Second), attempt(time.Second, 0, 0, 0), -1},
		"redriven less often":             {attempt(0, 0, 3, 9*time.Second), attempt(0, 1, 0, 0), -1},
		"retried less often":              {attempt(0, 1, 0, 9*time.Second), attempt(0, 1, 1, 0), -1},
		"sent earlier":                    {attempt(0, 1, 1, 0), attempt(0, 1, 1, time.Second), -1},
		"nothing tells them apart":        {attempt(0, 1, 1, 0), attempt(0, 1, 1, 0), 0},
		"one entry unknown, sent earlier": {unknown(attempt(0, 0, 0, 0), withoutEntry), attempt(0, 0, 0, time.Second), -1},
		"one sending unknown":             {unknown(attempt(0, 0, 0, 0), enteredAtUnknown), attempt(0, 0, 0, time.Second), 0},
	} {
		a, b := &Approval{Request: newRequest("a", c.a)}, &Approval{Request: newRequest("b", c.b)}
		require.Equal(t, c.want, compareAttempts(a, b), name)
		require.Equal(t, -c.want, compareAttempts(b, a), name)
	}
}

func enteredAtUnknown(r *Request) { r.AttemptStartedAt = time.Time{} }

// Two executions with one order ID, and two states without a step, ask different questions. What is unknown is equal.
func TestSameQuestion(t *testing.T) {
	t.Parallel()
	whole := Request{Workflow: "w", Step: "s", Execution: "e", State: "S"}
	for name, c := range map[string]struct {
		a, b Request
		want bool
	}{
		"all equal":         {whole, whole, true},
		"another workflow":  {Request{Workflow: "w"}, Request{Workflow: "v"}, false},
		"another step":      {Request{Step: "s"}, Request{}, false},
		"another execution": {Request{Execution: "e"}, Request{Execution: "f"}, false},
		"execution unknown": {Request{Execution: "e"}, Request{}, true},
		"another state":     {Request{State: "S"}, Request{State: "T"}, false},
		"state unknown":     {Request{State: "S"}, Request{}, true},
	} {
		a, b := &Approval{Request: c.a}, &Approval{Request: c.b}
		require.Equal(t, c.want, a.isSameQuestion(b), name)
		require.Equal(t, c.want, b.isSameQuestion(a), name)
	}
	for _, canProbe := range []bool{false, true} {
		in := func(execution string) func(*Request) {
			return func(r *Request) { r.Execution, r.CanProbe = execution, canProbe }
		}
		o, first := pendingOrder(t, in("e1"))
		second, actions := addRequest(t, o, newRequest("t2", in("e2")), envAt(time.Second))
		require.Equal(t, []Status{Pending, Pending}, []Status{first.Status, second.Status})
		require.Empty(t, actions, "nothing is asked")
	}
}

// If the target cannot be asked, the reason tells the reader how two approvals of one order both wait.
func TestReasonOfASupersededApprovalNamesTheStep(t *testing.T) {
	t.Parallel()
	o, first := pendingOrder(t)
	addRequest(t, o, newRequest("t2"), envAt(time.Second))
	require.Equal(t, Superseded, first.Status)
	require.Contains(t, first.Reason, "two approvals of one order at once need different steps")
	o, _ = pendingOrder(t, enteredAt(time.Minute))
	late, _ := addRequest(t, o, newRequest("t2", enteredAt(0)), envAt(time.Second))
	require.Contains(t, late.Reason, "two approvals of one order at once need different steps")
}

// A request that seems older than a closed approval may belong to a later round of the order: clocks differ.
func TestClosedApprovalSupersedesNothing(t *testing.T) {
	t.Parallel()
	o, first := pendingOrder(t, enteredAt(2*time.Second), byMail)
	requireVerdict(t, o, approveDecision("d1"), envAt(0), VerdictDecided)
	second, actions := addRequest(t, o, newRequest("t2", enteredAt(time.Second), byMail), envAt(time.Second))
	require.Equal(t, Approved, first.Status)
	require.Equal(t, Pending, second.Status)
	require.Len(t, ofKind(ActionNotify, actions), 1)
}

// A pending attempt is named as the newer one, if there are closed ones too.
func TestPendingAttemptIsPreferredAsTheNewer(t *testing.T) {
	t.Parallel()
	for _, closedFirst := range []bool{true, false} {
		o := &Order{ID: "o-1"}
		var ended, live *Approval
		add := func(token string) *Approval {
			a, _ := addRequest(t, o, newRequest(token, probeable, func(r *Request) { r.RetryCount = 2 }), envAt(0))
			return a
		}
		if closedFirst {
			ended, live = add("a"), add("b")
		} else {
			live, ended = add("a"), add("b")
		}
		o.Cancel(ended.ID, "ops", "", envAt(0))
		late, _ := addRequest(t, o, newRequest("c", probeable), envAt(0))
		require.Equal(t, live.ID, late.Probe.Newer)
	}
}

// Of several earlier attempts, a decision is about the latest that its sender can have seen, and never about an attempt
// of another question or a younger one.
func TestDecisionIsAboutTheLatestEarlierAttempt(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	started := map[string]time.Duration{"second": 10 * time.Minute, "first": 0, "pending": 20 * time.Minute, "younger": 30 * time.Minute}
	added := map[string]*Approval{}
	for _, name := range []string{"second", "first", "younger", "pending"} {
		a, _ := addRequest(t, o, newRequest(name, probeable, enteredAt(started[name])), envAt(0))
		added[name] = a
	}
	require.Equal(t, added["second"], o.approvalSeenBy(approveDecision("d", sentAt(15*time.Minute)), added["pending"]))
	require.Equal(t, added["pending"], o.approvalSeenBy(approveDecision("d", sentAt(20*time.Minute)), added["pending"]))
	require.Equal(t, added["first"], o.approvalSeenBy(approveDecision("d", sentAt(5*time.Minute)), added["second"]))
	require.Equal(t, added["first"], o.approvalSeenBy(approveDecision("d", sentAt(-time.Minute)), added["first"]))
}

// An attempt of an unknown execution may be of the execution that a decision names. An earlier attempt of another execution
// is not, although it may be an attempt of the same question.
func TestOvertakenDecisionIsNotAboutAnotherExecution(t *testing.T) {
	t.Parallel()
	o, first := pendingOrder(t, probeable, enteredAt(0), func(r *Request) { r.Execution = "e1" })
	second, actions := addRequest(t, o, newRequest("t2", probeable, enteredAt(10*time.Second)), envAt(10*time.Second))
	o.RecordHeartbeatResult(onlyProbe(t, first, actions), ok, envAt(10*time.Second))
	d := approveDecision("d1", sentAt(5*time.Second), func(d *Decision) { d.Execution = "e2" })
	requireVerdict(t, o, d, envAt(12*time.Second), VerdictDecided)
	require.Equal(t, Pending, first.Status)
	require.Equal(t, Approved, second.Status)
}
