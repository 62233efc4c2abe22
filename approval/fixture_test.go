package approval

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// tb is the common part of *testing.T, *testing.B and *rapid.T.
type tb interface {
	require.TestingT
	Helper()
}

var began = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func at(d time.Duration) time.Time { return began.Add(d) }

func envAt(d time.Duration) Environment {
	return Environment{Now: at(d), Lease: time.Minute, Jitter: 0.5}
}

const (
	deadline  = 2 * time.Hour
	retention = 48 * time.Hour
)

var testRetention = UnmatchedRetention{WaitFor: time.Hour, ShowExpiredFor: time.Hour}

func newRequest(token string, change ...func(*Request)) Request {
	a := Request{
		Token:             NewToken(token),
		Target:            "sfn",
		Workflow:          "payments",
		Step:              "s",
		Policy:            Policy{Kind: PolicyAny},
		Deadline:          at(deadline),
		Retention:         retention,
		CallbackRetry:     RetrySchedule{Base: time.Second, Cap: time.Minute, MaxAge: time.Hour},
		NotificationRetry: RetrySchedule{Base: time.Second, Cap: time.Minute, MaxAge: time.Hour},
	}
	for _, f := range change {
		f(&a)
	}
	return a
}

func withApprovers(ids ...string) func(*Request) {
	return func(a *Request) {
		for _, id := range ids {
			a.Approvers = append(a.Approvers, Approver{ID: id, Nonce: "nonce-" + id})
		}
	}
}

func withPolicy(p Policy) func(*Request) { return func(a *Request) { a.Policy = p } }

// Choices of the tests.
var (
	approveChoice = Choice{ID: "approve", Means: Approve}
	rejectChoice  = Choice{ID: "reject", Means: Reject}
	returnChoice  = Choice{ID: "return", Means: Return}
	abstainChoice = Choice{ID: "abstain", Means: Abstain}
)

func withChoices(choices ...Choice) func(*Request) { return func(a *Request) { a.Choices = choices } }

func withStep(s string) func(*Request) { return func(a *Request) { a.Step = s } }

// pendingOrder returns an order with an approval that was requested at 0.
func pendingOrder(t tb, change ...func(*Request)) (*Order, *Approval) {
	t.Helper()
	o := &Order{ID: "o-1"}
	id, _, err := o.AddRequest(newRequest("t1", change...), envAt(0))
	require.NoError(t, err)
	return o, o.FindApproval(id)
}

func approveDecision(id string, change ...func(*Decision)) Decision {
	d := Decision{
		ID:      id,
		Outcome: Approve,
		By:      "ann",
		Via:     ViaSSO,
	}
	for _, f := range change {
		f(&d)
	}
	return d
}

func rejecting(d *Decision)                { d.Outcome = Reject }
func returning(d *Decision)                { d.Outcome = Return }
func abstaining(d *Decision)               { d.Outcome = Abstain }
func by(name string) func(*Decision)       { return func(d *Decision) { d.By = name } }
func onStep(s string) func(*Decision)      { return func(d *Decision) { d.Step = s } }
func onApproval(id string) func(*Decision) { return func(d *Decision) { d.ApprovalID = id } }
func via(v Via, source string) func(*Decision) {
	return func(d *Decision) { d.Via, d.Source = v, source }
}

// requireVerdict requires that a decision gets a verdict, and returns the actions that are due.
func requireVerdict(t tb, o *Order, d Decision, at Environment, want VerdictCode) []Action {
	t.Helper()
	v, actions, err := o.Decide(d, testRetention, at)
	require.NoError(t, err)
	require.Equal(t, want, v.Code)
	return actions
}

// ofKind returns the actions of a kind.
func ofKind(kind ActionKind, actions []Action) []Action {
	var out []Action
	for _, a := range actions {
		if a.Kind == kind {
			out = append(out, a)
		}
	}
	return out
}

// onlyCallback returns the only callback among the actions.
func onlyCallback(t tb, actions []Action) Action {
	t.Helper()
	calls := ofKind(ActionCallback, actions)
	require.Len(t, calls, 1)
	return calls[0]
}

func joinKinds(actions []Action) string {
	var out []string
	for _, a := range actions {
		out = append(out, string(a.Kind))
	}
	return strings.Join(out, " ")
}

// marshalOrder returns the JSON of an order.
func marshalOrder(t tb, o *Order) string {
	t.Helper()
	b, err := json.Marshal(o)
	require.NoError(t, err)
	return string(b)
}

// storeAndLoad returns the order as a store would return it, with the tokens kept beside the JSON. It requires that the
// order is complete.
func storeAndLoad(t tb, o *Order) *Order {
	t.Helper()
	before := marshalOrder(t, o)
	back := &Order{}
	require.NoError(t, json.Unmarshal([]byte(before), back))
	for _, a := range o.Approvals {
		back.FindApproval(a.ID).Token = a.Token
	}
	require.Equal(t, before, marshalOrder(t, back))
	require.True(t, o.NextDue().Equal(back.NextDue()))
	return back
}
