package approval

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// closing is when what closes the approval of the table happens; the events
// happen ten seconds later, while the first attempt of the callback runs.
const closing = time.Hour

// inStatus returns an order whose approval of token t1 has the status.
func inStatus(t *testing.T, s Status) (o *Order, id string, now time.Duration) {
	t.Helper()
	o, a := requested(t, func(a *Request) { a.HeartbeatInterval = 10 * time.Hour })
	now = closing
	switch s {
	case Approved:
		decide(t, o, approve("d0"), turn(now), VerdictDecided)
	case Rejected:
		decide(t, o, approve("d0", rejects), turn(now), VerdictDecided)
	case TimedOut:
		now = deadline
		o.Advance(turn(now))
	case Cancelled:
		o.Cancel("", "ops", "no more", turn(now))
	case Superseded:
		_, _, err := o.AddRequest(ask("t2"), turn(now))
		require.NoError(t, err)
	}
	require.Equal(t, s, a.Status)
	return o, a.ID, now + 10*time.Second
}

// happening is one event of the table. It says what came of it.
type happening func(o *Order, id string, now time.Duration) (string, []Action)

func requesting(token string, change ...func(*Request)) happening {
	return func(o *Order, id string, now time.Duration) (string, []Action) {
		got, actions, err := o.AddRequest(ask(token, change...), turn(now))
		if err != nil {
			return err.Error(), actions
		}
		if got == id {
			return "known", actions
		}
		return "new", actions
	}
}

func deciding(d Decision) happening {
	return func(o *Order, id string, now time.Duration) (string, []Action) {
		if d.ApprovalID != "" {
			d.ApprovalID = id
		}
		v, actions, err := o.Decide(d, keep, turn(now))
		if err != nil {
			return err.Error(), actions
		}
		return string(v.Code), actions
	}
}

func advancing(after time.Duration) happening {
	return func(o *Order, _ string, now time.Duration) (string, []Action) {
		return "", o.Advance(turn(now + after))
	}
}

func attempted(r Result) happening {
	return func(o *Order, id string, now time.Duration) (string, []Action) {
		return "", o.RecordCallbackResult(Action{Kind: ActionCallback, OrderID: o.ID, ApprovalID: id, Attempt: 1}, r, turn(now))
	}
}

func beat(kind ResultKind) happening {
	return func(o *Order, id string, now time.Duration) (string, []Action) {
		o.RecordHeartbeatResult(Action{Kind: ActionHeartbeat, OrderID: o.ID, ApprovalID: id}, Result{Kind: kind}, turn(now))
		return "", nil
	}
}

// The whole table: what each event makes of an approval in each status. A cell is
// "result: status/callback → actions"; an empty one says that nothing changes.
// Every event is run twice: the second changes nothing and begins nothing.
func TestEveryEventInEveryStatus(t *testing.T) {
	t.Parallel()
	events := []struct {
		name string
		do   happening
		// in the order of Statuses()
		want [6]string
	}{
		{"the same request", requesting("t1"), [6]string{"known", "known", "known", "known", "known", "known"}},
		{"a new token for the step", requesting("t2"), [6]string{
			// one that comes after its own deadline times out at once
			"new: superseded/owed → call_back", "new", "new", "new → call_back", "new", "new",
		}},
		{"another step", requesting("t9", step("z")), [6]string{"new", "new", "new", "new → call_back", "new", "new"}},
		{"another workflow", requesting("t9", func(a *Request) { a.Workflow = "other" }), [6]string{"new", "new", "new", "new → call_back", "new", "new"}},
		{"approve, same ID", deciding(approve("d0", on("x"))), [6]string{
			"decided: approved/owed → call_back", "repeated", "conflict", "late", "late", "superseded",
		}},
		{"reject, same ID", deciding(approve("d0", rejects, on("x"))), [6]string{
			"decided: rejected/owed → call_back", "conflict", "repeated", "late", "late", "superseded",
		}},
		{"approve, other ID", deciding(approve("d1", by("bob"), on("x"))), [6]string{
			"decided: approved/owed → call_back", "repeated", "conflict", "late", "late", "superseded",
		}},
		{"reject, other ID", deciding(approve("d1", by("bob"), rejects, on("x"))), [6]string{
			"decided: rejected/owed → call_back", "conflict", "repeated", "late", "late", "superseded",
		}},
		{"approve the order", deciding(approve("d1")), [6]string{
			// of a superseded approval's order the new one is decided
			"decided: approved/owed → call_back", "repeated", "conflict", "late", "late", "decided → call_back",
		}},
		{"reject the step", deciding(approve("d1", rejects, onStep("s"))), [6]string{
			"decided: rejected/owed → call_back", "conflict", "repeated", "late", "late", "decided → call_back",
		}},
		{"decide after the deadline", func(o *Order, id string, now time.Duration) (string, []Action) {
			return deciding(approve("d1", on("x")))(o, id, max(now, deadline))
		}, [6]string{"late: timed_out/owed → call_back", "repeated → call_back", "conflict → call_back", "late", "late → call_back", "superseded → call_back call_back"}},
		{"cancel", func(o *Order, id string, now time.Duration) (string, []Action) {
			v, actions := o.Cancel(id, "ops", "no more", turn(now))
			return string(v.Code), actions
		}, [6]string{"decided: cancelled/owed → call_back", "late", "late", "late", "repeated", "late"}},
		{"time, before anything is due", advancing(time.Second), [6]string{}},
		{"time, the deadline", func(o *Order, _ string, now time.Duration) (string, []Action) {
			return "", o.Advance(turn(max(now, deadline)))
		}, [6]string{": timed_out/owed → call_back", " → call_back", " → call_back", "", " → call_back", " → call_back call_back"}},
		{"time, the lease ends", advancing(time.Minute), [6]string{"", " → call_back", " → call_back", " → call_back", " → call_back", " → call_back"}},
		{"attempt ok", attempted(Result{Kind: ResultOK}), [6]string{
			"", ": approved/delivered", ": rejected/delivered", ": timed_out/delivered", ": cancelled/delivered", ": superseded/delivered",
		}},
		{"attempt closed", attempted(Result{Kind: ResultClosed}), [6]string{
			"", ": approved/too_late", ": rejected/too_late", ": timed_out/too_late", ": cancelled/too_late", ": superseded/superseded",
		}},
		{"attempt refused", attempted(Result{Kind: ResultRefused}), [6]string{
			"", ": approved/exhausted → dead_letter", ": rejected/exhausted → dead_letter", ": timed_out/exhausted → dead_letter",
			": cancelled/exhausted → dead_letter", ": superseded/exhausted → dead_letter",
		}},
		{"attempt failed, maybe applied", attempted(Result{Kind: ResultFailed, MaybeApplied: true}), [6]string{}},
		{"attempt failed, not applied", attempted(Result{Kind: ResultFailed}), [6]string{}},
		{"redrive", func(o *Order, id string, now time.Duration) (string, []Action) {
			started, actions := o.RedriveCallback(id, "ops", 0, turn(now))
			return fmt.Sprint(started), actions
		}, [6]string{"false", "false", "false", "false", "false", "false"}},
		{"heartbeat ok", beat(ResultOK), [6]string{}},
		{"heartbeat closed", beat(ResultClosed), [6]string{": cancelled/too_late"}},
	}
	for _, e := range events {
		for i, s := range AllStatuses() {
			t.Run(e.name+" in "+string(s), func(t *testing.T) {
				t.Parallel()
				o, id, now := inStatus(t, s)
				was := fmt.Sprintf("%s/%s", o.FindApproval(id).Status, o.FindApproval(id).Callback.State)
				result, actions := e.do(o, id, now)
				got := result
				if is := fmt.Sprintf("%s/%s", o.FindApproval(id).Status, o.FindApproval(id).Callback.State); is != was {
					got += ": " + is
				}
				if len(actions) > 0 {
					got += " → " + kinds(actions)
				}
				assert.Equal(t, e.want[i], got)

				o = stored(t, o)
				before := record(t, o)
				_, again := e.do(o, id, now)
				assert.Empty(t, again, "begun twice")
				assert.JSONEq(t, before, record(t, o), "run twice is not run once")
			})
		}
	}
}
