package approval

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/approval-relay/approval-relay/jsonpointer"
)

// drawRules gives some requests choices, a form and an edit.
func drawRules(t *rapid.T, a *Request) {
	switch rapid.IntRange(0, 3).Draw(t, "rules") {
	case 0:
		withPurchase(fmt.Sprint(rapid.IntRange(1, 3).Draw(t, "total")))(a)
	case 1:
		withChoices(approveChoice, rejectChoice, returnChoice, abstainChoice)(a)
	}
	a.MaxRounds = rapid.IntRange(0, 3).Draw(t, "rounds")
}

// drawChoice draws a choice with values, which may be valid, and the content that the sender saw: the present content,
// the content at an earlier time, or nobody knows.
func (m *model) drawChoice(t *rapid.T, d *Decision) {
	d.Outcome = rapid.SampledFrom([]Outcome{Approve, Approve, Reject, Return, Abstain, ""}).Draw(t, "outcome")
	d.Choice = rapid.SampledFrom([]string{"", "", "approve", "approve_up_to", "return", "abstain", "other"}).Draw(t, "choice")
	if d.Choice != "" {
		d.Outcome = ""
	}
	values := rapid.SampledFrom([]string{``, ``, `{}`, `{"limit":%d}`, `{"limit":%d,"note":"<"}`, `{"limit":"x"}`}).Draw(t, "values")
	if slices.Contains([]byte(values), '%') {
		values = fmt.Sprintf(values, rapid.IntRange(1, 3).Draw(t, "limit"))
	}
	d.Values = json.RawMessage(values)
	if rapid.Bool().Draw(t, "comments") {
		d.Comment = "because"
	}
	if a := m.order.FindApproval(m.drawApproval(t)); a != nil && rapid.Bool().Draw(t, "saw") {
		d.ShownDigest = m.order.ContentDigest(a)
		m.digests = append(m.digests, d.ShownDigest)
		if rapid.Bool().Draw(t, "long ago") {
			d.ShownDigest = rapid.SampledFrom(m.digests).Draw(t, "digest")
		}
	}
}

// checkContent requires of a decision that counts that its sender saw the content that it counts for. The order is as it
// was before the decision.
func checkContent(t *rapid.T, before *Order, d Decision, v Verdict) {
	if v.Code == VerdictInvalid {
		require.NotEmpty(t, v.Faults)
	}
	a := before.FindApproval(v.ApprovalID)
	if d.ShownDigest == "" || a == nil || v.Code != VerdictDecided && v.Code != VerdictRecorded {
		return
	}
	require.Equal(t, before.ContentDigest(a), d.ShownDigest, "a decision about another content counts")
}

// checkDecided requires that an approval that a decision closed has the votes for its status, without the void votes. It
// states the policies again, beside the code of the package.
func (m *model) checkDecided(t *rapid.T, a *Approval) {
	if last := len(a.Votes) - 1; last >= 0 && a.Votes[last].Via == ViaOperator && a.Status != Pending {
		return // an operator decides regardless of the policy, and whoever has voted before
	}
	counted := map[Outcome]map[string]bool{Approve: {}, Reject: {}, Return: {}, Abstain: {}}
	for _, v := range a.Votes {
		if !v.Void {
			counted[v.Outcome][v.By] = true
		}
	}
	approves, abstains := counted[Approve], counted[Abstain]
	switch a.Status {
	case Approved:
		require.NotEmpty(t, approves, "approved by void votes")
		if !a.Policy.VetoDisabled {
			require.Empty(t, counted[Reject])
			require.Empty(t, counted[Return])
		}
		if a.Policy.Kind == PolicyQuorum {
			require.GreaterOrEqual(t, len(approves), a.Policy.Quorum, "approved without its quorum")
		}
		if a.Policy.Kind == PolicyAll && !approves["eve"] {
			for _, p := range a.Approvers {
				require.True(t, p.Escalated || approves[p.ID] || abstains[p.ID], "approved without %s", p.ID)
			}
		}
	case Rejected:
		left := len(a.Approvers) - len(abstains) - len(counted[Reject])
		isOutOfReach := len(a.Approvers) > 0 && left < max(a.Policy.Quorum, 1)
		require.True(t, len(counted[Reject]) > 0 && !a.Policy.VetoDisabled || isOutOfReach, "rejected by nobody")
		require.Empty(t, counted[Return])
	case Returned:
		require.NotEmpty(t, counted[Return])
	case Pending:
		if !a.Policy.VetoDisabled {
			require.Empty(t, counted[Reject])
			require.Empty(t, counted[Return])
		}
		if a.Policy.Kind == PolicyQuorum {
			require.Less(t, len(approves), a.Policy.Quorum)
		}
		if a.Policy.Kind == PolicyAny {
			require.Empty(t, approves)
		}
	}
}

// checkEdits requires that the content is that of the last edit, that the votes before an edit are void and those since
// are not, and that all values are valid.
func (m *model) checkEdits(t *rapid.T, a *Approval) {
	request := m.requests[a.ID]
	if len(request.Content) == 0 || len(a.Content) == 0 { // the store may have shed it
		return
	}
	want, _ := jsonpointer.Find(request.Content, "/purchase/total")
	edited := false
	for _, v := range slices.Backward(a.Votes) {
		require.Equal(t, edited, v.Void, "a vote about another content")
		edited = edited || len(v.Changes) > 0
	}
	for _, v := range a.Votes {
		for _, c := range v.Changes {
			require.Equal(t, Approve, v.Outcome)
			require.Equal(t, string(want), string(c.From))
			want = c.To
		}
		rules := request.DecisionRules
		require.Empty(t, rules.CheckDecision(Decision{Choice: v.Choice, Values: v.Values, Comment: v.Comment}))
	}
	got, _ := jsonpointer.Find(a.Content, "/purchase/total")
	require.Equal(t, string(want), string(got))
	if len(a.Details) > 1 {
		require.Equal(t, string(want)+" EUR", a.Details[1].Value)
	}
	require.Equal(t, a.digestPayload(), a.RequestDigest)
}

// checkRounds requires that a question that was returned is asked in the next round, and not for ever.
func (m *model) checkRounds(t *rapid.T, a *Approval) {
	require.Equal(t, a.Round > 0, a.Previous != nil || slices.Contains(m.order.ShedParts, shedPartDetails) && a.Round > 0)
	most := a.MaxRounds
	if most == 0 {
		most = DefaultMaxRounds
	}
	if a.Round >= most {
		require.False(t, slices.ContainsFunc(a.Choices, func(c Choice) bool { return c.Means == Return }), "returned for ever")
	}
}

// votes is a model of a single approval whose request can be edited. It has many more votes than the model of everything.
type votes struct {
	m       *model
	digests []string
	sent    []Decision
}

func (s *votes) draw(t *rapid.T) Decision {
	a := s.m.order.Approvals[0]
	d := approveDecision(fmt.Sprint("d", len(s.sent)), by(rapid.SampledFrom([]string{"ann", "bob", "cy"}).Draw(t, "by")))
	switch rapid.IntRange(0, 9).Draw(t, "choice") {
	case 0:
		choosing("abstain")(&d)
	case 1:
		rapid.SampledFrom([]func(*Decision){choosing("return"), rejecting}).Draw(t, "against")(&d)
		saying("no")(&d)
		if d.Outcome == Reject {
			giving(`{"reason":"budget"}`)(&d)
		}
	case 2, 3, 4:
		choosing("approve")(&d)
	default:
		choosing("approve_up_to")(&d)
		giving(fmt.Sprintf(`{"limit":%d}`, rapid.IntRange(0, 3).Draw(t, "limit")))(&d)
	}
	s.digests = append(s.digests, s.m.order.ContentDigest(a))
	switch rapid.IntRange(0, 3).Draw(t, "saw") {
	case 0:
		d.ShownDigest = s.digests[len(s.digests)-1]
	case 1:
		d.ShownDigest = rapid.SampledFrom(s.digests).Draw(t, "digest")
	}
	if len(s.sent) > 0 && rapid.IntRange(0, 4).Draw(t, "again") == 0 {
		d = rapid.SampledFrom(s.sent).Draw(t, "earlier")
	}
	s.sent = append(s.sent, d)
	return d
}

// Whatever is sent in whatever order, an approval has the status that the votes about its present content give it, a
// voter counts once, and nobody decides about a content that they have not seen.
func TestVotesCountForWhatTheySaw(t *testing.T) {
	t.Parallel()
	policies := []Policy{
		{Kind: PolicyAll},
		{Kind: PolicyQuorum, Quorum: 2},
		{Kind: PolicyQuorum, Quorum: 3},
		{Kind: PolicyQuorum, Quorum: 2, VetoDisabled: true},
	}
	rapid.Check(t, func(t *rapid.T) {
		s := votes{m: newModel()}
		r := newRequest("t1", withPurchase("1"), withApprovers("ann", "bob", "cy"))
		r.Policy = rapid.SampledFrom(policies).Draw(t, "policy")
		s.m.workflows["t1"] = &workflow{}
		s.m.sendRequest(t, r)
		for range rapid.IntRange(1, 12).Draw(t, "decisions") {
			d := s.draw(t)
			before := storeAndLoad(t, s.m.order)
			var verdict Verdict
			s.m.runTwice(t, envAt(0), func(o *Order, env Environment) []Action {
				v, actions, err := o.Decide(d, testRetention, env)
				require.NoError(t, err)
				if verdict.Code == "" {
					verdict = v
				}
				return actions
			})
			checkContent(t, before, d, verdict)
			a, was := s.m.order.Approvals[0], before.Approvals[0]
			isVote := verdict.Code == VerdictDecided || verdict.Code == VerdictRecorded
			require.Equal(t, isVote, len(a.Votes) > len(was.Votes))
			s.checkRepetition(t, a, was, d, verdict)
		}
	})
}

// checkRepetition requires that a decision is taken for a repetition only if the same decision counted before.
func (s *votes) checkRepetition(t *rapid.T, a, was *Approval, d Decision, v Verdict) {
	if v.Code != VerdictRepeated {
		return
	}
	settled, _, faults := a.settle(d)
	require.Empty(t, faults)
	require.True(t, slices.ContainsFunc(was.Votes, func(vote Vote) bool {
		return vote.Choice == settled.Choice && isSameJSON(orEmpty(vote.Values), orEmpty(settled.Values))
	}), "other values are taken for a repetition")
}

func orEmpty(values json.RawMessage) json.RawMessage {
	if len(values) == 0 {
		return json.RawMessage("{}")
	}
	return values
}
