package approval

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// tb is what *testing.T, *testing.B and *rapid.T have in common.
type tb interface {
	require.TestingT
	Helper()
}

var began = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func at(d time.Duration) time.Time { return began.Add(d) }

func turn(d time.Duration) Environment {
	return Environment{Now: at(d), Lease: time.Minute, Jitter: 0.5}
}

const (
	deadline  = 2 * time.Hour
	retention = 48 * time.Hour
)

var keep = UnmatchedRetention{WaitFor: time.Hour, ShowExpiredFor: time.Hour}

func ask(token string, change ...func(*Request)) Request {
	a := Request{
		Token: NewToken(token), Target: "sfn", Workflow: "payments", Step: "s", Policy: Policy{Kind: PolicyAny},
		Deadline: at(deadline), Retention: retention,
		CallbackRetry:     RetrySchedule{Base: time.Second, Cap: time.Minute, MaxAge: time.Hour},
		NotificationRetry: RetrySchedule{Base: time.Second, Cap: time.Minute, MaxAge: time.Hour},
	}
	for _, f := range change {
		f(&a)
	}
	return a
}

func approvers(ids ...string) func(*Request) {
	return func(a *Request) {
		for _, id := range ids {
			a.Approvers = append(a.Approvers, Approver{ID: id, Nonce: "nonce-" + id})
		}
	}
}

func policy(p Policy) func(*Request) { return func(a *Request) { a.Policy = p } }

func step(s string) func(*Request) { return func(a *Request) { a.Step = s } }

// requested returns an order with one pending approval, asked for at 0.
func requested(t tb, change ...func(*Request)) (*Order, *Approval) {
	t.Helper()
	o := &Order{ID: "o-1"}
	id, _, err := o.AddRequest(ask("t1", change...), turn(0))
	require.NoError(t, err)
	return o, o.FindApproval(id)
}

func approve(id string, change ...func(*Decision)) Decision {
	d := Decision{ID: id, Outcome: Approve, By: "ann", Via: ViaSSO}
	for _, f := range change {
		f(&d)
	}
	return d
}

func rejects(d *Decision)             { d.Outcome = Reject }
func by(name string) func(*Decision)  { return func(d *Decision) { d.By = name } }
func onStep(s string) func(*Decision) { return func(d *Decision) { d.Step = s } }
func on(id string) func(*Decision)    { return func(d *Decision) { d.ApprovalID = id } }
func via(v Via, source string) func(*Decision) {
	return func(d *Decision) { d.Via, d.Source = v, source }
}

// decide requires that the decision gets the verdict, and returns what is owed.
func decide(t tb, o *Order, d Decision, at Environment, want VerdictCode) []Action {
	t.Helper()
	v, actions, err := o.Decide(d, keep, at)
	require.NoError(t, err)
	require.Equal(t, want, v.Code)
	return actions
}

// only returns the actions of a kind.
func only(kind ActionKind, actions []Action) []Action {
	var out []Action
	for _, a := range actions {
		if a.Kind == kind {
			out = append(out, a)
		}
	}
	return out
}

// callBack returns the one call back among the actions.
func callBack(t tb, actions []Action) Action {
	t.Helper()
	calls := only(ActionCallback, actions)
	require.Len(t, calls, 1)
	return calls[0]
}

func kinds(actions []Action) string {
	var out []string
	for _, a := range actions {
		out = append(out, string(a.Kind))
	}
	return strings.Join(out, " ")
}

// record is the order's JSON.
func record(t tb, o *Order) string {
	t.Helper()
	b, err := json.Marshal(o)
	require.NoError(t, err)
	return string(b)
}

// stored returns the order as it comes back from a store, which keeps the tokens
// beside the JSON; it requires that nothing is lost on the way.
func stored(t tb, o *Order) *Order {
	t.Helper()
	before := record(t, o)
	back := &Order{}
	require.NoError(t, json.Unmarshal([]byte(before), back))
	for _, a := range o.Approvals {
		back.FindApproval(a.ID).Token = a.Token
	}
	require.Equal(t, before, record(t, back))
	require.True(t, o.NextDue().Equal(back.NextDue()))
	return back
}
