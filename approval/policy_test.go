package approval

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPolicies(t *testing.T) {
	t.Parallel()
	type vote struct {
		d    Decision
		want VerdictCode
	}
	n := 0
	yes := func(who string, want VerdictCode) vote {
		n++
		return vote{approveDecision(string(rune('a'+n)), by(who)), want}
	}
	no := func(who string, want VerdictCode) vote {
		v := yes(who, want)
		v.d.Outcome = Reject
		return v
	}
	const dec, rec = VerdictDecided, VerdictRecorded
	quorum := func(n int) Policy { return Policy{Kind: PolicyQuorum, Quorum: n} }
	noVeto := func(n int) Policy { return Policy{Kind: PolicyQuorum, Quorum: n, VetoDisabled: true} }
	cases := map[string]struct {
		request []func(*Request)
		votes   []vote
		want    Status
	}{
		"any: the first approves": {nil, []vote{yes("ann", dec)}, Approved},
		"any: the first rejects":  {nil, []vote{no("ann", dec), yes("bob", VerdictConflict)}, Rejected},
		"any: of the named approvers": {
			[]func(*Request){withApprovers("ann")}, []vote{yes("bob", VerdictNotApprover), yes("ann", dec)},
			Approved,
		},
		"any: regardless of case": {
			[]func(*Request){withApprovers("Ann@x.example")}, []vote{yes(" ann@X.example ", dec)}, Approved,
		},
		"all: one is missing": {
			[]func(*Request){withApprovers("a", "b"), withPolicy(Policy{Kind: PolicyAll})},
			[]vote{yes("a", rec)}, Pending,
		},
		"all": {
			[]func(*Request){withApprovers("a", "b"), withPolicy(Policy{Kind: PolicyAll})},
			[]vote{yes("a", rec), yes("b", dec)}, Approved,
		},
		"all: a veto": {
			[]func(*Request){withApprovers("a", "b"), withPolicy(Policy{Kind: PolicyAll})},
			[]vote{yes("a", rec), no("b", dec)}, Rejected,
		},
		"all: two votes of one approver": {
			[]func(*Request){withApprovers("a", "b"), withPolicy(Policy{Kind: PolicyAll})},
			[]vote{yes("a", rec), yes("A ", VerdictRepeated)}, Pending,
		},
		"all: a name given twice counts once": {
			[]func(*Request){withApprovers("a", "A", "b"), withPolicy(Policy{Kind: PolicyAll})},
			[]vote{yes("a", rec), yes("b", dec)}, Approved,
		},
		"all: a changed mind is a conflict": {
			[]func(*Request){withApprovers("a", "b"), withPolicy(Policy{Kind: PolicyAll})},
			[]vote{yes("a", rec), no("a", VerdictConflict)}, Pending,
		},
		"quorum": {
			[]func(*Request){withApprovers("a", "b", "c"), withPolicy(quorum(2))},
			[]vote{yes("c", rec), yes("a", dec)}, Approved,
		},
		"quorum: a veto": {
			[]func(*Request){withApprovers("a", "b", "c"), withPolicy(quorum(2))},
			[]vote{yes("c", rec), no("a", dec)}, Rejected,
		},
		"quorum: unnamed approvers": {
			[]func(*Request){withPolicy(quorum(2))}, []vote{yes("x", rec), yes("y", dec)}, Approved,
		},
		"quorum: unknown persons count once": {
			[]func(*Request){withPolicy(quorum(2))}, []vote{yes("", rec), yes("", VerdictRepeated)}, Pending,
		},
		"no veto: goes on": {
			[]func(*Request){withApprovers("a", "b", "c"), withPolicy(noVeto(2))},
			[]vote{no("a", rec), yes("b", rec), yes("c", dec)}, Approved,
		},
		"no veto: out of reach": {
			[]func(*Request){withApprovers("a", "b", "c"), withPolicy(noVeto(2))},
			[]vote{no("a", rec), no("b", dec)}, Rejected,
		},
		"no veto: unnamed, as many rejects": {
			[]func(*Request){withPolicy(noVeto(2))}, []vote{no("x", rec), yes("y", rec), no("z", dec)},
			Rejected,
		},
		"the requester does not decide": {
			[]func(*Request){func(a *Request) { a.Requester = "Ann" }},
			[]vote{yes("ann", VerdictRequester), yes("bob", dec)}, Approved,
		},
		"an operator decides alone": {
			[]func(*Request){withApprovers("a", "b"), withPolicy(Policy{Kind: PolicyAll})},
			[]vote{
				yes("a", rec), {approveDecision("o", by("a"), rejecting, via(ViaOperator, "operator")), dec},
				yes("b", VerdictConflict),
			},
			Rejected,
		},
		"but not as the requester": {
			[]func(*Request){func(a *Request) { a.Requester = "ops" }},
			[]vote{{approveDecision("o", by("ops"), via(ViaOperator, "operator")), VerdictRequester}}, Pending,
		},
		"the requester has no seat": {
			[]func(*Request){
				withApprovers("ann", "b"), withPolicy(Policy{Kind: PolicyAll}),
				func(a *Request) { a.Requester = "ANN" },
			},
			[]vote{yes("ann", VerdictRequester), yes("b", dec)}, Approved,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, a := pendingOrder(t, tc.request...)
			for _, v := range tc.votes {
				requireVerdict(t, o, v.d, envAt(1), v.want)
				o = storeAndLoad(t, o)
			}
			a = o.FindApproval(a.ID)
			require.Equal(t, tc.want, a.Status)
			require.Equal(t, tc.want == Pending, a.Callback.State == CallbackNone)
		})
	}
}

// Every way in, against every minimum assurance and a list of sources.
func TestWaysIn(t *testing.T) {
	t.Parallel()
	const ok, assurance, source = VerdictDecided, VerdictAssurance, VerdictSource
	assurances := []Assurance{"", AssuranceLink, AssuranceChat, AssuranceSSO}
	table := map[Via][4]VerdictCode{
		ViaLink:     {ok, ok, assurance, assurance},
		ViaChat:     {ok, ok, ok, assurance},
		ViaSSO:      {ok, ok, ok, ok},
		ViaSNS:      {ok, ok, ok, ok},
		ViaWebhook:  {ok, ok, ok, ok},
		ViaAPI:      {ok, ok, ok, ok},
		ViaOperator: {ok, ok, ok, ok},
	}
	require.Len(t, table, len(AllVias()))
	for v, wants := range table {
		for i, want := range wants {
			o, _ := pendingOrder(t, func(a *Request) { a.MinAssurance = assurances[i] })
			requireVerdict(t, o, approveDecision("d", via(v, "erp")), envAt(1), want)
		}
		named, _ := pendingOrder(t, func(a *Request) { a.Sources = []string{"crm"} })
		want := ok
		if v == ViaSNS || v == ViaWebhook || v == ViaAPI {
			want = source
		}
		requireVerdict(t, named, approveDecision("d", via(v, "erp")), envAt(1), want)
		next := map[VerdictCode]VerdictCode{ok: VerdictRepeated, source: ok}[want]
		requireVerdict(t, named, approveDecision("e", via(v, "crm")), envAt(1), next)
	}
}

func TestOnlyASourceDecidesUnderItsName(t *testing.T) {
	t.Parallel()
	o, _ := pendingOrder(t, withApprovers("source:erp"))
	for _, who := range []string{"source:erp", " SOURCE:erp"} {
		_, _, err := o.Decide(approveDecision("d", by(who), via(ViaWebhook, "crm")), testRetention, envAt(1))
		require.True(t, IsPermanent(err), who)
		_, _, err = o.Decide(approveDecision("d", by(who), via(ViaLink, "")), testRetention, envAt(1))
		require.True(t, IsPermanent(err), who)
	}
	requireVerdict(t, o, approveDecision("d", by(""), via(ViaWebhook, "erp")), envAt(1), VerdictDecided)
}

// An invalid request or decision is refused with the name of the field, and changes nothing.
func TestInvalidFields(t *testing.T) {
	t.Parallel()
	long := string(make([]byte, 5000))
	many := func(n int) func(*Request) {
		return func(a *Request) {
			for i := range n {
				a.Approvers = append(a.Approvers, Approver{ID: fmt.Sprint(i)})
			}
		}
	}
	requests := map[string]func(*Request){
		"token":          func(a *Request) { a.Token = Token{} },
		"token ":         func(a *Request) { a.Token = NewToken(long) },
		"deadline":       func(a *Request) { a.Deadline = noTime },
		"step":           func(a *Request) { a.Step = long },
		"step ":          func(a *Request) { a.Step = "\xff" },
		"step  ":         func(a *Request) { a.Step = "a\ufffd" },
		"approvers    ":  withApprovers("ann\ufffd"),
		"workflow":       func(a *Request) { a.Workflow = long },
		"requester":      func(a *Request) { a.Requester = long },
		"execution":      func(a *Request) { a.Execution = long },
		"min_assurance":  func(a *Request) { a.MinAssurance = "SSO" },
		"approvers":      many(MaxApprovers + 1),
		"approvers ":     withApprovers(" "),
		"approvers  ":    withPolicy(Policy{Kind: PolicyAll}),
		"channels":       func(a *Request) { many(MaxApprovers)(a); a.Channels = make([]string, 7) },
		"policy":         withPolicy(Policy{Kind: "most"}),
		"policy.quorum":  withPolicy(Policy{Kind: PolicyQuorum}),
		"policy.quorum ": func(a *Request) { withApprovers("a")(a); a.Policy = Policy{Kind: PolicyQuorum, Quorum: 2} },
		"policy.quorum  ": func(a *Request) {
			withApprovers("a", "b")(a)
			a.Requester = "b"
			a.Policy = Policy{Kind: PolicyQuorum, Quorum: 2}
		},
		// without any approver left, everybody could decide, also the requester
		"approvers   ": func(a *Request) { withApprovers("ann", "Ann")(a); a.Requester = "ann" },
	}
	for field, change := range requests {
		o, _ := pendingOrder(t)
		before := marshalOrder(t, o)
		_, actions, err := o.AddRequest(newRequest("t2", change), envAt(1))
		requireField(t, field, err)
		require.Empty(t, actions)
		require.Equal(t, before, marshalOrder(t, o), field)
	}
	for field, d := range map[string]Decision{
		"decision_id":  approveDecision(""),
		"decision_id ": approveDecision("\xff"),
		"by ":          approveDecision("d", by("ann\ufffd")),
		"outcome":      {ID: "d", Outcome: "maybe", Via: ViaAPI},
		"via":          {ID: "d", Outcome: Approve},
		"by":           approveDecision("d", by(long)),
		"step":         approveDecision("d", onStep(long)),
		"approval":     approveDecision("d", onApproval(long)),
	} {
		o, _ := pendingOrder(t)
		before := marshalOrder(t, o)
		_, actions, err := o.Decide(d, testRetention, envAt(1))
		requireField(t, field, err)
		require.Empty(t, actions)
		require.Equal(t, before, marshalOrder(t, o), field)
	}
	for _, id := range []string{"", long, "\xff"} {
		_, _, err := (&Order{ID: id}).AddRequest(newRequest("t"), envAt(0))
		requireField(t, "order", err)
		_, _, err = (&Order{ID: id}).Decide(approveDecision("d"), testRetention, envAt(0))
		requireField(t, "order", err)
	}
}
