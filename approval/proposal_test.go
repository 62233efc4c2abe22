package approval

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func twoOperators() Environment {
	return Environment{
		Now:         time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC),
		NeedsSecond: func(workflow string) bool { return workflow == "orders" },
	}
}

// proposed returns an order with a pending approval for which an operator has proposed a decision.
func proposed(t *testing.T, env Environment) (*Order, string) {
	t.Helper()
	o := &Order{ID: "A-1"}
	_, _, err := o.AddRequest(Request{
		Token:     NewToken("x"),
		Target:    "sfn",
		Workflow:  "orders",
		Requester: "rita@example.com",
		Approvers: []Approver{{ID: "ann@example.com"}},
		Policy:    Policy{Kind: PolicyAny},
		Deadline:  env.Now.Add(24 * time.Hour),
		Retention: time.Hour,
	}, env)
	require.NoError(t, err)
	v, _, err := o.Decide(operatorDecision("d-1", "ada", "boss@example.com"), UnmatchedRetention{}, env)
	require.NoError(t, err)
	require.Equal(t, VerdictProposed, v.Code)
	require.Equal(t, "d-1", v.ProposalID)
	return o, v.ProposalID
}

func operatorDecision(id, operator, claimed string) Decision {
	a := OperatorActor(operator, claimed)
	return Decision{
		ID: id, Outcome: Approve, By: a.By, Principal: a.Principal, Claimed: a.Claimed,
		Comment: "because", Via: a.Via, Source: a.Source,
	}
}

// A decision of an operator waits, and counts when another operator confirms it: the vote names both.
func TestSecondOperatorConfirms(t *testing.T) {
	t.Parallel()
	env := twoOperators()
	o, id := proposed(t, env)
	a := o.Approvals[0]
	require.Equal(t, Pending, a.Status)
	require.Empty(t, a.Votes)
	v, _, err := o.Decide(operatorDecision("d-1", "ada", "boss@example.com"), UnmatchedRetention{}, env)
	require.NoError(t, err)
	require.Equal(t, VerdictRepeated, v.Code, "the same call again proposes once")
	require.Len(t, a.Acts, 1)

	confirm := Confirmation{ID: "c", ProposalID: id, Actor: OperatorActor("bob", "")}
	v, _, err = o.Confirm(confirm, env)
	require.NoError(t, err)
	require.Equal(t, VerdictDecided, v.Code)
	require.Equal(t, Approved, a.Status)
	require.Len(t, a.Votes, 1)
	vote := a.Votes[0]
	require.Equal(t, []string{"ada", "operator:ada", "boss@example.com", "operator:bob", "because"},
		[]string{vote.By, vote.Principal, vote.Claimed, vote.ConfirmedBy, vote.Comment})
	_, r := o.FindProposal(id)
	require.Equal(t, "operator:bob", r.Proposal.ConfirmedBy)
	var codes []string
	for _, e := range o.History {
		if e.Kind == EventAct {
			codes = append(codes, e.Code+" by "+e.Principal)
		}
	}
	require.Equal(t, []string{"propose by operator:ada", "confirm by operator:bob"}, codes)

	v, _, err = o.Confirm(confirm, env)
	require.NoError(t, err)
	require.Equal(t, VerdictRepeated, v.Code)
	confirm.Actor = OperatorActor("eve", "")
	v, _, err = o.Confirm(confirm, env)
	require.NoError(t, err)
	require.Equal(t, VerdictConflict, v.Code)
	require.Len(t, a.Votes, 1)
}

// Two calls are not two persons: not by the same token, by an alias, by a token that acts for the other, nor for the
// same person. The requester cannot confirm.
func TestOnePersonDoesNotConfirm(t *testing.T) {
	t.Parallel()
	env := twoOperators()
	for name, tc := range map[string]struct {
		actor Actor
		want  VerdictCode
	}{
		"the same token":                   {OperatorActor("ada", ""), VerdictProposer},
		"in upper case":                    {OperatorActor("ADA", ""), VerdictProposer},
		"for somebody else":                {OperatorActor("ada", "carl"), VerdictProposer},
		"an alias":                         {OperatorActor("ada-laptop", ""), VerdictProposer},
		"for the proposer":                 {OperatorActor("bob", "ada"), VerdictProposer},
		"for the same person":              {OperatorActor("bob", "boss@example.com"), VerdictProposer},
		"the person of the proposal":       {OperatorActor("boss@example.com", ""), VerdictProposer},
		"the requester":                    {OperatorActor("rita@example.com", ""), VerdictRequester},
		"for the requester":                {OperatorActor("bob", "Rita@example.com"), VerdictRequester},
		"a program in an operator's place": {ProgramActor("carl", "bob"), VerdictSource},
	} {
		o, id := proposed(t, env)
		v, _, err := o.Confirm(Confirmation{ProposalID: id, Actor: tc.actor, IsSamePerson: func(a, b string) bool {
			return SamePerson(a, b) || a == "ada-laptop" && b == "ada"
		}}, env)
		require.NoError(t, err, name)
		require.Equal(t, tc.want, v.Code, name)
		require.Equal(t, Pending, o.Approvals[0].Status, name)
		_, r := o.FindProposal(id)
		require.Empty(t, r.Proposal.ConfirmedBy, name)
	}
}

// A proposal ends after an hour, with the approval, and outside the scope of the confirmer.
func TestProposalEnds(t *testing.T) {
	t.Parallel()
	env := twoOperators()
	confirm := Confirmation{ProposalID: "d-1", Actor: OperatorActor("bob", "")}
	o, _ := proposed(t, env)
	later := env
	later.Now = env.Now.Add(ProposalTTL)
	_, _, err := o.Confirm(confirm, later)
	require.ErrorContains(t, err, "proposal: has expired")
	require.Equal(t, Pending, o.Approvals[0].Status)

	confirm.Workflows = []string{"payroll"}
	v, _, err := o.Confirm(confirm, env)
	require.NoError(t, err)
	require.Equal(t, VerdictUnknown, v.Code)
	confirm.Workflows = nil

	later.Now = env.Now.Add(25 * time.Hour)
	v, _, err = o.Confirm(confirm, later)
	require.NoError(t, err)
	require.Equal(t, VerdictLate, v.Code)
	require.Equal(t, TimedOut, o.Approvals[0].Status)
}

// Every override of an operator waits, and has its effect after the confirmation. The acts of approvers, and those on
// other workflows, do not wait.
func TestEveryOverrideWaits(t *testing.T) {
	t.Parallel()
	env := twoOperators()
	ada := OperatorActor("ada", "")
	act := Act{ID: "act", Actor: ada, Reason: "x", Named: []string{"eva@example.com"}}
	eva := []Approver{{ID: "eva@example.com"}}
	for name, propose := range map[string]func(*Order) (Verdict, []Action, error){
		"cancel": func(o *Order) (Verdict, []Action, error) {
			v, actions := o.CancelBy(Cancellation{ID: "act", Actor: ada, Reason: "x"}, env)
			return v, actions, nil
		},
		"add":     func(o *Order) (Verdict, []Action, error) { return o.AddApprovers(act, eva, env) },
		"replace": func(o *Order) (Verdict, []Action, error) { return o.ReplaceApprover(act, "ann@example.com", eva, env) },
		"extend": func(o *Order) (Verdict, []Action, error) {
			return o.ExtendDeadline(act, Extension{By: time.Hour}, env)
		},
	} {
		o, _ := proposed(t, env)
		a := o.Approvals[0]
		deadline := a.Deadline
		v, _, err := propose(o)
		require.NoError(t, err, name)
		require.Equal(t, VerdictProposed, v.Code, name)
		require.Equal(t, Pending, a.Status, name)
		require.Equal(t, "ann@example.com", a.Approvers[0].ID, name)
		require.Len(t, a.Approvers, 1, name)
		require.Equal(t, deadline, a.Deadline, name)

		v, _, err = o.Confirm(Confirmation{ProposalID: "act", Actor: OperatorActor("bob", ""), Approvers: eva}, env)
		require.NoError(t, err, name)
		require.NoError(t, v.Err(), name)
		isChanged := a.Status == Cancelled || len(a.Approvers) == 2 || a.Approvers[0].ID == "eva@example.com" ||
			a.Deadline.After(deadline)
		require.True(t, isChanged, name)
	}

	o, _ := proposed(t, env)
	v, _, err := o.Decide(Decision{ID: "link", Outcome: Reject, By: "ann@example.com", Via: ViaLink}, UnmatchedRetention{}, env)
	require.NoError(t, err)
	require.Equal(t, VerdictDecided, v.Code, "an approver decides alone")
}

// Proposals do not fill a record.
func TestProposalsAreBounded(t *testing.T) {
	t.Parallel()
	env := twoOperators()
	o, _ := proposed(t, env)
	var v Verdict
	for i := range MaxProposals {
		var err error
		v, _, err = o.Decide(operatorDecision("more-"+string(rune('a'+i)), "ada", ""), UnmatchedRetention{}, env)
		require.NoError(t, err)
	}
	require.Equal(t, VerdictOverflow, v.Code)
	require.Len(t, o.Approvals[0].Acts, MaxProposals)
}

// A proposal is about what its maker has seen: after an edit or a new question, it is not confirmed.
func TestProposalOfAnotherContent(t *testing.T) {
	t.Parallel()
	env := twoOperators()
	confirm := Confirmation{ProposalID: "d-1", Actor: OperatorActor("bob", "")}
	for name, change := range map[string]func(*Approval){
		"an edited request": func(a *Approval) { a.RequestDigest = "edited" },
		"another title":     func(a *Approval) { a.Title = "another" },
		"a question":        func(a *Approval) { a.Questions = append(a.Questions, Question{By: "ann", Text: "really?"}) },
	} {
		o, _ := proposed(t, env)
		change(o.Approvals[0])
		v, _, err := o.Confirm(confirm, env)
		require.NoError(t, err, name)
		require.Equal(t, VerdictChanged, v.Code, name)
		require.Equal(t, Pending, o.Approvals[0].Status, name)
		_, r := o.FindProposal("d-1")
		require.Empty(t, r.Proposal.ConfirmedBy, name)
		require.False(t, v.IsAccepted(), name)

		_, _, err = o.Decide(operatorDecision("d-2", "ada", ""), UnmatchedRetention{}, env)
		require.NoError(t, err, name)
		v, _, err = o.Confirm(Confirmation{ProposalID: "d-2", Actor: OperatorActor("bob", "")}, env)
		require.NoError(t, err, name)
		require.Equal(t, VerdictDecided, v.Code, name)
	}
}

// An ID as long as an ID may be is confirmed like every other.
func TestProposalWithALongID(t *testing.T) {
	t.Parallel()
	env := twoOperators()
	o, _ := proposed(t, env)
	ada, bob, id := OperatorActor("ada", ""), OperatorActor("bob", ""), strings.Repeat("x", maxName)
	v, _, err := o.ExtendDeadline(Act{ID: id, Actor: ada, Reason: "x"}, Extension{By: time.Hour}, env)
	requireAct(t, v, err, VerdictProposed)
	v, _, err = o.Confirm(Confirmation{ProposalID: id, Actor: bob}, env)
	requireAct(t, v, err, VerdictRecorded)
	require.Equal(t, env.Now.Add(25*time.Hour), o.Approvals[0].Deadline)

	id = strings.Repeat("y", maxName)
	_, _, err = o.Decide(operatorDecision(id, "ada", ""), UnmatchedRetention{}, env)
	require.NoError(t, err)
	v, _, err = o.Confirm(Confirmation{ProposalID: id, Actor: bob}, env)
	requireAct(t, v, err, VerdictDecided)
}

// The same call again proposes once, and an ID names one proposal of the order: another approval needs another.
func TestProposalIDIsUnique(t *testing.T) {
	t.Parallel()
	env := twoOperators()
	o, _ := proposed(t, env)
	first := o.Approvals[0]
	_, _, err := o.AddRequest(Request{
		Token: NewToken("y"), Target: "sfn", Workflow: "orders", Step: "second",
		Policy: Policy{Kind: PolicyAny}, Deadline: env.Now.Add(time.Hour), Retention: time.Hour,
	}, env)
	require.NoError(t, err)
	second := o.Approvals[1]
	cancel := func(id, approvalID, by string) VerdictCode {
		v, actions := o.CancelBy(Cancellation{ID: id, ApprovalID: approvalID, Actor: OperatorActor(by, ""), Reason: "x"}, env)
		require.Empty(t, actions)
		return v.Code
	}
	require.Equal(t, VerdictProposed, cancel("c-1", first.ID, "ada"))
	require.Equal(t, VerdictRepeated, cancel("c-1", first.ID, "ada"))
	require.Equal(t, VerdictConflict, cancel("c-1", first.ID, "bob"), "another operator's")
	require.Equal(t, VerdictConflict, cancel("d-1", first.ID, "ada"), "a decision has this ID")
	require.Equal(t, VerdictConflict, cancel("c-1", second.ID, "ada"))
	require.Equal(t, VerdictProposed, cancel("c-2", second.ID, "ada"))
	require.Len(t, first.Acts, 2)

	v, _, err := o.Confirm(Confirmation{ProposalID: "c-2", Actor: OperatorActor("bob", "")}, env)
	requireAct(t, v, err, VerdictDecided)
	require.Equal(t, []Status{Pending, Cancelled}, []Status{first.Status, second.Status})
}

// Proposals that nobody has confirmed in time do not keep operators from proposing again.
func TestExpiredProposalsMakeRoom(t *testing.T) {
	t.Parallel()
	env := twoOperators()
	o, _ := proposed(t, env)
	a := o.Approvals[0]
	extension := Extension{By: time.Minute}
	v, _, err := o.ExtendDeadline(Act{ID: "extend", Actor: OperatorActor("ada", ""), Reason: "x"}, extension, env)
	requireAct(t, v, err, VerdictProposed)
	v, _, err = o.Confirm(Confirmation{ProposalID: "extend", Actor: OperatorActor("bob", "")}, env)
	requireAct(t, v, err, VerdictRecorded)
	for i := range MaxProposals - 2 {
		_, _, err := o.Decide(operatorDecision(fmt.Sprint("more-", i), "ada", ""), UnmatchedRetention{}, env)
		require.NoError(t, err)
	}
	last := operatorDecision("last", "ada", "")
	v, _, err = o.Decide(last, UnmatchedRetention{}, env)
	requireAct(t, v, err, VerdictOverflow)
	env.Now = env.Now.Add(ProposalTTL)
	v, _, err = o.Decide(last, UnmatchedRetention{}, env)
	requireAct(t, v, err, VerdictProposed)
	require.Equal(t, 2, a.countActs(ActPropose), "the confirmed one stays")
	v, _, err = o.Confirm(Confirmation{ProposalID: "last", Actor: OperatorActor("bob", "")}, env)
	requireAct(t, v, err, VerdictDecided)
}

// A proposal stands if the workflow needs no second operator any more: the confirmation is one more person, not one less.
// What was proposed is not done by the change of the configuration itself.
func TestProposalWithoutFourEyes(t *testing.T) {
	t.Parallel()
	env := twoOperators()
	o, id := proposed(t, env)
	env.NeedsSecond = nil
	require.Empty(t, o.Advance(env))
	require.Equal(t, Pending, o.Approvals[0].Status)
	v, _, err := o.Confirm(Confirmation{ProposalID: id, Actor: OperatorActor("ada", "")}, env)
	requireAct(t, v, err, VerdictProposer)
	v, _, err = o.Confirm(Confirmation{ProposalID: id, Actor: OperatorActor("bob", "")}, env)
	requireAct(t, v, err, VerdictDecided)
}

// The proposal of a superseded approval is not confirmed, and does not reach the newer one.
func TestProposalOfASupersededApproval(t *testing.T) {
	t.Parallel()
	env := twoOperators()
	o, id := proposed(t, env)
	_, _, err := o.AddRequest(Request{
		Token: NewToken("y"), Target: "sfn", Workflow: "orders", Policy: Policy{Kind: PolicyAny},
		Deadline: env.Now.Add(time.Hour), Retention: time.Hour,
	}, env)
	require.NoError(t, err)
	require.Equal(t, Superseded, o.Approvals[0].Status)
	v, _, err := o.Confirm(Confirmation{ProposalID: id, Actor: OperatorActor("bob", "")}, env)
	requireAct(t, v, err, VerdictSuperseded)
	require.Equal(t, Pending, o.Approvals[1].Status)
	require.Empty(t, o.Approvals[1].Votes)
}

// Operators learn of a proposal once, by their own channels, in an event without task token and link.
func TestProposalTellsOperators(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, func(r *Request) { r.ProgramChannels = []string{"bus"} })
	env := envAt(time.Minute)
	env.NeedsSecond = func(string) bool { return true }
	env.ProposalChannels = []string{"pager", "desk"}
	for range 2 {
		_, _, err := o.Decide(operatorDecision("p-1", "ada", ""), testRetention, env)
		require.NoError(t, err)
	}
	var told []string
	for _, n := range a.Notifications {
		if n.Event == ProgramEventProposed {
			require.Equal(t, NotifyEvent, n.Kind)
			told = append(told, n.Channel)
			require.True(t, o.ComposeMessage(a, n).Link.IsZero())
		}
	}
	require.Equal(t, []string{"pager", "desk"}, told)
	v, _, err := o.Confirm(Confirmation{ProposalID: "p-1", Actor: OperatorActor("bob", "")}, env)
	require.NoError(t, err)
	require.Equal(t, VerdictDecided, v.Code)
	count := 0
	for _, n := range a.Notifications {
		if n.Event == ProgramEventProposed {
			count++
		}
	}
	require.Equal(t, 2, count, "the confirmation tells nobody again")
}
