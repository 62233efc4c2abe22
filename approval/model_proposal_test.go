package approval

import (
	"fmt"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func (m *model) dismissApproval(t *rapid.T) {
	act := Act{ID: fmt.Sprint("dismiss-", m.now), ApprovalID: m.drawApproval(t), Actor: OperatorActor("ops", ""), Reason: "by hand"}
	m.runTwice(t, m.drawEnvironment(t), func(o *Order, env Environment) []Action {
		v, actions, err := o.Dismiss(act, env)
		if a := o.FindApproval(v.ApprovalID); err == nil && v.Code == VerdictRecorded {
			require.Empty(t, a.needsAttention())
		}
		return actions
	})
}

// proposeAct proposes a decision or a cancellation. The status stays as it is.
func (m *model) proposeAct(t *rapid.T) {
	id := fmt.Sprint("proposal-", rapid.IntRange(0, 3).Draw(t, "proposal"))
	ada := OperatorActor("ada", "")
	approvalID, decides := m.drawApproval(t), rapid.Bool().Draw(t, "decides")
	m.runTwice(t, m.drawEnvironment(t), func(o *Order, env Environment) []Action {
		env.NeedsSecond = func(string) bool { return true }
		var v Verdict
		var actions []Action
		if decides {
			d := operatorDecision(id, "ada", "")
			d.ApprovalID = approvalID
			v, actions, _ = o.Decide(d, testRetention, env)
		} else {
			v, actions = o.CancelBy(Cancellation{ID: id, ApprovalID: approvalID, Actor: ada, Reason: "no more"}, env)
		}
		require.NotContains(t, []VerdictCode{VerdictDecided, VerdictRecorded}, v.Code, "one operator was enough")
		return actions
	})
}

// confirmProposal confirms a proposal, which decides only what its maker has seen.
func (m *model) confirmProposal(t *rapid.T) {
	id := fmt.Sprint("proposal-", rapid.IntRange(0, 3).Draw(t, "proposal"))
	by := rapid.SampledFrom([]string{"ada", "bob"}).Draw(t, "by")
	m.runTwice(t, m.drawEnvironment(t), func(o *Order, env Environment) []Action {
		shown := ""
		if a, _ := o.FindProposal(id); a != nil {
			shown = o.ContentDigest(a)
		}
		v, actions, _ := o.Confirm(Confirmation{ProposalID: id, Actor: OperatorActor(by, "")}, env)
		if v.Code != VerdictDecided {
			return actions
		}
		require.Equal(t, "bob", by, "one operator was enough")
		if _, r := o.FindProposal(id); r != nil && r.Proposal.Kind == ActDecide {
			require.Equal(t, shown, r.Proposal.ShownDigest)
		}
		return actions
	})
}
