package approval

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// program is the maker of a decision by the API, without the name of a person.
func program(name string) func(*Decision) {
	return func(d *Decision) {
		d.By = ""
		d.Via = ViaAPI
		d.Source = APIPrincipal(name)
		d.Principal = APIPrincipal(name)
	}
}

func inWorkflows(names ...string) func(*Decision) { return func(d *Decision) { d.Workflows = names } }

// The limit of a token to its workflows holds in the transition, whichever approval the decision turns out to be about.
func TestDecisionIsLimitedToItsWorkflows(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t)
	requireVerdict(t, o, approveDecision("d1", program("shop"), inWorkflows("refunds")), envAt(1), VerdictSource)
	requireVerdict(t, o, approveDecision("d2", program("shop"), inWorkflows("refunds"), onApproval(a.ID)), envAt(2), VerdictSource)
	require.Equal(t, Pending, a.Status)
	requireVerdict(t, o, approveDecision("d3", program("shop"), inWorkflows("refunds", "payments")), envAt(3), VerdictDecided)
}

func TestSourceAPIIsEveryToken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sources []string
		want    VerdictCode
	}{
		"every token":     {[]string{"api"}, VerdictDecided},
		"this token":      {[]string{"api:shop"}, VerdictDecided},
		"another token":   {[]string{"api:erp"}, VerdictSource},
		"a source":        {[]string{"shop"}, VerdictSource},
		"none":            {[]string{"none"}, VerdictSource},
		"no restrictions": {nil, VerdictDecided},
	} {
		o, _ := pendingOrder(t, func(r *Request) { r.Sources = c.sources })
		v, _, err := o.Decide(approveDecision("d", program("shop")), testRetention, envAt(1))
		require.NoError(t, err)
		require.Equal(t, c.want, v.Code, name)
	}
	for approver, want := range map[string]VerdictCode{
		"source:api":      VerdictDecided,
		"source:api:shop": VerdictDecided,
		"source:api:erp":  VerdictNotApprover,
		"source:shop":     VerdictNotApprover,
	} {
		o, _ := pendingOrder(t, withApprovers(approver))
		requireVerdict(t, o, approveDecision("d", program("shop")), envAt(1), want)
	}
}

// A decision keeps its principal and the person that the sender named, in the vote and in the history.
func TestVoteKeepsPrincipalAndClaim(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t)
	requireVerdict(t, o, approveDecision("d", program("shop"), func(d *Decision) { d.Claimed = "boss" }), envAt(1), VerdictDecided)
	require.Equal(t, "source:api:shop", a.Votes[0].By)
	require.Equal(t, "api:shop", a.Votes[0].Principal)
	require.Equal(t, "boss", a.Votes[0].Claimed)
	for _, e := range o.History {
		if e.Kind == EventDecided || e.Kind == EventDecisionReceived {
			require.Equal(t, "api:shop", e.Principal, e.Kind)
			require.Equal(t, "boss", e.Claimed, e.Kind)
		}
	}
}

// Nobody decides for the requester: neither an operator on their behalf, nor a program that names them.
func TestNobodyDecidesForTheRequester(t *testing.T) {
	t.Parallel()
	o, _ := pendingOrder(t, func(r *Request) { r.Requester = "Ann@example.com" })
	forAnn := func(d *Decision) { d.Claimed = "ann@example.com" }
	requireVerdict(t, o, approveDecision("d1", program("shop"), forAnn), envAt(1), VerdictRequester)
	requireVerdict(t, o, approveDecision("d2", by("ops"), via(ViaOperator, "operator"), forAnn), envAt(2), VerdictRequester)
	requireVerdict(t, o, approveDecision("d3", by("ann@example.com"), via(ViaOperator, "operator")), envAt(3), VerdictRequester)
	requireVerdict(t, o, approveDecision("d4", by("ops"), via(ViaOperator, "operator")), envAt(4), VerdictDecided)
}

// A program cancels the approvals that it asked for, and no others exist for it.
func TestProgramCancelsItsOwnApprovals(t *testing.T) {
	t.Parallel()
	o, _ := pendingOrder(t)
	own, _, err := o.AddRequest(newRequest("t2", withStep("own"), func(r *Request) { r.Asker = "api:shop" }), envAt(1))
	require.NoError(t, err)
	cancel := func(name, approvalID string, workflows ...string) VerdictCode {
		v, _ := o.CancelBy(Cancellation{
			ApprovalID: approvalID,
			Reason:     "withdrawn",
			Actor:      ProgramActor(name, ""),
			OwnOnly:    true,
			Workflows:  workflows,
		}, envAt(2))
		return v.Code
	}
	require.Equal(t, VerdictUnknown, cancel("erp", ""))
	require.Equal(t, VerdictUnknown, cancel("erp", own))
	require.Equal(t, VerdictUnknown, cancel("shop", o.Approvals[0].ID))
	require.Equal(t, VerdictUnknown, cancel("shop", own, "refunds"), "its right to this workflow was taken")
	require.Equal(t, VerdictDecided, cancel("shop", "", "payments"))
	require.Equal(t, VerdictRepeated, cancel("shop", own))
	require.Equal(t, Pending, o.Approvals[0].Status)
	require.Equal(t, Cancelled, o.FindApproval(own).Status)
	last := o.History[len(o.History)-1]
	require.Equal(t, "api:shop", last.Principal)
	require.Equal(t, ViaAPI, last.Via)
}
