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
		return vote{approve(string(rune('a'+n)), by(who)), want}
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
		ask   []func(*Request)
		votes []vote
		want  Status
	}{
		"any: the first approves":             {nil, []vote{yes("ann", dec)}, Approved},
		"any: the first rejects":              {nil, []vote{no("ann", dec), yes("bob", VerdictConflict)}, Rejected},
		"any: of those named":                 {[]func(*Request){approvers("ann")}, []vote{yes("bob", VerdictNotApprover), yes("ann", dec)}, Approved},
		"any: whatever the case":              {[]func(*Request){approvers("Ann@x.example")}, []vote{yes(" ann@X.example ", dec)}, Approved},
		"all: one is missing":                 {[]func(*Request){approvers("a", "b"), policy(Policy{Kind: PolicyAll})}, []vote{yes("a", rec)}, Pending},
		"all":                                 {[]func(*Request){approvers("a", "b"), policy(Policy{Kind: PolicyAll})}, []vote{yes("a", rec), yes("b", dec)}, Approved},
		"all: a veto":                         {[]func(*Request){approvers("a", "b"), policy(Policy{Kind: PolicyAll})}, []vote{yes("a", rec), no("b", dec)}, Rejected},
		"all: nobody fills two places":        {[]func(*Request){approvers("a", "b"), policy(Policy{Kind: PolicyAll})}, []vote{yes("a", rec), yes("A ", VerdictRepeated)}, Pending},
		"all: a name given twice counts once": {[]func(*Request){approvers("a", "A", "b"), policy(Policy{Kind: PolicyAll})}, []vote{yes("a", rec), yes("b", dec)}, Approved},
		"all: nobody changes their mind":      {[]func(*Request){approvers("a", "b"), policy(Policy{Kind: PolicyAll})}, []vote{yes("a", rec), no("a", VerdictConflict)}, Pending},
		"quorum":                              {[]func(*Request){approvers("a", "b", "c"), policy(quorum(2))}, []vote{yes("c", rec), yes("a", dec)}, Approved},
		"quorum: a veto":                      {[]func(*Request){approvers("a", "b", "c"), policy(quorum(2))}, []vote{yes("c", rec), no("a", dec)}, Rejected},
		"quorum: unnamed approvers":           {[]func(*Request){policy(quorum(2))}, []vote{yes("x", rec), yes("y", dec)}, Approved},
		"quorum: nobody known counts once":    {[]func(*Request){policy(quorum(2))}, []vote{yes("", rec), yes("", VerdictRepeated)}, Pending},
		"no veto: goes on":                    {[]func(*Request){approvers("a", "b", "c"), policy(noVeto(2))}, []vote{no("a", rec), yes("b", rec), yes("c", dec)}, Approved},
		"no veto: out of reach":               {[]func(*Request){approvers("a", "b", "c"), policy(noVeto(2))}, []vote{no("a", rec), no("b", dec)}, Rejected},
		"no veto: unnamed, as many rejects":   {[]func(*Request){policy(noVeto(2))}, []vote{no("x", rec), yes("y", rec), no("z", dec)}, Rejected},
		"the requester does not decide":       {[]func(*Request){func(a *Request) { a.Requester = "Ann" }}, []vote{yes("ann", VerdictRequester), yes("bob", dec)}, Approved},
		"an operator decides for all": {
			[]func(*Request){approvers("a", "b"), policy(Policy{Kind: PolicyAll})},
			[]vote{yes("a", rec), {approve("o", by("a"), rejects, via(ViaOperator, "operator")), dec}, yes("b", VerdictConflict)}, Rejected,
		},
		"but not for themselves": {
			[]func(*Request){func(a *Request) { a.Requester = "ops" }},
			[]vote{{approve("o", by("ops"), via(ViaOperator, "operator")), VerdictRequester}}, Pending,
		},
		"nor fills a place": {
			[]func(*Request){approvers("ann", "b"), policy(Policy{Kind: PolicyAll}), func(a *Request) { a.Requester = "ANN" }},
			[]vote{yes("ann", VerdictRequester), yes("b", dec)}, Approved,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, a := requested(t, tc.ask...)
			for _, v := range tc.votes {
				decide(t, o, v.d, turn(1), v.want)
				o = stored(t, o)
			}
			a = o.FindApproval(a.ID)
			require.Equal(t, tc.want, a.Status)
			require.Equal(t, tc.want == Pending, a.Callback.State == CallbackNone)
		})
	}
}

// Who may decide by which way: every way in, against every assurance.
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
			o, _ := requested(t, func(a *Request) { a.MinAssurance = assurances[i] })
			decide(t, o, approve("d", via(v, "erp")), turn(1), want)
		}
		named, _ := requested(t, func(a *Request) { a.Sources = []string{"crm"} })
		want := ok
		if v == ViaSNS || v == ViaWebhook || v == ViaAPI {
			want = source
		}
		decide(t, named, approve("d", via(v, "erp")), turn(1), want)
		decide(t, named, approve("e", via(v, "crm")), turn(1), map[VerdictCode]VerdictCode{ok: VerdictRepeated, source: ok}[want])
	}
}

func TestASourceDecidesAsItself(t *testing.T) {
	t.Parallel()
	o, _ := requested(t, approvers("source:erp"))
	for _, who := range []string{"source:erp", " SOURCE:erp"} {
		_, _, err := o.Decide(approve("d", by(who), via(ViaWebhook, "crm")), keep, turn(1))
		require.True(t, IsPermanent(err), who)
		_, _, err = o.Decide(approve("d", by(who), via(ViaLink, "")), keep, turn(1))
		require.True(t, IsPermanent(err), who)
	}
	decide(t, o, approve("d", by(""), via(ViaWebhook, "erp")), turn(1), VerdictDecided)
}

// What cannot be taken is refused with its field, and changes nothing.
func TestWhatCannotBeTaken(t *testing.T) {
	t.Parallel()
	long := string(make([]byte, 5000))
	many := func(n int) func(*Request) {
		return func(a *Request) {
			for i := range n {
				a.Approvers = append(a.Approvers, Approver{ID: fmt.Sprint(i)})
			}
		}
	}
	asks := map[string]func(*Request){
		"token":          func(a *Request) { a.Token = Token{} },
		"token ":         func(a *Request) { a.Token = NewToken(long) },
		"deadline":       func(a *Request) { a.Deadline = noTime },
		"title":          func(a *Request) { a.Title = long },
		"step":           func(a *Request) { a.Step = long },
		"step ":          func(a *Request) { a.Step = "\xff" },
		"workflow":       func(a *Request) { a.Workflow = long },
		"requester":      func(a *Request) { a.Requester = long },
		"execution":      func(a *Request) { a.Execution = long },
		"details":        func(a *Request) { a.Details = []Field{{"x", long}} },
		"details ":       func(a *Request) { a.Details = make([]Field, 51) },
		"min_assurance":  func(a *Request) { a.MinAssurance = "SSO" },
		"approvers":      many(MaxApprovers + 1),
		"approvers ":     approvers(" "),
		"approvers  ":    policy(Policy{Kind: PolicyAll}),
		"channels":       func(a *Request) { many(MaxApprovers)(a); a.Channels = make([]string, 7) },
		"policy":         policy(Policy{Kind: "most"}),
		"policy.quorum":  policy(Policy{Kind: PolicyQuorum}),
		"policy.quorum ": func(a *Request) { approvers("a")(a); a.Policy = Policy{Kind: PolicyQuorum, Quorum: 2} },
		"policy.quorum  ": func(a *Request) {
			approvers("a", "b")(a)
			a.Requester = "b"
			a.Policy = Policy{Kind: PolicyQuorum, Quorum: 2}
		},
		// with no approvers left everybody could decide, the requester by a link too
		"approvers   ": func(a *Request) { approvers("ann", "Ann")(a); a.Requester = "ann" },
	}
	for field, change := range asks {
		o, _ := requested(t)
		before := record(t, o)
		_, actions, err := o.AddRequest(ask("t2", change), turn(1))
		requireField(t, field, err)
		require.Empty(t, actions)
		require.Equal(t, before, record(t, o), field)
	}
	for field, d := range map[string]Decision{
		"decision_id":  approve(""),
		"decision_id ": approve("\xff"),
		"outcome":      {ID: "d", Outcome: "maybe", Via: ViaAPI},
		"via":          {ID: "d", Outcome: Approve},
		"comment":      approve("d", func(d *Decision) { d.Comment = long }),
		"by":           approve("d", by(long)),
		"step":         approve("d", onStep(long)),
		"approval":     approve("d", on(long)),
	} {
		o, _ := requested(t)
		before := record(t, o)
		_, actions, err := o.Decide(d, keep, turn(1))
		requireField(t, field, err)
		require.Empty(t, actions)
		require.Equal(t, before, record(t, o), field)
	}
	for _, id := range []string{"", long, "\xff"} {
		_, _, err := (&Order{ID: id}).AddRequest(ask("t"), turn(0))
		requireField(t, "order", err)
		_, _, err = (&Order{ID: id}).Decide(approve("d"), keep, turn(0))
		requireField(t, "order", err)
	}
}
