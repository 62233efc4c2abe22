package approval

import (
	"fmt"
	"slices"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// drawAuthority adds who may decide the request.
func (m *model) drawAuthority(t *rapid.T, a *Request) {
	switch rapid.IntRange(0, 3).Draw(t, "policy") {
	case 0:
		withApprovers("ann", "bob")(a)
		a.Policy = Policy{Kind: PolicyAll}
	case 1:
		a.Policy = Policy{Kind: PolicyQuorum, Quorum: 2}
	}
	a.Requester = rapid.SampledFrom([]string{"", "eve"}).Draw(t, "requester")
	a.Sources = rapid.SampledFrom([][]string{nil, nil, nil, {"erp"}, {"api"}, {"api:shop"}}).Draw(t, "sources")
	a.SourcesRequired = rapid.Bool().Draw(t, "sources required")
	a.Asker = rapid.SampledFrom([]string{"", "api:shop"}).Draw(t, "asker")
	a.AskerMayDecide = rapid.Bool().Draw(t, "asker decides")
	drawRules(t, a)
}

// drawSender makes the decision a person's, a program's, which is believed or not, or an operator's.
func drawSender(t *rapid.T, d *Decision) {
	person := rapid.SampledFrom([]string{"ann", "bob", "eve"}).Draw(t, "by")
	program := func(via Via, source, principal string) {
		d.Via = via
		d.Source = source
		d.Principal = principal
		d.By = person
		if rapid.Bool().Draw(t, "not believed") {
			d.By = sourceName(source)
			d.Claimed = person
		}
	}
	switch rapid.IntRange(0, 5).Draw(t, "sender") {
	case 0:
		d.Via = ViaLink // without approvers it names nobody
	case 1:
		program(ViaWebhook, "erp", SourcePrincipal("erp"))
	case 2:
		program(ViaSNS, "topic", SourcePrincipal("topic"))
	case 3:
		program(ViaAPI, APIPrincipal("shop"), APIPrincipal("shop"))
	default:
		d.Via = ViaSSO
		d.By = person
	}
}

// checkVotes requires that every vote is of somebody who may decide the approval, and that nobody has two votes. It
// states the rules again, beside the rules of the package.
func (m *model) checkVotes(t *rapid.T, a *Approval) {
	voters := map[string]bool{}
	for _, v := range a.Votes {
		if v.Void {
			continue
		}
		if a.Requester != "" {
			require.NotEqual(t, a.Requester, v.By, "the requester has decided")
			require.NotEqual(t, a.Requester, v.Claimed, "the requester has decided through a program")
			require.False(t, v.Via == ViaLink && len(a.Approvers) == 0, "a link of nobody has decided, perhaps the requester's")
		}
		if v.Via == ViaOperator {
			require.NotEmpty(t, v.ConfirmedBy, "one operator was enough")
			continue
		}
		isProgram := v.Via == ViaWebhook || v.Via == ViaSNS || v.Via == ViaAPI
		if isProgram {
			isAPI := v.Via == ViaAPI
			require.NotEmpty(t, v.Principal, "a program without a principal")
			require.False(t, v.Principal == a.Asker && !a.AskerMayDecide, "the program that asked has decided")
			named := slices.Contains(a.Sources, v.Source) || (isAPI && slices.Contains(a.Sources, "api"))
			require.True(t, named || len(a.Sources) == 0, "a source has decided that the workflow does not name")
			require.True(t, named || isAPI || !a.SourcesRequired, "a source has decided that no workflow names")
		}
		voter := v.By
		if len(a.Approvers) > 0 {
			isNamed := func(p Approver) bool { return p.ID == v.By }
			require.True(t, slices.ContainsFunc(a.Approvers, isNamed), "%s is not an approver", v.By)
		} else if isProgram {
			voter = v.Principal
		}
		require.False(t, voters[voter], "%s has two votes", voter)
		voters[voter] = true
	}
}

// checkVerdict requires that a decision which names no approval was applied only if it could be about no other. The
// order is as it was before the decision.
func (m *model) checkVerdict(t *rapid.T, before *Order, d Decision, v Verdict, now time.Time) {
	if v.Code == VerdictWaiting {
		m.waiting[d.ID+d.Source] = d
	}
	var others []*Approval
	known := before.hasDecision(d)
	for _, b := range before.Approvals {
		isPending := b.Status == Pending && b.Deadline.After(now)
		if isPending && b.ID != v.ApprovalID && d.selects(b) && b.refusalOf(d) == "" {
			others = append(others, b)
		}
	}
	switch v.Code {
	case VerdictAmbiguous:
		require.GreaterOrEqual(t, len(v.Candidates), 2)
	case VerdictDuplicate:
		require.NotEmpty(t, v.Candidates)
		require.True(t, d.IDFromBody)
	case VerdictDecided, VerdictRecorded:
		require.False(t, d.ApprovalID == "" && d.SentAt.IsZero() && !known && len(others) > 0, "the approval was guessed")
	case VerdictRepeated:
		a := before.FindApproval(v.ApprovalID)
		isOld := a != nil && a.Status != Pending
		require.False(t, isOld && d.IDFromBody && d.SentAt.IsZero() && d.ApprovalID == "" && len(others) > 0,
			"a decision about the pending approval is taken for an old one")
	}
}

// checkWaiting requires that a waiting decision is never spent on an approval that does not admit it, nor on the first
// of several steps whose requests arrive together.
func (m *model) checkWaiting(t *rapid.T, o *Order, now time.Time) {
	for _, e := range o.NewEvents() {
		d, isWaiting := m.waiting[e.Note+e.Source]
		if e.Kind != EventDecisionReceived || !isWaiting {
			continue
		}
		if a := o.FindApproval(e.Approval); a != nil && d.Step == "" && d.ApprovalID == "" {
			require.GreaterOrEqual(t, now.Sub(a.RequestedAt), 2*time.Second, "applied before the other steps can have arrived")
		}
		switch VerdictCode(e.Code) {
		case VerdictNotApprover, VerdictRequester, VerdictAsker, VerdictAnonymous, VerdictAssurance, VerdictSource, VerdictUnknown:
			require.Fail(t, "a waiting decision was spent", "%s: %s", e.Note, e.Code)
		}
	}
}

// checkSuperseded requires that an approval was superseded only by an attempt of its own question.
func checkSuperseded(t *rapid.T, o *Order, a *Approval) {
	newer := o.FindApproval(a.SupersededBy)
	if a.Status != Superseded || newer == nil {
		return
	}
	require.Equal(t, a.Step, newer.Step)
	require.False(t, a.Execution != "" && newer.Execution != "" && a.Execution != newer.Execution, "superseded by another execution")
	require.False(t, a.State != "" && newer.State != "" && a.State != newer.State, "superseded by another state")
}

// retryState ends an attempt of a state, if it has not ended, and begins the next attempt, as the Retry of a state or
// the redrive of an execution does.
func (m *model) retryState(t *rapid.T) {
	if len(m.requests) == 0 {
		return
	}
	r := m.requests[rapid.SampledFrom(m.requestIDs()).Draw(t, "which")]
	w := m.workflows[r.Token.Reveal()]
	if w.answer == Approved {
		return
	}
	w.stopped = w.stopped || w.isWaiting()
	m.tokens++
	r.Token = NewToken(fmt.Sprintf("token-%d", m.tokens))
	r.RetryCount++
	if rapid.IntRange(0, 3).Draw(t, "redrive") == 0 {
		r.RetryCount = 0
		r.RedriveCount++
	}
	if r.TaskExpires.IsZero() {
		r.Deadline = at(m.now + time.Hour)
	} else {
		r.TaskExpires = at(m.now + r.TaskExpires.Sub(r.Deadline) + time.Hour)
		r.Deadline = at(m.now + time.Hour)
	}
	r.AttemptStartedAt = at(m.now)
	r.Reminders, r.Escalations = nil, nil
	m.workflows[r.Token.Reveal()] = &workflow{}
	m.sendRequest(t, r)
}

// requestIDs returns the IDs of the recorded requests, in order.
func (m *model) requestIDs() []string {
	ids := make([]string, 0, len(m.requests))
	for id := range m.requests {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// drawRecordLimit draws the size at which the store refuses what makes a record larger, or 0 for no limit. At twice the
// size the store sheds parts of the record.
func drawRecordLimit(t *rapid.T) int {
	return rapid.SampledFrom([]int{0, 0, 4000, 10000}).Draw(t, "record limit")
}

// fitRecord does what a store does with a record that is too large. It reports whether the store takes the record.
func (m *model) fitRecord(t *rapid.T, o *Order) bool {
	if m.recordLimit == 0 {
		return true
	}
	size := len(marshalOrder(t, o))
	if o.Adds() && size > m.recordLimit {
		return false
	}
	pending, due := len(o.PendingApprovals()), o.NextDue()
	for parts := 0; size > 2*m.recordLimit && o.Shed(); parts++ {
		require.Less(t, parts, 10, "shedding has no end")
		smaller := len(marshalOrder(t, o))
		require.Less(t, smaller, size, "the record has not become smaller")
		size = smaller
	}
	require.Len(t, o.PendingApprovals(), pending, "a pending approval was shed")
	require.False(t, !due.IsZero() && (o.NextDue().IsZero() || o.NextDue().Before(due)), "shedding changed what is due")
	return true
}
