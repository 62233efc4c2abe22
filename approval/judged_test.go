package approval

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// A refused decision that is sent again with the other outcome contradicts itself.
func TestRefusedDecisionWithTheOtherOutcomeIsAConflict(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t)
	o.Cancel(a.ID, "ops", "", envAt(1))
	requireVerdict(t, o, approveDecision("d1"), envAt(2), VerdictLate)
	requireVerdict(t, o, approveDecision("d1"), envAt(3), VerdictLate)
	requireVerdict(t, o, approveDecision("d1", rejecting), envAt(4), VerdictConflict)
	require.Equal(t, Cancelled, a.Status)
}

// A refusal that stays is remembered by the decision's ID: the decision, delivered again, never counts for the next
// request. A refusal that could turn out differently is not remembered.
func TestFinalRefusalIsRememberedByItsID(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end  func(o *Order, a *Approval)
		d    Decision
		want VerdictCode
	}{
		"late": {func(o *Order, a *Approval) { o.Cancel(a.ID, "ops", "", envAt(1)) }, approveDecision("d1"), VerdictLate},
		"conflict": {func(o *Order, _ *Approval) {
			requireVerdict(t, o, approveDecision("d0", by("bob")), envAt(1), VerdictDecided)
		}, approveDecision("d1", rejecting), VerdictConflict},
		"superseded": {func(o *Order, a *Approval) {
			a.SupersededBy = "x"
			o.closeApproval(a, Superseded, "", envAt(1))
		}, approveDecision("d1"), VerdictSuperseded},
	} {
		o, a := pendingOrder(t)
		c.end(o, a)
		requireVerdict(t, o, c.d, envAt(2), c.want)
		next, _ := addRequest(t, o, newRequest("t2"), envAt(3))
		o = storeAndLoad(t, o)
		requireVerdict(t, o, c.d, envAt(4), c.want)
		require.Equal(t, Pending, o.FindApproval(next.ID).Status, name)
		require.Len(t, o.JudgedDecisions, map[string]int{"late": 1, "conflict": 2, "superseded": 1}[name], "each once")
	}
	o, _ := pendingOrder(t, withApprovers("bob"))
	requireVerdict(t, o, approveDecision("d1"), envAt(1), VerdictNotApprover)
	require.Empty(t, o.JudgedDecisions)
	addRequest(t, o, newRequest("t2", withStep("z"), withApprovers("ann")), envAt(2))
	requireVerdict(t, o, approveDecision("d1"), envAt(3), VerdictDecided)
}

// An approver and their substitute share a seat. If they disagree, the reject counts, in any order.
func TestRejectOnASeatStays(t *testing.T) {
	t.Parallel()
	approvers := []Approver{{ID: "ann"}, {ID: "sub", SubstituteFor: "ann"}, {ID: "bob"}, {ID: "cy"}}
	p := Policy{Kind: PolicyQuorum, Quorum: 2, VetoDisabled: true}
	vote := func(by string, outcome Outcome) Vote { return Vote{By: by, Outcome: outcome, Via: ViaSSO} }
	for _, votes := range [][]Vote{
		{vote("ann", Reject), vote("sub", Approve), vote("bob", Approve)},
		{vote("sub", Reject), vote("ann", Approve), vote("bob", Approve)},
		{vote("ann", Approve), vote("sub", Reject), vote("bob", Approve)},
	} {
		require.Equal(t, Pending, p.evaluateVotes(votes, approvers), fmt.Sprint(votes))
		require.Equal(t, Approved, p.evaluateVotes(append(votes, vote("cy", Approve)), approvers))
	}
	require.Equal(t, Rejected, Policy{Kind: PolicyAll}.evaluateVotes([]Vote{vote("ann", Reject), vote("sub", Approve)}, approvers))
}
