package approval

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A decision that waits for a probe is about one of the approvals that admitted it. When all of them have closed, it gets
// its verdict, and never counts for a later request.
func TestDecisionThatWaitedForAProbeIsNotForALaterRequest(t *testing.T) {
	t.Parallel()
	o, older, newer, probe := probedOrder(t)
	requireVerdict(t, o, approveDecision("d1", by("bob")), envAt(2*time.Second), VerdictWaiting)
	for i, a := range []*Approval{older, newer} {
		d := approveDecision(fmt.Sprint("link", i), onApproval(a.ID), rejecting)
		requireVerdict(t, o, d, envAt(3*time.Second), VerdictDecided)
	}
	o.RecordHeartbeatResult(probe, ok, envAt(3*time.Second))
	o = storeAndLoad(t, o)
	o.Advance(envAt(3 * time.Second))
	require.Empty(t, o.Unmatched)
	requireVerdict(t, o, approveDecision("d1", by("bob")), envAt(4*time.Second), VerdictConflict)
	third, _ := addRequest(t, o, newRequest("t3"), envAt(time.Minute))
	o.Advance(envAt(2 * time.Minute))
	require.Equal(t, Pending, third.Status)
}

// The attempts that the sender of a waiting decision has seen may all turn out to be closed.
func TestDecisionThatWaitedForAClosedAttemptGetsItsVerdict(t *testing.T) {
	t.Parallel()
	start := func(token string, d time.Duration) Request { return newRequest(token, probeable, enteredAt(d)) }
	o, _ := pendingOrder(t, probeable, enteredAt(0))
	_, first := addRequest(t, o, start("t2", 10*time.Second), envAt(10*time.Second))
	live, second := addRequest(t, o, start("t3", 11*time.Second), envAt(11*time.Second))
	requireVerdict(t, o, approveDecision("d1", sentAt(10500*time.Millisecond)), envAt(12*time.Second), VerdictWaiting)
	for _, p := range probes(append(first, second...)) {
		o.RecordHeartbeatResult(p, closed, envAt(13*time.Second))
	}
	require.Empty(t, o.Unmatched)
	require.Equal(t, Pending, live.Status)
	requireVerdict(t, o, approveDecision("d1"), envAt(14*time.Second), VerdictSuperseded)
}

// A more exact decision that is refused leaves the earlier one waiting. If the order changed at the same time, the earlier
// one is judged again.
func TestRefusedRepetitionLeavesTheWaitingDecisionDue(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, withApprovers("ann", "bob"), byMail, func(r *Request) {
		r.Policy = Policy{Kind: PolicyAll}
		r.OnUndeliverable = UndeliverableCancel
	})
	now := envAt(90 * time.Minute) // the notifications are too old, but nothing has ended them
	a.Votes = append(a.Votes, newVote(approveDecision("d0", by("bob")), now))
	requireVerdict(t, o, approveDecision("d1", by("bob"), rejecting, onStep("later")), now, VerdictWaiting)
	requireVerdict(t, o, approveDecision("d1", by("bob"), rejecting, onApproval(a.ID)), now, VerdictConflict)
	require.Equal(t, Cancelled, a.Status)
	require.Len(t, o.Unmatched, 1)
	require.Equal(t, now.Now, o.Unmatched[0].JudgeAt)
}

// The next request may come before the sweeper has judged a decision that is about the approvals before it.
func TestNextRequestDoesNotOvertakeTheJudgement(t *testing.T) {
	t.Parallel()
	o, older, newer, _ := probedOrder(t)
	requireVerdict(t, o, approveDecision("d1", by("bob")), envAt(2*time.Second), VerdictWaiting)
	for i, a := range []*Approval{older, newer} {
		d := approveDecision(fmt.Sprint("link", i), onApproval(a.ID), rejecting)
		requireVerdict(t, o, d, envAt(3*time.Second), VerdictDecided)
	}
	third, _ := addRequest(t, o, newRequest("t3"), envAt(4*time.Second))
	require.Empty(t, o.Unmatched)
	require.Equal(t, Pending, third.Status)
	requireVerdict(t, o, approveDecision("d1", by("bob")), envAt(5*time.Second), VerdictConflict)
}

// The judgement of a waiting decision may lead to an escalation, whose approver's decision waits too.
func TestEscalationDuringTheJudgement(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, withApprovers("ann", "bob"), byMail, func(r *Request) {
		r.Escalations = []Escalation{escalationToBoss(100 * time.Minute)}
		r.Policy = Policy{Kind: PolicyAll}
		r.OnUndeliverable = UndeliverableEscalate
	})
	now := envAt(90 * time.Minute) // the notifications are too old, but nothing has ended them
	requireVerdict(t, o, approveDecision("d1", by("boss"), onStep("s2")), now, VerdictWaiting)
	requireVerdict(t, o, approveDecision("d2", by("ann"), onStep("s2")), now, VerdictWaiting)
	for i := range o.Unmatched {
		o.Unmatched[i].Decision.Step = "s" // as if they had waited for a probe
	}
	o.judgeWaiting(now)
	require.Empty(t, o.Unmatched)
	require.Equal(t, Approved, a.Status)
}
