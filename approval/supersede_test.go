package approval

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func asked(d time.Duration) func(*Request) { return func(a *Request) { a.StateEnteredAt = at(d) } }
func sent(d time.Duration) func(*Decision) { return func(c *Decision) { c.SentAt = at(d) } }

// A queue may hand over the first try of a state after its second: the live one
// stays, whether it is pending or was answered.
func TestARequestThatWasOvertakenSupersedesNothing(t *testing.T) {
	t.Parallel()
	for _, answered := range []bool{false, true} {
		o, live := requested(t, asked(10*time.Minute), mail)
		if answered {
			decide(t, o, approve("d1"), turn(11*time.Minute), VerdictDecided)
		}
		before := live.Status
		old, actions := request(t, o, ask("t0", asked(5*time.Minute), mail), turn(12*time.Minute))
		require.Equal(t, before, live.Status)
		require.Equal(t, Superseded, old.Status)
		require.Equal(t, live.ID, old.SupersededBy)
		require.Empty(t, only(ActionNotify, actions), "nobody is asked again")
		o = stored(t, o)
		o.RecordCallbackResult(callBack(t, actions), closed, turn(13*time.Minute))
		require.Equal(t, CallbackSuperseded, o.FindApproval(old.ID).Callback.State)

		repeated, _ := request(t, o, ask("t0", asked(5*time.Minute), mail), turn(14*time.Minute))
		require.Equal(t, Superseded, repeated.Status)
		require.Equal(t, before, o.FindApproval(live.ID).Status)
	}
}

func TestWhatSupersedes(t *testing.T) {
	t.Parallel()
	never := func(*Request) {}
	for name, c := range map[string]struct {
		first, second func(*Request)
		want          Status // of the first
	}{
		"asked later":         {asked(0), asked(1), Superseded},
		"asked at once":       {asked(1), asked(1), Superseded}, // as they came
		"it is not known":     {never, never, Superseded},
		"of one it is not":    {never, asked(1), Superseded},
		"of the other":        {asked(1), never, Superseded},
		"asked earlier":       {asked(1), asked(0), Pending},
		"for another step":    {asked(1), func(a *Request) { asked(0)(a); a.Step = "z" }, Pending},
		"by another workflow": {asked(1), func(a *Request) { asked(0)(a); a.Workflow = "shipping" }, Pending},
	} {
		o, first := requested(t, c.first)
		second, _ := request(t, o, ask("t2", c.second), turn(1))
		require.Equal(t, c.want, first.Status, name)
		if name == "asked earlier" {
			require.Equal(t, Superseded, second.Status)
		} else {
			require.Equal(t, Pending, second.Status, name)
		}
	}
}

// What was sent before the state was tried again is about the first try, however
// late it comes.
func TestADecisionThatWasOvertakenIsAboutWhatItSaw(t *testing.T) {
	t.Parallel()
	early := approve("d1", sent(9*time.Minute))
	for name, c := range map[string]struct {
		end  func(o *Order, a *Approval)
		want VerdictCode
	}{
		"superseded": {func(*Order, *Approval) {}, VerdictSuperseded},
		"cancelled":  {func(o *Order, a *Approval) { o.Cancel(a.ID, "ops", "", turn(time.Minute)) }, VerdictLate},
		"rejected": {func(o *Order, _ *Approval) {
			decide(t, o, approve("d0", rejects), turn(time.Minute), VerdictDecided)
		}, VerdictConflict},
	} {
		o, first := requested(t, asked(0))
		c.end(o, first)
		live, _ := request(t, o, ask("t2", asked(10*time.Minute)), turn(10*time.Minute))
		decide(t, o, early, turn(20*time.Minute), c.want)
		require.Equal(t, Pending, live.Status, name)
		o = stored(t, o)
		decide(t, o, early, turn(21*time.Minute), c.want)
		decide(t, o, approve("d2", sent(10*time.Minute)), turn(22*time.Minute), VerdictDecided)
		require.Equal(t, Approved, o.FindApproval(live.ID).Status, name)
	}
}

// A decision that came before any request of its step is early, not overtaken.
func TestAnEarlyDecisionCountsAlthoughItWasSentBefore(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]func(*Request){
		"nothing":          nil,
		"another step":     step("z"),
		"another workflow": func(a *Request) { a.Workflow = "shipping" },
	} {
		o := &Order{ID: "o-1"}
		if first != nil {
			a, _ := request(t, o, ask("t0", asked(0), first), turn(0))
			o.Cancel(a.ID, "ops", "", turn(0))
		}
		live, _ := request(t, o, ask("t1", asked(10*time.Minute)), turn(10*time.Minute))
		decide(t, o, approve("d1", onStep("s"), sent(9*time.Minute)), turn(11*time.Minute), VerdictDecided)
		require.Equal(t, Approved, live.Status, name)
	}
	o, _ := requested(t) // when it was asked is not known
	request(t, o, ask("t2"), turn(10*time.Minute))
	decide(t, o, approve("d1", sent(9*time.Minute)), turn(11*time.Minute), VerdictDecided)
	named, first := requested(t, asked(0)) // it names which
	live, _ := request(t, named, ask("t2", asked(10*time.Minute)), turn(10*time.Minute))
	decide(t, named, approve("d1", sent(9*time.Minute), on(live.ID)), turn(11*time.Minute), VerdictDecided)
	require.Equal(t, Superseded, first.Status)
}
