package approval

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// A program that sends decisions in the names of several persons is one voter where approvers are not named.
func TestProgramCountsOnceInAQuorum(t *testing.T) {
	t.Parallel()
	quorum := withPolicy(Policy{Kind: PolicyQuorum, Quorum: 2})
	names := []string{"ann", "ann\u200b", "\u2060ann", "bob", "cy", ""}
	for name, sender := range map[string]func(*Decision){
		"api token":     via(ViaAPI, "api:shop"),
		"older api":     via(ViaAPI, "api"),
		"webhook":       via(ViaWebhook, "partner"),
		"topic":         via(ViaSNS, "partner"),
		"its principal": func(d *Decision) { d.Via, d.Source, d.Principal = ViaAPI, "api:shop", "api:shop" },
	} {
		o, a := pendingOrder(t, quorum)
		for i, person := range names {
			want := VerdictRepeated
			if i == 0 {
				want = VerdictRecorded
			}
			requireVerdict(t, o, approveDecision(fmt.Sprint("d", i), sender, by(person)), envAt(1), want)
		}
		requireVerdict(t, o, approveDecision("no", sender, by("bob"), rejecting), envAt(1), VerdictConflict)
		require.Equal(t, Pending, a.Status, name)
		require.Len(t, a.Votes, 1)
		requireVerdict(t, o, approveDecision("person", by("ann")), envAt(2), VerdictRepeated) // counted by the program
		requireVerdict(t, o, approveDecision("other", via(ViaWebhook, "second"), by("eve")), envAt(2), VerdictDecided)
	}
}

// Votes of older records have no principal, and two of them may be from one program.
func TestVotesOfAProgramShareASeat(t *testing.T) {
	t.Parallel()
	p := Policy{Kind: PolicyQuorum, Quorum: 2}
	vote := func(by string, via Via, source, principal string) Vote {
		return Vote{By: by, Via: via, Source: source, Principal: principal, Outcome: Approve}
	}
	for name, c := range map[string]struct {
		votes []Vote
		want  Status
	}{
		"one program":   {[]Vote{vote("ann", ViaAPI, "api", ""), vote("bob", ViaAPI, "api", "")}, Pending},
		"one token":     {[]Vote{vote("ann", ViaAPI, "api:a", ""), vote("bob", ViaAPI, "api:a", "api:a")}, Pending},
		"two tokens":    {[]Vote{vote("ann", ViaAPI, "api:a", "api:a"), vote("bob", ViaAPI, "api:b", "api:b")}, Approved},
		"two persons":   {[]Vote{vote("ann", ViaSSO, "", ""), vote("bob", ViaChat, "slack", "")}, Approved},
		"person, topic": {[]Vote{vote("ann", ViaSSO, "", ""), vote("bob", ViaSNS, "t", "")}, Approved},
	} {
		require.Equal(t, c.want, p.evaluateVotes(c.votes, nil), name)
	}
}

// Where approvers are named, each counts, whichever program sends the decision.
func TestNamedApproversCountEachByOneProgram(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, withApprovers("ann", "bob"), withPolicy(Policy{Kind: PolicyAll}))
	requireVerdict(t, o, approveDecision("d1", via(ViaAPI, "api:hr")), envAt(1), VerdictRecorded)
	requireVerdict(t, o, approveDecision("d2", via(ViaAPI, "api:hr"), by("bob")), envAt(1), VerdictDecided)
	require.Equal(t, Approved, a.Status)
}

// The program that sent a request does not decide it, whomever it names.
func TestAskerDoesNotDecide(t *testing.T) {
	t.Parallel()
	asked := func(mayDecide bool) func(*Request) {
		return func(r *Request) { r.Asker, r.AskerMayDecide = "api:shop", mayDecide }
	}
	for name, approvers := range map[string][]string{"not named": nil, "named": {"boss"}} {
		o, a := pendingOrder(t, asked(false), withApprovers(approvers...))
		boss := by("boss")
		requireVerdict(t, o, approveDecision("d1", program("shop"), boss), envAt(1), VerdictAsker)
		requireVerdict(t, o, approveDecision("d1", via(ViaAPI, "api:shop"), boss), envAt(1), VerdictAsker)
		requireVerdict(t, o, approveDecision("d1", program("shop"), boss, onApproval(a.ID)), envAt(1), VerdictAsker)
		require.Equal(t, Pending, a.Status, name)
		requireVerdict(t, o, approveDecision("d1", program("hr"), boss), envAt(1), VerdictDecided)

		o, _ = pendingOrder(t, asked(true), withApprovers(approvers...))
		requireVerdict(t, o, approveDecision("d1", program("shop"), boss), envAt(1), VerdictDecided)
	}
	early := &Order{ID: "o-1"} // also if the decision comes first
	requireVerdict(t, early, approveDecision("d1", program("shop")), envAt(0), VerdictWaiting)
	a, _ := addRequest(t, early, newRequest("t1", withStep(""), asked(false)), envAt(1))
	require.Equal(t, Pending, a.Status)
}

// Where the requester is known, a link that names nobody does not decide: the requester may hold it.
func TestAnonymousLinkDoesNotDecideWhereARequesterIsKnown(t *testing.T) {
	t.Parallel()
	link := func(who string) func(*Decision) {
		return func(d *Decision) { d.Via, d.Source, d.By = ViaLink, "link", who }
	}
	o, a := pendingOrder(t, withRequester("mallory@example.com"))
	require.True(t, a.HasAnonymousLinks())
	require.Equal(t, EventReadingNote, o.History[1].Kind)
	require.Contains(t, o.History[1].Note, "the links name nobody")
	c := o.LinkCapability(a, "")
	require.Empty(t, c.Allowed)
	require.True(t, a.AcceptsCapability(c, at(1)), "it still shows the approval")
	requireVerdict(t, o, approveDecision("d1", link("link holder")), envAt(1), VerdictAnonymous)
	requireVerdict(t, o, approveDecision("d2", via(ViaSSO, "sso"), by("mallory@example.com")), envAt(1), VerdictRequester)
	requireVerdict(t, o, approveDecision("d3", via(ViaChat, "slack"), by("boss@example.com")), envAt(1), VerdictDecided)

	o, a = pendingOrder(t) // the requester is not known
	require.NotEmpty(t, o.LinkCapability(a, "").Allowed)
	requireVerdict(t, o, approveDecision("d1", link("link holder")), envAt(1), VerdictDecided)

	o, a = pendingOrder(t, withRequester("mallory@example.com"), withApprovers("boss@example.com"))
	require.NotEmpty(t, o.LinkCapability(a, "boss@example.com").Allowed)
	requireVerdict(t, o, approveDecision("d1", link("boss@example.com")), envAt(1), VerdictDecided)
}

// Once a workflow of the configuration names sources, a webhook or topic decides no workflow that does not name it.
func TestSourcesRequired(t *testing.T) {
	t.Parallel()
	required := func(r *Request) { r.SourcesRequired = true }
	for name, c := range map[string]struct {
		sender  func(*Decision)
		sources []string
		want    VerdictCode
	}{
		"webhook, not named":    {via(ViaWebhook, "partner"), nil, VerdictSource},
		"topic, not named":      {via(ViaSNS, "partner"), nil, VerdictSource},
		"webhook, named":        {via(ViaWebhook, "partner"), []string{"partner"}, VerdictDecided},
		"topic, others named":   {via(ViaSNS, "partner"), []string{"erp"}, VerdictSource},
		"token, nobody named":   {via(ViaAPI, "api:shop"), nil, VerdictDecided},
		"token, others named":   {via(ViaAPI, "api:shop"), []string{"erp"}, VerdictSource},
		"token, all named":      {via(ViaAPI, "api:shop"), []string{"api"}, VerdictDecided},
		"a person":              {via(ViaSSO, "sso"), nil, VerdictDecided},
		"an operator":           {via(ViaOperator, "operator"), []string{"erp"}, VerdictDecided},
		"webhook named as such": {via(ViaWebhook, "api"), []string{"erp"}, VerdictSource},
	} {
		o, _ := pendingOrder(t, required, withSources(c.sources...))
		v, _, err := o.Decide(approveDecision("d", c.sender, by("boss")), testRetention, envAt(1))
		require.NoError(t, err)
		require.Equal(t, c.want, v.Code, name)
	}
}

// Nobody decides under the name of a program or an operator but the program or operator itself.
func TestNameOfAPrincipalIsItsOwn(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"source:erp", "SOURCE:erp", " source:erp", "so\u200burce:erp", "source:api:erp", "api:erp", "operator:olga", "Operator:olga",
	} {
		o, _ := pendingOrder(t)
		_, _, err := o.Decide(approveDecision("d", via(ViaAPI, "api:shop"), by(name)), testRetention, envAt(1))
		requireField(t, "by", err)
	}
	o, _ := pendingOrder(t)
	requireVerdict(t, o, approveDecision("d", via(ViaAPI, "api:shop"), by("source:api:shop")), envAt(1), VerdictDecided)
	o, _ = pendingOrder(t)
	requireVerdict(t, o, approveDecision("d", program("shop"), by("api:shop")), envAt(1), VerdictDecided)
}

// The requester is no approver: not as a substitute, not by an escalation, in no spelling.
func TestRequesterIsRemovedFromTheApprovers(t *testing.T) {
	t.Parallel()
	requester := withRequester("Ann@example.com")
	o, a := pendingOrder(t, requester, byMail, func(r *Request) {
		r.Approvers = []Approver{
			{ID: "bob@example.com", Nonce: "1"},
			{ID: "ann@example.com", Nonce: "2", SubstituteFor: "cy@example.com"},
			{ID: " ANN@example.com\u200b", Nonce: "3"},
		}
		r.Escalations = []Escalation{{At: at(1), Approvers: []Approver{{ID: "ann@EXAMPLE.com", Nonce: "4"}}}}
		r.Policy = Policy{Kind: PolicyAll}
	})
	o.Advance(envAt(1))
	require.Len(t, a.Approvers, 1)
	require.Equal(t, 1, countSeats(a.eventualApprovers(), true))
	for _, n := range a.Notifications {
		require.Equal(t, "bob@example.com", n.Approver)
	}
	requireVerdict(t, o, approveDecision("d1", by("ann@example.com")), envAt(2), VerdictRequester)
	requireVerdict(t, o, approveDecision("d2", by("bob@example.com")), envAt(2), VerdictDecided)

	// A list that names only the requester is never everybody.
	_, _, err := (&Order{ID: "o-1"}).AddRequest(newRequest("t", requester, withApprovers("ann@example.com")), envAt(0))
	requireField(t, "approvers", err)
}
