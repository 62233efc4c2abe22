package approval

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func kindsOf(events []Event) []EventKind {
	var out []EventKind
	for _, e := range events {
		out = append(out, e.Kind)
	}
	return out
}

func TestRepeatedRefusalIsOneEvent(t *testing.T) {
	t.Parallel()
	o, _ := pendingOrder(t, withApprovers("ann"), byMail)
	for range 3 {
		requireVerdict(t, o, approveDecision("d1", by("eve")), envAt(1), VerdictNotApprover)
	}
	require.Len(t, o.History, 2)
	require.Len(t, o.NewEvents(), 4, "every repetition is counted")
}

// A sender may send as many decisions as it likes. They displace each other, and nothing else.
func TestRefusedDecisionsDisplaceNoOtherEvents(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, withApprovers("ann", "bob"), withPolicy(Policy{Kind: PolicyAll}))
	requireVerdict(t, o, approveDecision("v1", by("bob")), envAt(1), VerdictRecorded)
	act := onlyCallback(t, requireVerdict(t, o, approveDecision("op", via(ViaOperator, "operator"), by("mallory")),
		envAt(2), VerdictDecided))
	o.RecordCallbackResult(act, refused, envAt(3))
	started, _ := o.RedriveCallback(a.ID, OperatorActor("olga", ""), 0, envAt(4))
	require.True(t, started)
	b, _ := addRequest(t, o, newRequest("t2", withStep("z"), withApprovers("ann")), envAt(5))
	v, _ := o.Cancel(b.ID, "carl", "ordered twice", envAt(6))
	require.Equal(t, VerdictDecided, v.Code)
	other := o.countEvents(classOther)
	audit := o.countEvents(classAudit)
	for i := range 10 * maxRefusedEvents {
		requireVerdict(t, o, approveDecision(fmt.Sprint("r", i), by("eve"), onApproval(a.ID)), envAt(7), VerdictNotApprover)
		requireVerdict(t, o, approveDecision(fmt.Sprint("s", i), by("ann"), onApproval(b.ID)), envAt(7), VerdictLate)
	}
	require.Equal(t, maxRefusedEvents, o.countEvents(classRefused))
	require.Equal(t, other, o.countEvents(classOther))
	require.Equal(t, audit, o.countEvents(classAudit))
	require.True(t, o.HistoryIsFull())
	acts := map[string]EventKind{}
	for _, e := range o.History {
		if e.By != "" {
			acts[e.By] = e.Kind
		}
	}
	require.Equal(t, EventDecisionReceived, acts["mallory"])
	require.Equal(t, EventDecisionReceived, acts["bob"])
	require.Equal(t, EventRedriven, acts["olga"])
	require.Equal(t, EventCancelled, acts["carl"])
	last := o.History[len(o.History)-1]
	require.Equal(t, fmt.Sprint("s", 10*maxRefusedEvents-1), last.Note, "the newest refusals are kept")
}

func TestDeliveriesDisplaceOnlyDeliveries(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, byMail)
	requireVerdict(t, o, approveDecision("x", onApproval("?")), envAt(1), VerdictUnknown)
	for i := range 2 * maxOtherEvents {
		e := a.newEvent(EventReminded, at(2))
		e.Attempt = i
		o.recordEvent(e)
	}
	require.Equal(t, maxOtherEvents, o.countEvents(classOther))
	require.Equal(t, []EventKind{EventRequested, EventDecisionReceived, EventReminded}, kindsOf(o.History[:3]))
	require.Equal(t, 2*maxOtherEvents-1, o.History[len(o.History)-1].Attempt)
}

func TestEventsOfARemovedApprovalGoWithIt(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t)
	b, _ := addRequest(t, o, newRequest("t2", withStep("z"), func(r *Request) { r.Deadline = at(1000 * time.Hour) }), envAt(1))
	act := onlyCallback(t, requireVerdict(t, o, approveDecision("d", onApproval(a.ID)), envAt(2), VerdictDecided))
	o.RecordCallbackResult(act, ok, envAt(3))
	o.Advance(envAt(3 + retention))
	require.Nil(t, o.FindApproval(a.ID))
	require.NotEmpty(t, o.History)
	for _, e := range o.History {
		require.Equal(t, b.ID, e.Approval)
	}
}

// An order that a store has cached shares its history with the order that goes on.
func TestHistoryOfAStoredOrderStaysAsItIs(t *testing.T) {
	t.Parallel()
	o, _ := pendingOrder(t, withApprovers("ann"))
	for i := range maxRefusedEvents {
		requireVerdict(t, o, approveDecision(fmt.Sprint(i), by("eve")), envAt(1), VerdictNotApprover)
	}
	stored := o.AsStored()
	before := marshalOrder(t, stored)
	requireVerdict(t, o, approveDecision("more", by("eve")), envAt(2), VerdictNotApprover)
	require.Equal(t, before, marshalOrder(t, stored))
}

func TestClassOfEveryEvent(t *testing.T) {
	t.Parallel()
	audit := []EventKind{
		EventRequested, EventSuperseded, EventDecided, EventTimedOut, EventCancelled, EventEscalated, EventCallbackEnded, EventRedriven,
	}
	for _, kind := range audit {
		require.Equal(t, classAudit, Event{Kind: kind}.class(), kind)
	}
	for _, kind := range []EventKind{EventCallbackAttempt, EventNotified, EventReminded, EventTokenErased, EventHeartbeat} {
		require.Equal(t, classOther, Event{Kind: kind}.class(), kind)
	}
	for _, verdict := range AllVerdicts() {
		want := classRefused
		switch verdict {
		case VerdictDecided, VerdictRecorded:
			want = classAudit
		case VerdictWaiting:
			want = classOther
		default:
		}
		require.Equal(t, want, Event{Kind: EventDecisionReceived, Code: string(verdict)}.class(), verdict)
	}
}
