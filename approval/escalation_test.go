package approval

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// posted is the result of a message that can be edited.
var posted = Result{Kind: ResultOK, Receipt: "C1/17.5"}

// listNotifications lists the notifications as "kind channel>approver state".
func listNotifications(a *Approval) string {
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

func withChannels(names ...string) func(*Request) { return func(a *Request) { a.Channels = names } }

func withEscalations(es ...Escalation) func(*Request) { return func(a *Request) { a.Escalations = es } }

func escalationToBoss(after time.Duration) Escalation {
	return Escalation{At: at(after), Approvers: []Approver{{ID: "boss", Nonce: "nonce-boss"}}}
}

// failAll records a refusal for every notification among the actions.
func failAll(t tb, o *Order, actions []Action, now time.Duration) []Action {
	t.Helper()
	var more []Action
	for _, act := range ofKind(ActionNotify, actions) {
		more = append(more, o.RecordNotificationResult(act, refused, envAt(now))...)
	}
	return more
}

func TestEscalationAddsApprovers(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, withApprovers("ann", "bob"), byMail, withEscalations(escalationToBoss(time.Hour)))
	require.Empty(t, o.LinkCapability(a, "boss").Nonce, "not yet")
	requireVerdict(t, o, approveDecision("early", by("boss")), envAt(time.Minute), VerdictNotApprover)
	require.True(t, o.NextDue().Before(at(time.Hour+1)))

	actions := o.Advance(envAt(time.Hour))
	require.Equal(t, "notify", joinKinds(ofKind(ActionNotify, actions)[:1]))
	require.Contains(t, listNotifications(a), "escalation mail>boss owed")
	require.NotContains(t, listNotifications(a), "escalation mail>ann")
	require.True(t, a.AcceptsCapability(o.LinkCapability(a, "boss"), at(time.Hour)))
	require.True(t, a.AcceptsCapability(o.LinkCapability(a, "ann"), at(time.Hour)), "their links stay valid")
	require.Empty(t, ofKind(ActionNotify, o.Advance(envAt(time.Hour))), "once")
	requireVerdict(t, o, approveDecision("d", by("boss")), envAt(time.Hour+1), VerdictDecided)
}

func TestNoEscalationAfterTheDecision(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, withApprovers("ann"), withChannels("mail"), withEscalations(escalationToBoss(time.Hour)))
	requireVerdict(t, o, approveDecision("d"), envAt(1), VerdictDecided)
	o.Advance(envAt(time.Hour))
	require.Zero(t, a.EscalationsDone)
	require.Len(t, a.Approvers, 1)
}

func TestEscalationToApproversAndRequesterAddsNobody(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, withApprovers("ann"), withChannels("mail"), func(a *Request) {
		a.Requester = "grace"
		a.Escalations = []Escalation{{
			At:        at(time.Hour),
			Approvers: []Approver{{ID: "ANN", Nonce: "x"}, {ID: "grace", Nonce: "y"}},
		}}
	})
	o.Advance(envAt(time.Hour))
	require.Equal(t, 1, a.EscalationsDone)
	require.Len(t, a.Approvers, 1)
	require.NotContains(t, listNotifications(a), "escalation")
}

func TestEscalationWithoutNamedApproversOnlyNotifies(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, withChannels("mail"), withEscalations(escalationToBoss(time.Hour)))
	o.Advance(envAt(time.Hour))
	require.Empty(t, a.Approvers, "otherwise only the boss could decide")
	require.Contains(t, listNotifications(a), "escalation mail>boss owed")
	require.True(t, a.AcceptsCapability(o.LinkCapability(a, "boss"), at(time.Hour)))
}

func TestSeats(t *testing.T) {
	t.Parallel()
	ann := Approver{ID: "ann"}
	bob := Approver{ID: "bob"}
	eve := Approver{ID: "eve"}
	sub := Approver{ID: "sub", SubstituteFor: "ann"}
	boss := Approver{ID: "boss", Escalated: true}
	all := Policy{Kind: PolicyAll}
	two := Policy{Kind: PolicyQuorum, Quorum: 2}
	twoWithoutVeto := Policy{Kind: PolicyQuorum, Quorum: 2, VetoDisabled: true}
	cases := []struct {
		name      string
		policy    Policy
		approvers []Approver
		votes     string // +ann approves, -ann rejects
		want      Status
	}{
		{"a substitute takes the seat", all, []Approver{ann, bob, sub}, "+bob +sub", Approved},
		{"the two share a seat", all, []Approver{ann, bob, sub}, "+ann +sub", Pending},
		{"also in a quorum", two, []Approver{ann, bob, sub}, "+ann +sub", Pending},
		{"they disagree", twoWithoutVeto, []Approver{ann, bob, eve, sub}, "+ann -sub", Pending},
		{"their seat rejects", twoWithoutVeto, []Approver{ann, bob, eve, sub}, "+ann -sub +bob", Pending},
		{"the quorum is out of reach", twoWithoutVeto, []Approver{ann, bob, sub}, "-sub", Rejected},
		{"an escalated approver approves for the others", all, []Approver{ann, bob, boss}, "+ann +boss", Approved},
		{"also alone", all, []Approver{ann, bob, boss}, "+boss", Approved},
		{"but not over a reject", all, []Approver{ann, bob, boss}, "-ann", Rejected},
		{"the others still can", all, []Approver{ann, bob, boss}, "+ann +bob", Approved},
		{"an escalated approver counts for a quorum", two, []Approver{ann, bob, boss}, "+ann +boss", Approved},
		{"but as a single vote", two, []Approver{ann, bob, boss}, "+boss", Pending},
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

// A quorum without veto is out of reach only if later escalations cannot reach it either.
func TestRejectBeforeAnEscalation(t *testing.T) {
	t.Parallel()
	two := withPolicy(Policy{Kind: PolicyQuorum, Quorum: 2, VetoDisabled: true})
	for name, c := range map[string]struct {
		escalation Escalation
		want       VerdictCode
	}{
		"to a new approver":  {escalationToBoss(time.Hour), VerdictRecorded},
		"after the deadline": {escalationToBoss(deadline), VerdictDecided},
		"to an approver": {
			Escalation{At: at(time.Hour), Approvers: []Approver{{ID: "Bob", Nonce: "b"}}}, VerdictDecided,
		},
		"to the requester": {
			Escalation{At: at(time.Hour), Approvers: []Approver{{ID: "eve", Nonce: "e"}}}, VerdictDecided,
		},
	} {
		byEve := func(a *Request) { a.Requester = "eve" }
		o, a := pendingOrder(t, withApprovers("ann", "bob"), two, withEscalations(c.escalation), byEve)
		requireVerdict(t, o, approveDecision("d1", rejecting), envAt(time.Minute), c.want)
		if c.want == VerdictDecided {
			require.Equal(t, Rejected, a.Status, name)
			continue
		}
		o.Advance(envAt(time.Hour))
		requireVerdict(t, o, approveDecision("d2", by("bob")), envAt(time.Hour+1), VerdictRecorded)
		requireVerdict(t, o, approveDecision("d3", by("boss")), envAt(time.Hour+2), VerdictDecided)
		require.Equal(t, Approved, a.Status, name)
	}
	all := withPolicy(Policy{Kind: PolicyAll})
	o, a := pendingOrder(t, withApprovers("ann", "bob"), all, withEscalations(escalationToBoss(time.Hour)))
	requireVerdict(t, o, approveDecision("d1"), envAt(time.Minute), VerdictRecorded)
	requireVerdict(t, o, approveDecision("d2", by("bob")), envAt(time.Minute), VerdictDecided)
	require.Equal(t, Approved, a.Status, "all approvers before the escalation")
}

func TestNoReminderIfASubstituteVoted(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, withChannels("mail"), withPolicy(Policy{Kind: PolicyAll}), func(a *Request) {
		a.Approvers = []Approver{
			{ID: "ann", Nonce: "1"},
			{ID: "bob", Nonce: "2"},
			{ID: "sub", Nonce: "3", SubstituteFor: "ann"},
		}
		a.Reminders = []time.Time{at(time.Hour)}
	})
	requireVerdict(t, o, approveDecision("d", by("sub")), envAt(1), VerdictRecorded)
	o.Advance(envAt(time.Hour))
	require.Contains(t, listNotifications(a), "reminder mail>bob")
	require.NotContains(t, listNotifications(a), "reminder mail>ann")
	require.NotContains(t, listNotifications(a), "reminder mail>sub")
}

func TestOutcomeEdits(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	a, actions := addRequest(t, o, newRequest("t1", withApprovers("ann", "bob", "eve"), byMail), envAt(0))
	o.RecordNotificationResult(actions[0], posted, envAt(1))
	o.RecordNotificationResult(actions[1], ok, envAt(1))
	closing := requireVerdict(t, o, approveDecision("d"), envAt(2), VerdictDecided)
	edits := ofKind(ActionNotify, closing)
	require.Len(t, edits, 2, "one message can be edited; the reader of the other is told")
	_, told := o.CurrentNotification(edits[0], at(3))
	require.Equal(t, NotifyDecided, told.Kind)
	require.Equal(t, "bob", told.Approver)
	edits = edits[1:]
	_, n := o.CurrentNotification(edits[0], at(3))
	require.Equal(t, NotifyOutcome, n.Kind)
	require.Equal(t, posted.Receipt, n.Receipt)

	edits = o.RecordNotificationResult(actions[2], posted, envAt(3)) // it was under way
	require.Equal(t, "notify", joinKinds(edits))
	_, n = o.CurrentNotification(edits[0], at(3))
	require.Equal(t, "eve", n.Approver)
	require.Equal(t, Approved, o.ComposeMessage(a, n).Status)
	o.RecordNotificationResult(edits[0], lost, envAt(4))
	require.Equal(t, NotificationPending, n.State, "retried although the approval is closed")
}

func TestProgramEvents(t *testing.T) {
	t.Parallel()
	events := func(a *Request) { a.ProgramChannels = []string{"bus"} }
	cases := map[string]struct {
		do   func(*Order, *Approval)
		want string
	}{
		"decided": {
			func(o *Order, _ *Approval) { requireVerdict(t, o, approveDecision("d"), envAt(1), VerdictDecided) },
			"approval.decided",
		},
		"timed out": {func(o *Order, _ *Approval) { o.Advance(envAt(deadline)) }, "approval.timed_out"},
		"cancelled": {func(o *Order, a *Approval) { o.Cancel(a.ID, "ops", "", envAt(1)) }, "approval.cancelled"},
		"superseded": {func(o *Order, _ *Approval) {
			_, _, err := o.AddRequest(newRequest("t2", events), envAt(1))
			require.NoError(t, err)
		}, "approval.superseded"},
	}
	for name, tc := range cases {
		o, a := pendingOrder(t, events, withApprovers("ann"))
		tc.do(o, a)
		require.Contains(t, listNotifications(a), "; "+tc.want+" bus> owed", name)
	}
	o, a := pendingOrder(t, events, withApprovers("ann"))
	call := onlyCallback(t, requireVerdict(t, o, approveDecision("d"), envAt(1), VerdictDecided))
	notifications := o.RecordCallbackResult(call, ok, envAt(2))
	require.Contains(t, listNotifications(a), "callback.delivered bus> owed")
	require.Equal(t, "notify", joinKinds(notifications))
	require.False(t, a.Undeliverable)
	actions := failAll(t, o, notifications, 3)
	require.Equal(t, "dead_letter", joinKinds(actions), "an undeliverable event has no consequence")
}

func TestLimitsOfEscalations(t *testing.T) {
	t.Parallel()
	bad := map[string]func(*Request){
		"escalations": func(a *Request) {
			for range MaxEscalations + 1 {
				a.Escalations = append(a.Escalations, escalationToBoss(time.Hour))
			}
		},
		"approvers": func(a *Request) {
			a.Escalations = []Escalation{{At: at(time.Hour), Approvers: make([]Approver, MaxApprovers+1)}}
		},
		"undeliverable": func(a *Request) { a.OnUndeliverable = "shout" },
	}
	for field, change := range bad {
		_, _, err := (&Order{ID: "o-1"}).AddRequest(newRequest("t1", change), envAt(0))
		require.True(t, IsPermanent(err))
		require.ErrorContains(t, err, field+": ")
	}
}
