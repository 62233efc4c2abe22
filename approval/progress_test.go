package approval

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Progress agrees with the policy: seats vote and not persons, void votes do not count, and an abstention under the policy
// all lowers the number of approvals needed.
func TestProgress(t *testing.T) {
	t.Parallel()
	vote := func(by string, o Outcome, void bool) Vote { return Vote{By: by, Outcome: o, Void: void, Via: ViaLink} }
	approvers := []Approver{{ID: "ann"}, {ID: "bob"}, {ID: "cid", SubstituteFor: "bob"}, {ID: "dan"}}
	quorum := Policy{Kind: PolicyQuorum, Quorum: 2}
	for name, c := range map[string]struct {
		policy           Policy
		approvers        []Approver
		votes            []Vote
		approved, needed int
		waiting          []string
	}{
		"no vote":        {quorum, approvers, nil, 0, 2, []string{"ann", "bob", "cid", "dan"}},
		"a substitute":   {quorum, approvers, []Vote{vote("cid", Approve, false)}, 1, 2, []string{"ann", "dan"}},
		"a void vote":    {quorum, approvers, []Vote{vote("ann", Approve, true)}, 0, 2, []string{"ann", "bob", "cid", "dan"}},
		"voted again":    {quorum, approvers, []Vote{vote("ann", Approve, true), vote("ann", Approve, false)}, 1, 2, []string{"bob", "cid", "dan"}},
		"all":            {Policy{Kind: PolicyAll}, approvers, []Vote{vote("Ann", Approve, false)}, 1, 3, []string{"bob", "cid", "dan"}},
		"an abstention":  {Policy{Kind: PolicyAll}, approvers, []Vote{vote("dan", Abstain, false)}, 0, 2, []string{"ann", "bob", "cid"}},
		"abstained, any": {Policy{Kind: PolicyAny}, approvers, []Vote{vote("dan", Abstain, false)}, 0, 1, []string{"ann", "bob", "cid"}},
		"unnamed":        {quorum, nil, []Vote{vote("x", Approve, false)}, 1, 2, nil},
	} {
		a := &Approval{Request: Request{Policy: c.policy, Approvers: c.approvers}, Votes: c.votes}
		p := a.Progress()
		var waiting []string
		for _, w := range p.Waiting {
			waiting = append(waiting, w.ID)
		}
		require.Equal(t, []int{c.approved, c.needed}, []int{p.Approved, p.Needed}, name)
		require.Equal(t, c.waiting, waiting, name)
	}
}
