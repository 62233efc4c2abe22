package approval

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func withChannel(r *Request) { r.Channels = []string{"mail"} }

func operatorAct(id string) Act {
	return Act{ID: id, Actor: OperatorActor("ops", "carol"), Reason: "because"}
}

func requireFault(t tb, err error, field string) {
	t.Helper()
	var fault *FieldError
	require.ErrorAs(t, err, &fault)
	require.Equal(t, field, fault.Field, fault.Reason)
	require.True(t, IsPermanent(err))
}

func requireAct(t tb, v Verdict, err error, want VerdictCode) {
	t.Helper()
	require.NoError(t, err)
	require.Equal(t, want, v.Code)
}

// recipients lists the approvers of the notifications that wait, with their kind.
func recipients(a *Approval) []string {
	var out []string
	for _, n := range a.Notifications {
		if n.State == NotificationPending {
			out = append(out, string(n.Kind)+" "+n.Approver)
		}
	}
	return out
}

func markSent(a *Approval) {
	for _, n := range a.Notifications {
		n.State = NotificationSent
		n.AttemptRunning = false
	}
	a.FirstNotifiedAt = a.RequestedAt
}

func approverIDs(a *Approval) []string { return idsOf(a.Approvers) }

// acts are all acts of operators, as transitions on a pending approval of ann and bob.
func acts() map[ActKind]func(*Order, Act, Environment) (Verdict, []Action, error) {
	return map[ActKind]func(*Order, Act, Environment) (Verdict, []Action, error){
		ActRemind: func(o *Order, act Act, env Environment) (Verdict, []Action, error) {
			return o.Remind(act, "", env)
		},
		ActAdd: func(o *Order, act Act, env Environment) (Verdict, []Action, error) {
			return o.AddApprovers(act, []Approver{{ID: "dora", Nonce: "n-dora"}}, env)
		},
		ActReplace: func(o *Order, act Act, env Environment) (Verdict, []Action, error) {
			return o.ReplaceApprover(act, "ann", []Approver{{ID: "emil", Nonce: "n-emil"}}, env)
		},
		ActExtend: func(o *Order, act Act, env Environment) (Verdict, []Action, error) {
			return o.ExtendDeadline(act, Extension{By: time.Hour}, env)
		},
	}
}

// An act has its effect once, is recorded under its maker, and never acts on a closed or unknown approval.
func TestActsOfOperators(t *testing.T) {
	t.Parallel()
	for kind, act := range acts() {
		t.Run(string(kind), func(t *testing.T) {
			o, a := pendingOrder(t, withApprovers("ann", "bob"), withChannel)
			markSent(a)
			v, _, err := act(o, operatorAct("1"), envAt(time.Minute))
			requireAct(t, v, err, VerdictRecorded)
			recorded := eventsOf(o, EventAct)
			require.Len(t, recorded, 1)
			require.Equal(t, string(kind), recorded[0].Code)
			require.Equal(t, "ops", recorded[0].By)
			require.Equal(t, "operator:ops", recorded[0].Principal)
			require.Equal(t, "carol", recorded[0].Claimed)
			require.Equal(t, "because", recorded[0].Note)
			require.Equal(t, classAudit, recorded[0].class())

			back := storeAndLoad(t, o)
			before := marshalOrder(t, back)
			v, _, err = act(back, operatorAct("1"), envAt(time.Minute))
			requireAct(t, v, err, VerdictRepeated)
			require.Equal(t, before, marshalOrder(t, back), "the second time changes nothing")
			other := operatorAct("1")
			other.Reason = "another"
			v, _, err = act(back, other, envAt(time.Minute))
			requireAct(t, v, err, VerdictConflict)

			for field, wrong := range map[string]func(*Act){
				"id":     func(act *Act) { act.ID = "" },
				"reason": func(act *Act) { act.Reason = "" },
				"by":     func(act *Act) { act.Actor.Claimed = strings.Repeat("x", 2000) },
			} {
				faulty := operatorAct("2")
				wrong(&faulty)
				_, _, err := act(o, faulty, envAt(time.Minute))
				requireFault(t, err, field)
			}
			long := operatorAct("2")
			long.Reason = strings.Repeat("é", MaxActReason+1)
			_, _, err = act(o, long, envAt(time.Minute))
			requireFault(t, err, "reason")

			unknown := operatorAct("3")
			unknown.ApprovalID = "other"
			v, _, err = act(o, unknown, envAt(time.Minute))
			requireAct(t, v, err, VerdictUnknown)

			late := operatorAct("4")
			v, _, err = act(o, late, envAt(10*time.Hour))
			requireAct(t, v, err, VerdictLate)
			require.Equal(t, TimedOut, v.Status)

			empty := &Order{ID: "o-2"}
			v, _, err = act(empty, operatorAct("1"), envAt(0))
			requireAct(t, v, err, VerdictUnknown)
			require.True(t, empty.IsEmpty())
		})
	}
}

func eventsOf(o *Order, kind EventKind) []Event {
	var out []Event
	for _, e := range o.History {
		if e.Kind == kind {
			out = append(out, e)
		}
	}
	return out
}

// Of several pending approvals, an act names one.
func TestActOnOneOfSeveral(t *testing.T) {
	t.Parallel()
	o, _ := pendingOrder(t, withApprovers("ann"), withChannel)
	_, _, err := o.AddRequest(newRequest("t2", withStep("other"), withApprovers("ann"), withChannel), envAt(0))
	require.NoError(t, err)
	v, _, err := o.ExtendDeadline(operatorAct("1"), Extension{By: time.Hour}, envAt(0))
	requireAct(t, v, err, VerdictAmbiguous)
	require.Len(t, v.Candidates, 2)
	act := operatorAct("1")
	act.Step = "other"
	v, _, err = o.ExtendDeadline(act, Extension{By: time.Hour}, envAt(0))
	requireAct(t, v, err, VerdictRecorded)
	require.Equal(t, at(deadline), o.Approvals[0].Deadline)
	require.Equal(t, at(deadline+time.Hour), o.Approvals[1].Deadline)
}

// Acts are bounded, and the bound leaves the approval decidable.
func TestActsAreBounded(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, withApprovers("ann"), withChannel)
	for i := range MaxActs {
		v, _, err := o.Remind(operatorAct(fmt.Sprint(i)), "", envAt(0))
		requireAct(t, v, err, VerdictRecorded)
		markSent(a)
	}
	_, _, err := o.Remind(operatorAct("more"), "", envAt(0))
	requireFault(t, err, "approval")
	requireVerdict(t, o, approveDecision("1"), envAt(0), VerdictDecided)
}

func TestRemind(t *testing.T) {
	t.Parallel()
	quorum := withPolicy(Policy{Kind: PolicyQuorum, Quorum: 2})
	o, a := pendingOrder(t, withApprovers("ann", "bob", "carol"), withChannel, quorum, func(r *Request) {
		r.Reminders = []time.Time{at(time.Hour)}
	})
	markSent(a)
	requireVerdict(t, o, approveDecision("1"), envAt(0), VerdictRecorded)
	v, actions, err := o.Remind(operatorAct("1"), "", envAt(time.Minute))
	requireAct(t, v, err, VerdictRecorded)
	require.Equal(t, []string{"reminder bob", "reminder carol"}, recipients(a))
	require.Len(t, ofKind(ActionNotify, actions), 2)
	require.Equal(t, []string{"bob", "carol"}, a.AskedBy("1"))
	markSent(a)

	v, _, err = o.Remind(operatorAct("2"), " BOB", envAt(time.Minute))
	requireAct(t, v, err, VerdictRecorded)
	require.Equal(t, []string{"reminder bob"}, recipients(a))
	_, _, err = o.Remind(operatorAct("3"), "ann", envAt(time.Minute))
	requireFault(t, err, "approver")
	_, _, err = o.Remind(operatorAct("3"), "stranger", envAt(time.Minute))
	requireFault(t, err, "approver")

	markSent(a)
	o.Advance(envAt(time.Hour))
	require.Equal(t, []string{"reminder bob", "reminder carol"}, recipients(a), "the schedule stays")

	silent, _ := pendingOrder(t, withApprovers("ann"))
	_, _, err = silent.Remind(operatorAct("1"), "", envAt(0))
	requireFault(t, err, "approval")

	unnamed, b := pendingOrder(t, withChannel)
	markSent(b)
	v, _, err = unnamed.Remind(operatorAct("1"), "", envAt(0))
	requireAct(t, v, err, VerdictRecorded)
	require.Equal(t, []string{"reminder "}, recipients(b))
}

func TestAddApprovers(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, withApprovers("ann"), withChannel, withPolicy(Policy{Kind: PolicyAll}), func(r *Request) {
		r.Requester = "rita"
	})
	markSent(a)
	added := []Approver{
		{ID: "dora", Nonce: "1", Channels: []string{"slack"}},
		{ID: "RITA", Nonce: "2"},
		{ID: "Ann", Nonce: "3"},
		{ID: "dora ", Nonce: "4"},
	}
	v, _, err := o.AddApprovers(operatorAct("1"), added, envAt(0))
	requireAct(t, v, err, VerdictRecorded)
	require.Equal(t, []string{"ann", "dora"}, approverIDs(a))
	require.Equal(t, []string{"request dora"}, recipients(a))
	require.Equal(t, "slack", a.Notifications[len(a.Notifications)-1].Channel)
	_, _, err = o.AddApprovers(operatorAct("2"), []Approver{{ID: "rita"}}, envAt(0))
	requireFault(t, err, "approvers")

	requireVerdict(t, o, approveDecision("1"), envAt(0), VerdictRecorded)
	requireVerdict(t, o, approveDecision("2", by("dora")), envAt(0), VerdictDecided)

	unnamed, _ := pendingOrder(t, withChannel)
	_, _, err = unnamed.AddApprovers(operatorAct("1"), []Approver{{ID: "dora"}}, envAt(0))
	requireFault(t, err, "approvers") // a named approver would exclude everybody else
	many, _ := pendingOrder(t, withApprovers("ann"), withChannel)
	var crowd []Approver
	for i := range MaxApprovers {
		crowd = append(crowd, Approver{ID: fmt.Sprint("p", i)})
	}
	_, _, err = many.AddApprovers(operatorAct("1"), crowd, envAt(0))
	requireFault(t, err, "approvers")
}

func TestReplaceApprover(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, withApprovers("ann", "bob"), withChannel, withPolicy(Policy{Kind: PolicyAll}), func(r *Request) {
		r.Requester = "rita"
		r.Approvers = append(r.Approvers, Approver{ID: "sub", Nonce: "s", SubstituteFor: "ann"})
	})
	old := o.LinkCapability(a, "ann")
	filledIn := o.LinkCapability(a, "sub")
	markSent(a)
	emil := []Approver{{ID: "emil", Nonce: "e"}, {ID: "fay", Nonce: "f", SubstituteFor: "emil"}}
	for _, c := range []struct {
		from  string
		to    []Approver
		field string
	}{
		{"stranger", emil, "from"},
		{"ann", nil, "to"},
		{"ann", []Approver{{ID: "Rita"}}, "to"},
		{"ann", []Approver{{ID: "BOB"}}, "to"},
		{"ann", []Approver{{ID: "ann"}}, "to"},
	} {
		_, _, err := o.ReplaceApprover(operatorAct("x"), c.from, c.to, envAt(0))
		requireFault(t, err, c.field)
	}
	v, _, err := o.ReplaceApprover(operatorAct("1"), "Ann", emil, envAt(0))
	requireAct(t, v, err, VerdictRecorded)
	require.Equal(t, []string{"bob", "emil", "fay"}, approverIDs(a))
	require.Equal(t, 2, countSeats(a.Approvers, true), "the number of seats stays")
	require.Equal(t, []string{"request emil", "request fay"}, recipients(a))
	require.False(t, a.AcceptsCapability(old, at(0)), "the link of the replaced approver has ended")
	require.False(t, a.AcceptsCapability(filledIn, at(0)))
	require.True(t, a.AcceptsCapability(o.LinkCapability(a, "emil"), at(0)))
	requireVerdict(t, o, approveDecision("1"), envAt(0), VerdictNotApprover)
	requireVerdict(t, o, approveDecision("2", by("bob")), envAt(0), VerdictRecorded)
	_, _, err = o.ReplaceApprover(operatorAct("2"), "bob", []Approver{{ID: "gus"}}, envAt(0))
	requireFault(t, err, "from") // has voted
	requireVerdict(t, o, approveDecision("3", by("fay")), envAt(0), VerdictDecided)
	require.Equal(t, Approved, a.Status)
}

// A replacement never puts a quorum out of reach.
func TestReplaceApproverKeepsTheQuorum(t *testing.T) {
	t.Parallel()
	policy := withPolicy(Policy{Kind: PolicyQuorum, Quorum: 2, VetoDisabled: true})
	o, a := pendingOrder(t, withApprovers("ann", "bob"), withChannel, policy, func(r *Request) {
		r.Escalations = []Escalation{{At: at(time.Hour), Approvers: []Approver{{ID: "emil"}}}}
	})
	requireVerdict(t, o, approveDecision("1", rejecting), envAt(0), VerdictRecorded)
	_, _, err := o.ReplaceApprover(operatorAct("1"), "bob", []Approver{{ID: "emil"}}, envAt(0))
	requireFault(t, err, "to")
	v, _, err := o.ReplaceApprover(operatorAct("1"), "bob", []Approver{{ID: "gus"}}, envAt(0))
	requireAct(t, v, err, VerdictRecorded)
	require.Equal(t, Pending, a.Status)
}

func TestExtendDeadline(t *testing.T) {
	t.Parallel()
	expires := func(r *Request) { r.TaskExpires = at(50 * time.Hour) }
	o, a := pendingOrder(t, withApprovers("ann"), withChannel, expires, func(r *Request) {
		r.Reminders = []time.Time{at(time.Hour)}
	})
	early := o.LinkCapability(a, "ann")
	margin := func(*Approval) time.Duration { return time.Hour }
	for _, wrong := range []Extension{
		{Until: at(deadline)},
		{Until: at(time.Minute)},
		{By: -time.Minute},
		{},
		{Until: at(49*time.Hour + time.Second), MarginOf: margin},
		{Until: at(50*time.Hour + time.Second)},
	} {
		_, _, err := o.ExtendDeadline(operatorAct("1"), wrong, envAt(0))
		requireFault(t, err, "deadline")
	}
	v, _, err := o.ExtendDeadline(operatorAct("1"), Extension{Until: at(49 * time.Hour), MarginOf: margin}, envAt(0))
	requireAct(t, v, err, VerdictRecorded)
	require.Equal(t, at(49*time.Hour), a.Deadline)
	require.Equal(t, at(49*time.Hour), eventsOf(o, EventAct)[0].Until)
	require.Equal(t, []time.Time{at(time.Hour)}, a.Reminders, "reminders stay")

	o.Advance(envAt(48 * time.Hour))
	require.Equal(t, Pending, a.Status)
	require.True(t, a.AcceptsCapability(early, at(48*time.Hour)), "a link that was sent before is valid")
	require.False(t, a.AcceptsCapability(early, at(73*time.Hour)), "and no longer than others")
	o.Advance(envAt(49 * time.Hour))
	require.Equal(t, TimedOut, a.Status)

	open, b := pendingOrder(t, withApprovers("ann"))
	_, _, err = open.ExtendDeadline(operatorAct("1"), Extension{Until: at(maxWait + time.Second)}, envAt(0))
	requireFault(t, err, "deadline")
	v, _, err = open.ExtendDeadline(operatorAct("1"), Extension{Until: at(maxWait)}, envAt(0))
	requireAct(t, v, err, VerdictRecorded)
	require.Equal(t, at(maxWait), b.Deadline)
}
