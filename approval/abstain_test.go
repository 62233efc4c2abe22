package approval

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The table has the status after each vote. A vote is the first letter of a person and an outcome: "a+" approves, "a-"
// rejects, "a<" returns, "a0" abstains.
func TestReturnAndAbstain(t *testing.T) {
	t.Parallel()
	anyOf := Policy{Kind: PolicyAny}
	all := Policy{Kind: PolicyAll}
	two := Policy{Kind: PolicyQuorum, Quorum: 2}
	noVeto := Policy{Kind: PolicyQuorum, Quorum: 2, VetoDisabled: true}
	three := withApprovers("ann", "bob", "cy")
	unnamed := func(*Request) {}
	escalated := func(a *Request) {
		three(a)
		a.Escalations = []Escalation{{At: at(deadline / 2), Approvers: []Approver{{ID: "dan", Nonce: "n"}}}}
	}
	substituted := func(a *Request) {
		a.Approvers = []Approver{{ID: "ann", Nonce: "1"}, {ID: "bob", Nonce: "2", SubstituteFor: "ann"}, {ID: "cy", Nonce: "3"}}
	}
	for _, c := range []struct {
		policy    Policy
		approvers func(*Request)
		votes     string
		want      Status
		reason    string
	}{
		{anyOf, three, "a<", Returned, ""},
		{anyOf, three, "a0", Pending, ""},
		{anyOf, three, "a0 b+", Approved, ""},
		{anyOf, three, "a0 b-", Rejected, ""},
		{anyOf, three, "a0 b0", Pending, ""},
		{anyOf, three, "a0 b0 c0", Rejected, "every approver has abstained"},
		{anyOf, escalated, "a0 b0 c0", Pending, ""},
		{anyOf, unnamed, "a0 b0 c0", Pending, ""},
		{anyOf, unnamed, "a0 b<", Returned, ""},
		{anyOf, substituted, "a0 b+", Approved, ""},
		{anyOf, substituted, "a0 b0", Pending, ""},
		{anyOf, substituted, "a0 c0", Rejected, "every approver has abstained"},

		{all, three, "a+ b+ c0", Approved, ""},
		{all, three, "a0 b+ c+", Approved, ""},
		{all, three, "a0 b0 c+", Approved, ""},
		{all, three, "a0 b0", Pending, ""},
		{all, three, "a+ b0", Pending, ""},
		{all, three, "a0 b0 c0", Rejected, "every approver has abstained"},
		{all, three, "a+ b<", Returned, ""},
		{all, three, "a0 b-", Rejected, ""},
		{all, escalated, "a0 b0 c0", Pending, ""},
		{all, substituted, "a0 b+ c+", Approved, ""},
		{all, substituted, "a+ b0 c+", Approved, ""},

		{two, three, "a0 b+ c+", Approved, ""},
		{two, three, "a0 b0", Rejected, "too few approvers are left for the approvals that it needs"},
		{two, three, "a+ b0 c0", Rejected, "too few approvers are left for the approvals that it needs"},
		{two, three, "a+ b<", Returned, ""},
		{two, escalated, "a0 b0", Pending, ""},
		{two, escalated, "a0 b0 c0", Rejected, "too few approvers are left for the approvals that it needs"},
		{two, unnamed, "a0 b0 c0 d0", Pending, ""},

		{noVeto, three, "a<", Pending, ""},
		{noVeto, three, "a< b+ c+", Approved, ""},
		{noVeto, three, "a< b<", Returned, ""},
		{noVeto, three, "a< b-", Returned, "an approver has returned the request, and the approvals that it needs are out of reach"},
		{noVeto, three, "a- b-", Rejected, ""},
		{noVeto, three, "a- b0", Rejected, "too few approvers are left for the approvals that it needs"},
		{noVeto, three, "a< b0", Returned, "an approver has returned the request, and the approvals that it needs are out of reach"},
		{noVeto, unnamed, "a< b<", Returned, ""},
		{noVeto, unnamed, "a< b0 c0", Pending, ""},
	} {
		name := string(c.policy.Kind) + " " + c.votes
		o, a := pendingOrder(t, c.approvers, withPolicy(c.policy), withChoices(approveChoice, rejectChoice, returnChoice, abstainChoice))
		people := map[byte]string{'a': "ann", 'b': "bob", 'c': "cy", 'd': "dan"}
		outcomes := map[byte]Outcome{'+': Approve, '-': Reject, '<': Return, '0': Abstain}
		votes := strings.Fields(c.votes)
		for i, v := range votes {
			want := VerdictRecorded
			if i == len(votes)-1 && c.want != Pending {
				want = VerdictDecided
			}
			d := approveDecision(v, by(people[v[0]]), func(d *Decision) { d.Outcome = outcomes[v[1]] })
			requireVerdict(t, o, d, envAt(1), want)
			requireVerdict(t, o, d, envAt(2), VerdictRepeated)
		}
		require.Equal(t, c.want, a.Status, name)
		require.Equal(t, c.reason, a.Reason, name)
		if a.Status == Pending {
			continue
		}
		e := o.History[len(o.History)-2] // before the decision that was received
		require.Equal(t, EventDecided, e.Kind, name)
		require.Equal(t, a.Status.outcome(), e.Outcome, name)
		require.Equal(t, c.reason, e.Note, name)
		deciding := DecidingVote(a.Status, a.Votes)
		require.NotNil(t, deciding)
		if c.reason == "" {
			require.Equal(t, a.Status, deciding.Outcome.resultingStatus(), name)
		}
	}
}

// An operator decides, so an operator cannot abstain.
func TestOperatorDoesNotAbstain(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, withChoices(approveChoice, abstainChoice), withApprovers("ann"))
	v := decide(t, o, approveDecision("d1", via(ViaOperator, OperatorSource), by("ops"), abstaining), envAt(1))
	require.Equal(t, []string{"choice not_offered approve"}, faultTexts(v.Faults))
	requireVerdict(t, o, approveDecision("d2", via(ViaOperator, OperatorSource), by("ops")), envAt(2), VerdictDecided)
	require.Equal(t, Approved, a.Status)
}

// A link decides what its approval offers. Links of older versions have approve and reject only.
func TestLinkAllowsEveryChoice(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, withApprovers("ann"))
	require.Equal(t, []Outcome{Approve, Reject}, o.LinkCapability(a, "ann").Allowed)
	o, a = pendingOrder(t, withApprovers("ann"), withChoices(abstainChoice, returnChoice, approveChoice))
	require.Equal(t, []Outcome{Approve, Return, Abstain}, o.LinkCapability(a, "ann").Allowed)
}
