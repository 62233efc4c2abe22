package approval

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// closing is the time at which the approval of the table is closed. The events happen ten seconds later, while the
// first attempt of the callback runs.
const closing = time.Hour

// orderInStatus returns an order with an approval of token t1 in a status.
func orderInStatus(t *testing.T, s Status) (o *Order, id string, now time.Duration) {
	t.Helper()
	o, a := pendingOrder(t, func(a *Request) {
		a.HeartbeatInterval = 10 * time.Hour
		if s == Returned {
			withChoices(approveChoice, rejectChoice, returnChoice)(a)
		}
	})
	now = closing
	switch s {
	case Approved:
		requireVerdict(t, o, approveDecision("d0"), envAt(now), VerdictDecided)
	case Rejected:
		requireVerdict(t, o, approveDecision("d0", rejecting), envAt(now), VerdictDecided)
	case Returned:
		requireVerdict(t, o, approveDecision("d0", returning), envAt(now), VerdictDecided)
	case TimedOut:
		now = deadline
		o.Advance(envAt(now))
	case Cancelled:
		o.Cancel("", "ops", "no more", envAt(now))
	case Superseded:
		_, _, err := o.AddRequest(newRequest("t2"), envAt(now))
		require.NoError(t, err)
	}
	require.Equal(t, s, a.Status)
	return o, a.ID, now + 10*time.Second
}

// tableEvent is an event of the table. It returns its result and the actions.
type tableEvent func(o *Order, id string, now time.Duration) (string, []Action)

func requestEvent(token string, change ...func(*Request)) tableEvent {
	return func(o *Order, id string, now time.Duration) (string, []Action) {
		got, actions, err := o.AddRequest(newRequest(token, change...), envAt(now))
		if err != nil {
			return err.Error(), actions
		}
		if got == id {
			return "known", actions
		}
		return "new", actions
	}
}

func decisionEvent(d Decision) tableEvent {
	return func(o *Order, id string, now time.Duration) (string, []Action) {
		if d.ApprovalID != "" {
			d.ApprovalID = id
		}
		v, actions, err := o.Decide(d, testRetention, envAt(now))
		if err != nil {
			return err.Error(), actions
		}
		return string(v.Code), actions
	}
}

func advanceEvent(after time.Duration) tableEvent {
	return func(o *Order, _ string, now time.Duration) (string, []Action) {
		return "", o.Advance(envAt(now + after))
	}
}

func resultEvent(r Result) tableEvent {
	return func(o *Order, id string, now time.Duration) (string, []Action) {
		return "", o.RecordCallbackResult(Action{
			Kind:       ActionCallback,
			OrderID:    o.ID,
			ApprovalID: id,
			Attempt:    1,
		}, r, envAt(now))
	}
}

func heartbeatEvent(kind ResultKind) tableEvent {
	return func(o *Order, id string, now time.Duration) (string, []Action) {
		o.RecordHeartbeatResult(Action{
			Kind:       ActionHeartbeat,
			OrderID:    o.ID,
			ApprovalID: id,
		}, Result{Kind: kind}, envAt(now))
		return "", nil
	}
}

// The table has the effect of each event on an approval in each status. A cell is "result: status/callback → actions";
// an empty cell means no change. Every event runs twice: the second run changes nothing and starts nothing.
func TestEveryEventInEveryStatus(t *testing.T) {
	t.Parallel()
	events := []struct {
		name string
		do   tableEvent
		// in the order of AllStatuses()
		want [7]string
	}{
		{"the same request", requestEvent("t1"), [7]string{"known", "known", "known", "known", "known", "known", "known"}},
		{"a new token for the step", requestEvent("t2"), [7]string{
			// a request after its own deadline times out at once
			"new: superseded/owed → call_back", "new", "new", "new", "new → call_back", "new", "new",
		}},
		{
			"another step", requestEvent("t9", withStep("z")),
			[7]string{"new", "new", "new", "new", "new → call_back", "new", "new"},
		},
		{
			"another workflow", requestEvent("t9", func(a *Request) { a.Workflow = "other" }),
			[7]string{"new", "new", "new", "new", "new → call_back", "new", "new"},
		},
		{"approve, same ID", decisionEvent(approveDecision("d0", onApproval("x"))), [7]string{
			"decided: approved/owed → call_back", "repeated", "conflict", "conflict", "late", "late", "superseded",
		}},
		{"reject, same ID", decisionEvent(approveDecision("d0", rejecting, onApproval("x"))), [7]string{
			"decided: rejected/owed → call_back", "conflict", "repeated", "conflict", "late", "late", "superseded",
		}},
		{"approve, other ID", decisionEvent(approveDecision("d1", by("bob"), onApproval("x"))), [7]string{
			"decided: approved/owed → call_back", "repeated", "conflict", "conflict", "late", "late", "superseded",
		}},
		{"reject, other ID", decisionEvent(approveDecision("d1", by("bob"), rejecting, onApproval("x"))), [7]string{
			"decided: rejected/owed → call_back", "conflict", "repeated", "conflict", "late", "late", "superseded",
		}},
		{"return, same ID", decisionEvent(approveDecision("d0", returning, onApproval("x"))), [7]string{
			"invalid", "conflict", "conflict", "repeated", "late", "late", "superseded",
		}},
		{"approve the order", decisionEvent(approveDecision("d1")), [7]string{
			// after a supersession the new approval is decided
			"decided: approved/owed → call_back", "repeated", "conflict", "conflict", "late", "late", "decided → call_back",
		}},
		{"reject the step", decisionEvent(approveDecision("d1", rejecting, onStep("s"))), [7]string{
			"decided: rejected/owed → call_back", "conflict", "repeated", "conflict", "late", "late", "decided → call_back",
		}},
		{"decide after the deadline", func(o *Order, id string, now time.Duration) (string, []Action) {
			return decisionEvent(approveDecision("d1", onApproval("x")))(o, id, max(now, deadline))
		}, [7]string{
			"late: timed_out/owed → call_back", "repeated → call_back", "conflict → call_back", "conflict → call_back", "late",
			"late → call_back", "superseded → call_back call_back",
		}},
		{"cancel", func(o *Order, id string, now time.Duration) (string, []Action) {
			v, actions := o.Cancel(id, "ops", "no more", envAt(now))
			return string(v.Code), actions
		}, [7]string{"decided: cancelled/owed → call_back", "late", "late", "late", "late", "repeated", "late"}},
		{"time, before anything is due", advanceEvent(time.Second), [7]string{}},
		{"time, the deadline", func(o *Order, _ string, now time.Duration) (string, []Action) {
			return "", o.Advance(envAt(max(now, deadline)))
		}, [7]string{
			": timed_out/owed → call_back", " → call_back", " → call_back", " → call_back", "", " → call_back",
			" → call_back call_back",
		}},
		{
			"time, the lease ends", advanceEvent(time.Minute),
			[7]string{"", " → call_back", " → call_back", " → call_back", " → call_back", " → call_back", " → call_back"},
		},
		{"attempt ok", resultEvent(Result{Kind: ResultOK}), [7]string{
			"", ": approved/delivered", ": rejected/delivered", ": returned/delivered", ": timed_out/delivered",
			": cancelled/delivered", ": superseded/delivered",
		}},
		{"attempt closed", resultEvent(Result{Kind: ResultClosed}), [7]string{
			"", ": approved/too_late", ": rejected/too_late", ": returned/too_late", ": timed_out/too_late", ": cancelled/too_late",
			": superseded/superseded",
		}},
		{"attempt refused", resultEvent(Result{Kind: ResultRefused}), [7]string{
			"", ": approved/exhausted → dead_letter", ": rejected/exhausted → dead_letter",
			": returned/exhausted → dead_letter",
			": timed_out/exhausted → dead_letter",
			": cancelled/exhausted → dead_letter", ": superseded/exhausted → dead_letter",
		}},
		{"attempt failed, maybe applied", resultEvent(Result{Kind: ResultFailed, MaybeApplied: true}), [7]string{}},
		{"attempt failed, not applied", resultEvent(Result{Kind: ResultFailed}), [7]string{}},
		{"redrive", func(o *Order, id string, now time.Duration) (string, []Action) {
			started, actions := o.RedriveCallback(id, OperatorActor("ops", ""), 0, envAt(now))
			return fmt.Sprint(started), actions
		}, [7]string{"false", "false", "false", "false", "false", "false", "false"}},
		{"heartbeat ok", heartbeatEvent(ResultOK), [7]string{}},
		{"heartbeat closed", heartbeatEvent(ResultClosed), [7]string{": cancelled/too_late"}},
	}
	for _, e := range events {
		for i, s := range AllStatuses() {
			t.Run(e.name+" in "+string(s), func(t *testing.T) {
				t.Parallel()
				o, id, now := orderInStatus(t, s)
				was := fmt.Sprintf("%s/%s", o.FindApproval(id).Status, o.FindApproval(id).Callback.State)
				result, actions := e.do(o, id, now)
				got := result
				if is := fmt.Sprintf("%s/%s", o.FindApproval(id).Status, o.FindApproval(id).Callback.State); is != was {
					got += ": " + is
				}
				if len(actions) > 0 {
					got += " → " + joinKinds(actions)
				}
				assert.Equal(t, e.want[i], got)

				o = storeAndLoad(t, o)
				before := marshalOrder(t, o)
				_, again := e.do(o, id, now)
				assert.Empty(t, again, "started twice")
				assert.JSONEq(t, before, marshalOrder(t, o), "the second run changed the order")
			})
		}
	}
}
