package approval

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Whoever fills in for an approver already gets no second seat by an escalation: the votes that are left are counted right,
// so that a quorum out of reach is seen at once.
func TestEscalationGivesNoSecondSeat(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, withChannel, withPolicy(Policy{Kind: PolicyQuorum, Quorum: 2, VetoDisabled: true}), func(r *Request) {
		r.Approvers = []Approver{{ID: "ann"}, {ID: "boss", SubstituteFor: "ann"}, {ID: "bob"}}
		r.Escalations = []Escalation{{At: at(deadline - 1), Approvers: []Approver{{ID: "Boss"}}}}
	})
	require.Equal(t, 2, countSeats(a.eventualApprovers(), true))
	reject := approveDecision("1", func(d *Decision) {
		d.Outcome = Reject
		d.By = "bob"
	})
	requireVerdict(t, o, reject, envAt(1), VerdictDecided)
	require.Equal(t, Rejected, a.Status)
}
