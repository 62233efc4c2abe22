package approval

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// probeable makes the target of a request one that can be asked whether its workflow waits.
func probeable(r *Request) { r.CanProbe = true }

// probes returns the probes among the actions.
func probes(actions []Action) []Action {
	var out []Action
	for _, a := range ofKind(ActionHeartbeat, actions) {
		if a.Probe {
			out = append(out, a)
		}
	}
	return out
}

// onlyProbe returns the only probe among the actions, which is of the approval.
func onlyProbe(t tb, a *Approval, actions []Action) Action {
	t.Helper()
	asked := probes(actions)
	require.Len(t, asked, 1)
	require.Equal(t, a.ID, asked[0].ApprovalID)
	return asked[0]
}

// probedOrder returns an order with an attempt that is probed, because a newer attempt has arrived a second later.
func probedOrder(t tb, change ...func(*Request)) (o *Order, older, newer *Approval, probe Action) {
	t.Helper()
	o, older = pendingOrder(t, append(change, probeable)...)
	newer, actions := addRequest(t, o, newRequest("t2", append(change, probeable)...), envAt(time.Second))
	return o, older, newer, onlyProbe(t, older, actions)
}

// The iterations of a Map state and the branches of a Parallel state ask with one order, one workflow and no step. Each
// waits for its own decision.
func TestBranchesOfAMapAllWait(t *testing.T) {
	t.Parallel()
	for _, branches := range []int{2, 10} {
		o := &Order{ID: "o-1"}
		now := time.Duration(0)
		for i := range branches {
			r := newRequest(fmt.Sprint("t", i), withStep(""), probeable, func(r *Request) {
				r.Execution = "e1"
				r.StateEnteredAt = at(time.Duration(i) * time.Millisecond)
				r.AttemptStartedAt = r.StateEnteredAt
			})
			_, actions := addRequest(t, o, r, envAt(now))
			for rounds := 0; len(probes(actions)) > 0; rounds++ {
				require.Less(t, rounds, 3)
				var next []Action
				for _, p := range probes(actions) {
					next = append(next, o.RecordHeartbeatResult(p, ok, envAt(now))...)
				}
				actions = next
			}
			now += time.Second
		}
		require.Len(t, o.PendingApprovals(), branches)
		for i, a := range o.Approvals {
			require.False(t, a.isProbing())
			d := approveDecision(fmt.Sprint("d", i), onApproval(a.ID))
			if i%2 == 1 {
				d.Outcome = Reject
			}
			call := onlyCallback(t, requireVerdict(t, o, d, envAt(now), VerdictDecided))
			o.RecordCallbackResult(call, ok, envAt(now))
			require.Equal(t, d.Outcome.resultingStatus(), a.Status)
			require.Equal(t, CallbackDelivered, a.Callback.State)
		}
	}
}

// A retried state has a new token, and the task of the old token is closed.
func TestRetrySupersedesTheOldAttempt(t *testing.T) {
	t.Parallel()
	o, older, newer, probe := probedOrder(t, func(r *Request) { r.ProgramChannels = []string{"events"} })
	require.True(t, older.isProbing())
	answer, current := o.CurrentAnswer(probe, at(time.Second))
	require.True(t, current)
	require.Equal(t, "t1", answer.Token.Reveal())
	require.Equal(t, Pending, older.Status, "nothing is known yet")

	o = storeAndLoad(t, o)
	older, newer = o.FindApproval(older.ID), o.FindApproval(newer.ID)
	actions := o.RecordHeartbeatResult(probe, closed, envAt(2*time.Second))
	require.Equal(t, Superseded, older.Status)
	require.Equal(t, newer.ID, older.SupersededBy)
	require.Equal(t, CallbackSuperseded, older.Callback.State)
	require.Zero(t, older.Callback.Attempts)
	require.Equal(t, "notify notify", joinKinds(actions), "programs are notified, and there is no callback")
	require.Equal(t, Pending, newer.Status)
	require.Contains(t, kindsOf(o.History), EventProbed)
	_, current = o.CurrentAnswer(probe, at(2*time.Second))
	require.False(t, current)
}

// An attempt that ended may have its message delivered after the message of the next attempt. Its approvers are not
// notified before the target has said that it waits all the same. It ends nothing.
func TestLateMessageOfAnOldAttempt(t *testing.T) {
	t.Parallel()
	retried := func(retries int) func(*Request) {
		return func(r *Request) {
			r.StateEnteredAt = at(0)
			r.RetryCount = retries
			r.Reminders = []time.Time{at(time.Minute)}
			r.Escalations = []Escalation{{At: at(time.Minute), Approvers: []Approver{{ID: "eve"}}}}
		}
	}
	for _, isAnswered := range []bool{false, true} {
		for _, result := range []Result{closed, ok, refused} {
			name := fmt.Sprint(result.Kind, isAnswered)
			o, live := pendingOrder(t, byMail, probeable, retried(1))
			if isAnswered {
				requireVerdict(t, o, approveDecision("d1"), envAt(0), VerdictDecided)
			}
			before := live.Status
			late, actions := addRequest(t, o, newRequest("t0", byMail, probeable, retried(0)), envAt(time.Second))
			probe := onlyProbe(t, late, actions)
			require.Empty(t, ofKind(ActionNotify, actions), name)
			require.Empty(t, late.Notifications, name)
			require.Empty(t, ofKind(ActionNotify, o.advanceApproval(late, envAt(time.Minute))), "neither reminded nor escalated")

			actions = o.RecordHeartbeatResult(probe, result, envAt(2*time.Second))
			require.Equal(t, before, live.Status, name)
			if result.Kind == ResultClosed {
				require.Equal(t, Superseded, late.Status, name)
				require.Empty(t, late.Notifications, name)
				continue
			}
			require.Equal(t, Pending, late.Status, name)
			require.Len(t, ofKind(ActionNotify, actions), 1, name)
			require.False(t, late.isProbing(), name)
		}
	}
}

// A probe without an answer is asked again a few times. Then both attempts stay, and the history has the reason.
func TestProbeWithoutAnAnswerKeepsBoth(t *testing.T) {
	t.Parallel()
	o, older, newer, probe := probedOrder(t)
	now := time.Second
	for i, wait := range []time.Duration{1, 2, 4, 8} {
		require.Empty(t, o.RecordHeartbeatResult(probe, notApplied, envAt(now)))
		require.Equal(t, at(now+wait*time.Second), older.Probe.Due, i)
		require.Empty(t, probes(o.Advance(envAt(now+wait*time.Second-1))))
		now += wait * time.Second
		if i == 1 { // the process dies
			onlyProbe(t, older, o.Advance(envAt(now)))
			require.True(t, o.ReleaseLeases(envAt(now)))
			require.Empty(t, probes(o.Advance(envAt(now))))
			now += 4 * time.Second
			probe = onlyProbe(t, older, o.Advance(envAt(now)))
			break
		}
		probe = onlyProbe(t, older, o.Advance(envAt(now)))
	}
	o.RecordHeartbeatResult(probe, notApplied, envAt(now))
	now += 8 * time.Second
	probe = onlyProbe(t, older, o.Advance(envAt(now)))
	require.True(t, older.isProbing())
	o.RecordHeartbeatResult(probe, notApplied, envAt(now))
	require.False(t, older.isProbing())
	require.Equal(t, []Status{Pending, Pending}, []Status{older.Status, newer.Status})
	last := o.History[len(o.History)-1]
	require.Equal(t, EventProbed, last.Kind)
	require.Equal(t, "failed", last.Code)
	require.Contains(t, last.Note, "throttled")
	require.True(t, older.Probe.Due.IsZero())
}

func TestRefusedProbeKeepsBoth(t *testing.T) {
	t.Parallel()
	o, older, newer, probe := probedOrder(t)
	o.RecordHeartbeatResult(probe, refused, envAt(time.Second))
	require.False(t, older.isProbing())
	require.Equal(t, []Status{Pending, Pending}, []Status{older.Status, newer.Status})
	last := o.History[len(o.History)-1]
	require.Equal(t, "refused", last.Code)
	require.Contains(t, last.Note, "no such task")
}

// A probe that finds no capacity ends all the same, so that its approvers are notified and its decisions are judged.
func TestProbeWithoutCapacityEnds(t *testing.T) {
	t.Parallel()
	full := func(d time.Duration) Environment {
		env := envAt(d)
		env.Reserve = func(a Action, _ Token) bool { return !a.Probe }
		return env
	}
	o, live := pendingOrder(t, probeable, enteredAt(time.Minute))
	late, actions := addRequest(t, o, newRequest("t0", probeable, byMail, enteredAt(0)), full(0))
	require.Empty(t, actions)
	require.True(t, late.isProbing())
	require.Equal(t, at(0), o.NextDue().UTC())
	require.Equal(t, at(maxProbeTime), earliestOf(o, late))

	require.Empty(t, o.Advance(full(maxProbeTime-1)))
	require.Len(t, ofKind(ActionNotify, o.Advance(full(maxProbeTime))), 1)
	require.False(t, late.isProbing())
	require.Equal(t, Pending, live.Status)
	require.Contains(t, o.History[len(o.History)-1].Note, "no answer within 2m0s")

	o, older := pendingOrder(t, probeable)
	withoutLease := Environment{Now: at(0)}
	addRequest(t, o, newRequest("t2", probeable), withoutLease)
	require.Empty(t, o.Advance(withoutLease))
	require.Zero(t, older.Probe.Attempts)
	require.Len(t, probes(o.Advance(envAt(time.Second))), 1)
}

// earliestOf returns the next due time of an approval that is later than the current.
func earliestOf(o *Order, a *Approval) time.Time {
	due := earliestTime{after: o.NextDue()}
	a.collectDueTimes(&due)
	return due.Time
}

// Many arrivals make few probes: one at a time, and one a second. The last of them starts after the last arrival.
func TestProbesAreBounded(t *testing.T) {
	t.Parallel()
	o, older, _, probe := probedOrder(t)
	for i := range 5 {
		third, actions := addRequest(t, o, newRequest(fmt.Sprint("n", i), probeable), envAt(time.Second))
		for _, p := range probes(actions) {
			require.NotEqual(t, older.ID, p.ApprovalID, "a probe is under way")
			o.RecordHeartbeatResult(p, ok, envAt(time.Second))
		}
		require.Equal(t, third.ID, older.Probe.Newer)
	}
	require.Empty(t, probes(o.RecordHeartbeatResult(probe, ok, envAt(time.Second))), "not twice in a second")
	require.True(t, older.isProbing(), "the answer may be older than the last arrival")
	var again []Action
	for _, p := range probes(o.Advance(envAt(2 * time.Second))) {
		if p.ApprovalID == older.ID {
			again = append(again, p)
		}
	}
	require.Len(t, again, 1)
	o.RecordHeartbeatResult(probe, ok, envAt(2*time.Second))
	require.True(t, older.isProbing(), "the result of an earlier probe has no effect")
	o.RecordHeartbeatResult(again[0], ok, envAt(2*time.Second))
	require.False(t, older.isProbing())
	require.Empty(t, o.RecordHeartbeatResult(again[0], ok, envAt(2*time.Second)))
	probed := 0
	for _, e := range o.History {
		if e.Kind == EventProbed && e.Approval == older.ID {
			probed++
		}
	}
	require.Equal(t, 1, probed)

	addRequest(t, o, newRequest("n9", probeable), envAt(2*time.Second+1))
	require.Equal(t, at(3*time.Second), older.Probe.Due, "a new probe keeps the distance to the last")
}

// The approval that is probed may close before the answer. The result then ends its callback at most.
func TestProbeOfAClosedApproval(t *testing.T) {
	t.Parallel()
	o, older, newer, probe := probedOrder(t)
	o.Cancel(older.ID, "ops", "", Environment{Now: at(time.Second)})
	require.False(t, older.isProbing())
	_, current := o.CurrentAnswer(probe, at(time.Second))
	require.False(t, current)
	o.Advance(Environment{Now: at(time.Second)})
	require.Empty(t, older.Probe.Newer)
	o.RecordHeartbeatResult(probe, ok, envAt(time.Second))
	require.Equal(t, CallbackPending, older.Callback.State)
	o.RecordHeartbeatResult(probe, closed, envAt(time.Second))
	require.Equal(t, CallbackTooLate, older.Callback.State)
	require.Equal(t, Pending, newer.Status)
}

// A regular heartbeat may learn that the task is closed while a probe is asked for.
func TestHeartbeatAnswersTheProbe(t *testing.T) {
	t.Parallel()
	o, older, newer, _ := probedOrder(t)
	o.RecordHeartbeatResult(Action{Kind: ActionHeartbeat, ApprovalID: older.ID}, closed, envAt(time.Second))
	require.Equal(t, Superseded, older.Status)
	require.Equal(t, newer.ID, older.SupersededBy)
}

// A probe that was held back in this process counts as no attempt.
func TestProbeNotMade(t *testing.T) {
	t.Parallel()
	o, older, _, probe := probedOrder(t)
	held := notMade
	held.After = 3 * time.Second
	o.RecordHeartbeatResult(probe, held, envAt(time.Second))
	require.Zero(t, older.Probe.Failures)
	require.Zero(t, older.Probe.Attempts)
	require.NotContains(t, kindsOf(o.NewEvents()), EventHeartbeat)
	require.Equal(t, at(4*time.Second), older.Probe.Due)
	again := onlyProbe(t, older, o.Advance(envAt(4*time.Second)))
	require.Equal(t, probe.Attempt, again.Attempt)
	o.RecordHeartbeatResult(probe, held, envAt(5*time.Second))
	require.True(t, older.Probe.Running, "the first of the two was recorded again")
	_, current := o.CurrentAnswer(probe, at(5*time.Second))
	require.False(t, current)
}

// A target that asks for a long wait does not hold approvers back for longer than a probe may take.
func TestProbeEndsInTimeHoweverLongTheTargetAsksToWait(t *testing.T) {
	t.Parallel()
	for _, kind := range []ResultKind{ResultFailed, ResultNotMade} {
		o, _ := pendingOrder(t, probeable, func(r *Request) { r.RetryCount = 1 })
		late, actions := addRequest(t, o, newRequest("t0", probeable, byMail), envAt(time.Second))
		wait := Result{Kind: kind, After: MaxRetryAfter}
		o.RecordHeartbeatResult(onlyProbe(t, late, actions), wait, envAt(2*time.Second))
		require.Equal(t, at(time.Second+maxProbeTime), late.Probe.Due, kind)
		require.Equal(t, "notify", joinKinds(o.Advance(envAt(time.Second+maxProbeTime))), kind)
		require.False(t, late.isProbing(), kind)
		require.Empty(t, o.Advance(envAt(time.Second+maxProbeTime)), kind)
	}
}
