package approval

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A request without a policy for undeliverable approvals waits.
func TestDefaultUndeliverablePolicy(t *testing.T) {
	t.Parallel()
	_, a := pendingOrder(t)
	require.Equal(t, UndeliverableWait, a.OnUndeliverable)
}

// What of a request was not used is in its history, with the reason.
func TestReadingNotesAreInTheHistory(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, func(r *Request) {
		r.ReadingNotes = []string{"started: more than a minute before the message was sent", strings.Repeat("x", 2*maxReason)}
	})
	var notes []Event
	for _, e := range o.History {
		if e.Kind == EventReadingNote {
			notes = append(notes, e)
		}
	}
	require.Len(t, notes, 2)
	require.Equal(t, a.ID, notes[0].Approval)
	require.Equal(t, "started: more than a minute before the message was sent", notes[0].Note)
	require.LessOrEqual(t, len(notes[1].Note), maxReason+len("…"))
	addRequest(t, o, newRequest("t1", func(r *Request) { r.ReadingNotes = []string{"again"} }), envAt(time.Second))
	for _, e := range o.History {
		require.NotEqual(t, "again", e.Note, "a request that is delivered again adds nothing")
	}
}

// While a heartbeat waits for capacity, everything else that is due is known: what needs capacity if it is later than now,
// and what needs none also if it is due already.
func TestNextDueAfter(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, func(r *Request) {
		r.HeartbeatInterval = 4 * time.Minute
		r.Reminders = []time.Time{at(10 * time.Minute)}
	})
	for _, c := range []struct{ now, want time.Duration }{
		{0, 4 * time.Minute},
		{4*time.Minute - 1, 4 * time.Minute},
		{4 * time.Minute, 10 * time.Minute},
		{10 * time.Minute, 10 * time.Minute},
		{deadline, 10 * time.Minute},
	} {
		require.Equal(t, at(c.want), o.NextDueAfter(at(c.now)), c.now)
	}
	require.Equal(t, at(4*time.Minute), o.NextDue())
	require.Equal(t, Pending, a.Status)
	busy := Environment{Now: at(10 * time.Minute), Lease: time.Minute, Reserve: func(Action, Token) bool { return false }}
	o.Advance(busy)
	require.Equal(t, at(deadline), o.NextDueAfter(busy.Now), "Advance leaves only what waits for capacity")
	requireVerdict(t, o, approveDecision("d1", by("bob"), onStep("later")), busy, VerdictWaiting)
	requireVerdict(t, o, approveDecision("d2"), busy, VerdictDecided)
	require.Equal(t, busy.Now, o.NextDueAfter(busy.Now), "the waiting decision is judged again")
	busy.Now = at(deadline)
	o.Advance(busy)
	require.True(t, o.NextDueAfter(busy.Now).After(busy.Now) || o.NextDueAfter(busy.Now).IsZero())
}
