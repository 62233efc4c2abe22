package approval

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// posted is a message that can be edited.
var posted = Result{Kind: ResultOK, Receipt: "C1/17.5"}

// told lists the notifications as "kind channel>approver state".
func told(a *Approval) string {
	var out []string
	for _, n := range a.Notifications {
		kind := string(n.Kind)
		if n.Event != "" {
			kind = n.Event
		}
		out = append(out, kind+" "+n.Channel+">"+n.Approver+" "+string(n.State))
	}
	return strings.Join(out, "; ")
}

func channels(names ...string) func(*Request) { return func(a *Request) { a.Channels = names } }

func escalations(es ...Escalation) func(*Request) { return func(a *Request) { a.Escalations = es } }

func boss(after time.Duration) Escalation {
	return Escalation{At: at(after), Approvers: []Approver{{ID: "boss", Nonce: "nonce-boss"}}}
}

// fail ends the actions to notify, for good.
func fail(t tb, o *Order, actions []Action, now time.Duration) []Action {
	t.Helper()
	var more []Action
	for _, act := range only(ActionNotify, actions) {
		more = append(more, o.RecordNotificationResult(act, refused, turn(now))...)
	}
	return more
}

func TestEscalationAddsApprovers(t *testing.T) {
	t.Parallel()
	o, a := requested(t, approvers("ann", "bob"), channels("mail"), escalations(boss(time.Hour)))
	require.Empty(t, o.LinkCapability(a, "boss").Nonce, "not yet")
	decide(t, o, approve("early", by("boss")), turn(time.Minute), VerdictNotApprover)
	require.True(t, o.NextDue().Before(at(time.Hour+1)))

	actions := o.Advance(turn(time.Hour))
	require.Equal(t, "notify", kinds(only(ActionNotify, actions)[:1]))
	require.Contains(t, told(a), "escalation mail>boss owed")
	require.NotContains(t, told(a), "escalation mail>ann")
	require.True(t, a.AcceptsCapability(o.LinkCapability(a, "boss"), at(time.Hour)))
	require.True(t, a.AcceptsCapability(o.LinkCapability(a, "ann"), at(time.Hour)), "their links go on")
	require.Empty(t, only(ActionNotify, o.Advance(turn(time.Hour))), "once")
	decide(t, o, approve("d", by("boss")), turn(time.Hour+1), VerdictDecided)
}

func TestEscalationIsForThoseThatWait(t *testing.T) {
	t.Parallel()
	o, a := requested(t, approvers("ann"), channels("mail"), escalations(boss(time.Hour)))
	decide(t, o, approve("d"), turn(1), VerdictDecided)
	o.Advance(turn(time.Hour))
	require.Zero(t, a.EscalationsDone)
	require.Len(t, a.Approvers, 1)
}

func TestEscalationToThoseWhoAreThereOrAsked(t *testing.T) {
	t.Parallel()
	o, a := requested(t, approvers("ann"), channels("mail"), func(a *Request) {
		a.Requester = "grace"
		a.Escalations = []Escalation{{At: at(time.Hour), Approvers: []Approver{{ID: "ANN", Nonce: "x"}, {ID: "grace", Nonce: "y"}}}}
	})
	o.Advance(turn(time.Hour))
	require.Equal(t, 1, a.EscalationsDone)
	require.Len(t, a.Approvers, 1)
	require.NotContains(t, told(a), "escalation")
}

func TestEscalationWhereNobodyIsNamedTellsOnly(t *testing.T) {
	t.Parallel()
	o, a := requested(t, channels("mail"), escalations(boss(time.Hour)))
	o.Advance(turn(time.Hour))
	require.Empty(t, a.Approvers, "else only they could decide from now on")
	require.Contains(t, told(a), "escalation mail>boss owed")
	require.True(t, a.AcceptsCapability(o.LinkCapability(a, "boss"), at(time.Hour)))
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	cover := Approver{ID: "cover", SubstituteFor: "ann"}
	chief := Approver{ID: "boss", Escalated: true}
	ann, bob := Approver{ID: "ann"}, Approver{ID: "bob"}
	all, two, lenient := Policy{Kind: PolicyAll}, Policy{Kind: PolicyQuorum, Quorum: 2}, Policy{Kind: PolicyQuorum, Quorum: 2, VetoDisabled: true}
	cases := []struct {
		name      string
		policy    Policy
		approvers []Approver
		votes     string // +ann approves, -ann rejects
		want      Status
	}{
		{"a cover fills a place of all", all, []Approver{ann, bob, cover}, "+bob +cover", Approved},
		{"and with whom they cover for it is one", all, []Approver{ann, bob, cover}, "+ann +cover", Pending},
		{"in a quorum too", two, []Approver{ann, bob, cover}, "+ann +cover", Pending},
		{"two disagree about one place", lenient, []Approver{ann, bob, {ID: "eve"}, cover}, "+ann -cover", Pending},
		{"and it is no approval", lenient, []Approver{ann, bob, {ID: "eve"}, cover}, "+ann -cover +bob", Pending},
		{"it can no longer be reached", lenient, []Approver{ann, bob, cover}, "-cover", Rejected},
		{"one who was escalated to approves for the rest", all, []Approver{ann, bob, chief}, "+ann +boss", Approved},
		{"and alone", all, []Approver{ann, bob, chief}, "+boss", Approved},
		{"but not over a reject", all, []Approver{ann, bob, chief}, "-ann", Rejected},
		{"the first ones still can", all, []Approver{ann, bob, chief}, "+ann +bob", Approved},
		{"one more for a quorum", two, []Approver{ann, bob, chief}, "+ann +boss", Approved},
		{"not the whole of it", two, []Approver{ann, bob, chief}, "+boss", Pending},
	}
	for _, tc := range cases {
		var votes []Vote
		for v := range strings.FieldsSeq(tc.votes) {
			outcome := Approve
			if v[0] == '-' {
				outcome = Reject
			}
			votes = append(votes, Vote{By: strings.ToUpper(v[1:]), Outcome: outcome})
		}
		require.Equal(t, tc.want, tc.policy.evaluateVotes(votes, tc.approvers), tc.name)
	}
}

// A quorum without veto is out of reach when those that are still to be asked
// cannot reach it either.
func TestARejectDoesNotForestallAnEscalation(t *testing.T) {
	t.Parallel()
	two := policy(Policy{Kind: PolicyQuorum, Quorum: 2, VetoDisabled: true})
	for name, c := range map[string]struct {
		escalation Escalation
		want       VerdictCode
	}{
		"to another":         {boss(time.Hour), VerdictRecorded},
		"after the deadline": {boss(deadline), VerdictDecided},
		"to one of them":     {Escalation{At: at(time.Hour), Approvers: []Approver{{ID: "Bob", Nonce: "b"}}}, VerdictDecided},
		"to the requester":   {Escalation{At: at(time.Hour), Approvers: []Approver{{ID: "eve", Nonce: "e"}}}, VerdictDecided},
	} {
		o, a := requested(t, approvers("ann", "bob"), two, escalations(c.escalation), func(a *Request) { a.Requester = "eve" })
		decide(t, o, approve("d1", rejects), turn(time.Minute), c.want)
		if c.want == VerdictDecided {
			require.Equal(t, Rejected, a.Status, name)
			continue
		}
		o.Advance(turn(time.Hour))
		decide(t, o, approve("d2", by("bob")), turn(time.Hour+1), VerdictRecorded)
		decide(t, o, approve("d3", by("boss")), turn(time.Hour+2), VerdictDecided)
		require.Equal(t, Approved, a.Status, name)
	}
	o, a := requested(t, approvers("ann", "bob"), policy(Policy{Kind: PolicyAll}), escalations(boss(time.Hour)))
	decide(t, o, approve("d1"), turn(time.Minute), VerdictRecorded)
	decide(t, o, approve("d2", by("bob")), turn(time.Minute), VerdictDecided)
	require.Equal(t, Approved, a.Status, "all of those who were asked")
}

func TestWhoHasACoverThatVotedIsNotReminded(t *testing.T) {
	t.Parallel()
	o, a := requested(t, channels("mail"), policy(Policy{Kind: PolicyAll}), func(a *Request) {
		a.Approvers = []Approver{{ID: "ann", Nonce: "1"}, {ID: "bob", Nonce: "2"}, {ID: "cover", Nonce: "3", SubstituteFor: "ann"}}
		a.Reminders = []time.Time{at(time.Hour)}
	})
	decide(t, o, approve("d", by("cover")), turn(1), VerdictRecorded)
	o.Advance(turn(time.Hour))
	require.Contains(t, told(a), "reminder mail>bob")
	require.NotContains(t, told(a), "reminder mail>ann")
	require.NotContains(t, told(a), "reminder mail>cover")
}

func TestFallback(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	a, actions := request(t, o, ask("t1", approvers("ann"), channels("mail", "chat"), func(a *Request) { a.FallbackChannels = []string{"chat", "sms", "pager"} }), turn(0))
	more := fail(t, o, actions[:1], 1)
	require.Equal(t, "dead_letter notify", kinds(more))
	require.Equal(t, "request mail>ann exhausted; request chat>ann owed; request sms>ann owed", told(a), "chat is under way already")
	more = fail(t, o, more, 2)
	require.Contains(t, told(a), "sms>ann exhausted; request pager>ann owed")
	fail(t, o, more, 3)
	require.False(t, a.Undeliverable, "chat may still come through")
	fail(t, o, actions[1:], 4)
	require.True(t, a.Undeliverable)
	require.Len(t, a.Notifications, 4, "there are no more")
}

func TestApproversHaveTheirOwnChannels(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	a, actions := request(t, o, ask("t1", channels("mail"), func(a *Request) {
		a.Approvers = []Approver{{ID: "ann", Nonce: "1", Channels: []string{"chat"}, FallbackChannels: []string{"sms"}}, {ID: "bob", Nonce: "2"}}
		a.FallbackChannels = []string{"pager"}
	}), turn(0))
	require.Equal(t, "request chat>ann owed; request mail>bob owed", told(a))
	fail(t, o, actions, 1)
	require.Contains(t, told(a), "request sms>ann owed; request pager>bob owed")
}

func TestARoomIsToldOnce(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	a, actions := request(t, o, ask("t1", approvers("ann", "bob"), channels("room"), func(a *Request) {
		a.GroupChannels, a.FallbackChannels, a.Reminders = []string{"room"}, []string{"mail"}, []time.Time{at(time.Hour)}
	}), turn(0))
	require.Equal(t, "request room> owed", told(a))
	fail(t, o, actions, 1)
	require.Equal(t, "request room> exhausted; request mail>ann owed; request mail>bob owed", told(a), "each by themselves now")
	o.Advance(turn(time.Hour))
	require.Contains(t, told(a), "reminder room> owed")
}

func TestUndeliverable(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	a, actions := request(t, o, ask("t1", approvers("ann"), mail), turn(0))
	require.Equal(t, "dead_letter", kinds(fail(t, o, actions, 1)))
	require.True(t, a.Undeliverable)
	require.Equal(t, EventUndeliverable, o.NewEvents()[len(o.NewEvents())-1].Kind)
	require.Equal(t, Pending, a.Status)

	o = &Order{ID: "o-1"}
	a, actions = request(t, o, ask("t1", approvers("ann"), mail, func(a *Request) { a.OnUndeliverable = UndeliverableCancel }), turn(0))
	require.Equal(t, "dead_letter call_back", kinds(fail(t, o, actions, 1)))
	require.Equal(t, Cancelled, a.Status)
	require.Equal(t, "no notification could be delivered", a.Reason)

	o = &Order{ID: "o-1"}
	a, actions = request(t, o, ask("t1", approvers("ann"), mail, escalations(boss(time.Hour), boss(90*time.Minute)), func(a *Request) { a.OnUndeliverable = UndeliverableEscalate }), turn(0))
	more := fail(t, o, actions, 1)
	require.Equal(t, "dead_letter notify", kinds(more))
	require.Contains(t, told(a), "escalation mail>boss owed", "at once")
	require.False(t, a.Undeliverable)
	fail(t, o, more, 2)
	require.Equal(t, 2, a.EscalationsDone, "the second has nobody new")
	require.True(t, a.Undeliverable)
}

func TestOneWhoWasToldIsEnough(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	a, actions := request(t, o, ask("t1", approvers("ann", "bob"), mail), turn(0))
	o.RecordNotificationResult(actions[0], ok, turn(1))
	fail(t, o, actions[1:], 2)
	require.False(t, a.Undeliverable)
	require.Equal(t, at(1), a.FirstNotifiedAt)
}

func TestTidyUp(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	a, actions := request(t, o, ask("t1", approvers("ann", "bob", "eve"), mail), turn(0))
	o.RecordNotificationResult(actions[0], posted, turn(1))
	o.RecordNotificationResult(actions[1], ok, turn(1))
	owed := decide(t, o, approve("d"), turn(2), VerdictDecided)
	edits := only(ActionNotify, owed)
	require.Len(t, edits, 1, "what can be edited is")
	_, n := o.CurrentNotification(edits[0], at(3))
	require.Equal(t, NotifyOutcome, n.Kind)
	require.Equal(t, posted.Receipt, n.Receipt)

	edits = o.RecordNotificationResult(actions[2], posted, turn(3)) // it was under way
	require.Equal(t, "notify", kinds(edits))
	_, n = o.CurrentNotification(edits[0], at(3))
	require.Equal(t, "eve", n.Approver)
	require.Equal(t, Approved, o.ComposeMessage(a, n).Status)
	o.RecordNotificationResult(edits[0], lost, turn(4))
	require.Equal(t, NotificationPending, n.State, "tried again although it is closed")
}

func TestEventsForPrograms(t *testing.T) {
	t.Parallel()
	events := func(a *Request) { a.ProgramChannels = []string{"bus"} }
	cases := map[string]struct {
		do   func(*Order, *Approval)
		want string
	}{
		"decided":   {func(o *Order, _ *Approval) { decide(t, o, approve("d"), turn(1), VerdictDecided) }, "approval.decided"},
		"timed out": {func(o *Order, _ *Approval) { o.Advance(turn(deadline)) }, "approval.timed_out"},
		"cancelled": {func(o *Order, a *Approval) { o.Cancel(a.ID, "ops", "", turn(1)) }, "approval.cancelled"},
		"superseded": {func(o *Order, _ *Approval) {
			_, _, err := o.AddRequest(ask("t2", events), turn(1))
			require.NoError(t, err)
		}, "approval.superseded"},
	}
	for name, tc := range cases {
		o, a := requested(t, events, approvers("ann"))
		tc.do(o, a)
		require.Contains(t, told(a), "; "+tc.want+" bus> owed", name)
	}
	o, a := requested(t, events, approvers("ann"))
	call := callBack(t, decide(t, o, approve("d"), turn(1), VerdictDecided))
	owed := o.RecordCallbackResult(call, ok, turn(2))
	require.Contains(t, told(a), "callback.delivered bus> owed")
	require.Equal(t, "notify", kinds(owed))
	require.False(t, a.Undeliverable)
	actions := fail(t, o, owed, 3)
	require.Equal(t, "dead_letter", kinds(actions), "nobody need be told")
}

func TestEscalationsAreBounded(t *testing.T) {
	t.Parallel()
	bad := map[string]func(*Request){
		"escalations": func(a *Request) {
			for range MaxEscalations + 1 {
				a.Escalations = append(a.Escalations, boss(time.Hour))
			}
		},
		"approvers": func(a *Request) {
			a.Escalations = []Escalation{{At: at(time.Hour), Approvers: make([]Approver, MaxApprovers+1)}}
		},
		"unheard": func(a *Request) { a.OnUndeliverable = "shout" },
	}
	for field, change := range bad {
		_, _, err := (&Order{ID: "o-1"}).AddRequest(ask("t1", change), turn(0))
		require.True(t, IsPermanent(err))
		require.ErrorContains(t, err, field+": ")
	}
}
