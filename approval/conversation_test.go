package approval

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func personAct(id, by string) Act {
	return Act{ID: id, Actor: Actor{By: by, Via: ViaLink, Source: "link"}, Reason: "because"}
}

func TestQuestionAndAnswer(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, withApprovers("ann", "bob"), withChannel, byRequester)
	markSent(a)
	before := o.ContentDigest(a)
	v, _, err := o.Ask(personAct("q1", "ann"), "Why so many?", envAt(1))
	requireAct(t, v, err, VerdictRecorded)
	asked := o.ContentDigest(a)
	require.NotEqual(t, before, asked, "open forms must be loaded again")
	require.Equal(t, []string{"received", "question"}, toldReasons(a))
	v, _, err = o.Ask(personAct("q1", "ann"), "Why so many?", envAt(1))
	requireAct(t, v, err, VerdictRepeated)
	v, _, err = o.Ask(personAct("q1", "ann"), "Another?", envAt(1))
	requireAct(t, v, err, VerdictConflict)
	require.Len(t, a.Questions, 1)
	markSent(a)

	for _, wrong := range []struct {
		by, question, text, field string
	}{
		{"ann", "q1", "ten", "by"},
		{"rita", "other", "ten", "question"},
		{"rita", "q1", " \n", "answer"},
		{"rita", "q1", strings.Repeat("x", MaxQuestionText+1), "answer"},
		{"rita", "q1", "\xff", "answer"},
	} {
		_, _, err := o.Answer(personAct("a1", wrong.by), wrong.question, wrong.text, envAt(2))
		requireFault(t, err, wrong.field)
	}
	v, _, err = o.Answer(personAct("a1", "Rita"), "q1", "Ten people need one.", envAt(2))
	requireAct(t, v, err, VerdictRecorded)
	require.NotEqual(t, asked, o.ContentDigest(a))
	require.Equal(t, []string{"answer ann", "answer bob"}, recipients(a))
	v, _, err = o.Answer(personAct("a2", "rita"), "q1", "Ten people need one.", envAt(2))
	requireAct(t, v, err, VerdictRepeated)
	for _, id := range []string{"a1", "a3"} {
		v, _, err = o.Answer(personAct(id, "rita"), "q1", "Nine.", envAt(2))
		requireAct(t, v, err, VerdictConflict)
	}
	back := storeAndLoad(t, o)
	require.Equal(t, "Ten people need one.", back.Approvals[0].Questions[0].Answer)

	_, _, _ = o.Ask(personAct("q2", "bob"), "When?", envAt(3))
	o.Cancel("", "ops", "twice", envAt(4))
	v, _, err = o.Answer(personAct("a4", "rita"), "q2", "Now.", envAt(5))
	requireAct(t, v, err, VerdictLate)
	v, _, err = o.Ask(personAct("q3", "bob"), "When?", envAt(5))
	requireAct(t, v, err, VerdictLate)
	require.False(t, a.CanAsk())
}

func TestWhoMayAsk(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, withApprovers("ann"), withChannel, byRequester)
	for by, want := range map[string]VerdictCode{"stranger": VerdictNotApprover, "rita": VerdictRequester} {
		v, _, err := o.Ask(personAct("q", by), "Why?", envAt(1))
		requireAct(t, v, err, want)
		v, _, err = o.PassOn(personAct("p", by), []Approver{{ID: "x"}}, envAt(1))
		requireAct(t, v, err, want)
		v, _, err = o.Decline(personAct("d", by), envAt(1))
		requireAct(t, v, err, want)
	}
	for i := range MaxQuestions {
		v, _, err := o.Ask(personAct(fmt.Sprint("q", i), "ann"), "Why?", envAt(1))
		requireAct(t, v, err, VerdictRecorded)
	}
	_, _, err := o.Ask(personAct("more", "ann"), "Why?", envAt(1))
	requireFault(t, err, "question")
	require.Len(t, a.Questions, MaxQuestions)
	for name, change := range map[string]func(*Request){
		"not configured": func(r *Request) { r.RequesterAnswers = false },
		"not reached":    func(r *Request) { r.RequesterChannels = nil },
		"not known":      func(r *Request) { r.Requester = "" },
	} {
		o, a := pendingOrder(t, withApprovers("ann"), withChannel, byRequester, change)
		require.False(t, a.CanAsk(), name)
		_, _, err := o.Ask(personAct("q", "ann"), "Why?", envAt(1))
		requireFault(t, err, "question")
	}
	strict, _ := pendingOrder(t, withApprovers("ann"), byRequester, func(r *Request) { r.MinAssurance = AssuranceSSO })
	v, _, err := strict.Ask(personAct("q", "ann"), "Why?", envAt(1))
	requireAct(t, v, err, VerdictAssurance)
}

// Questions have a share of the texts of an order, and a full record refuses them for now.
func TestQuestionsInAFullRecord(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, withApprovers("ann"), withChannel, byRequester)
	a.Details = []Field{{Name: "n", Value: strings.Repeat("x", maxOrderTexts)}}
	_, _, err := o.Ask(personAct("q", "ann"), "Why?", envAt(1))
	require.Error(t, err)
	require.False(t, IsPermanent(err))
	require.Empty(t, a.Questions)
}

func TestPassOn(t *testing.T) {
	t.Parallel()
	policy := withPolicy(Policy{Kind: PolicyAll})
	o, a := pendingOrder(t, withApprovers("ann", "bob"), withChannel, byRequester, policy, func(r *Request) {
		r.PassOnTo = []string{"carl", "Rita", "bob"}
		r.Escalations = []Escalation{{At: at(deadline - 1), Approvers: []Approver{{ID: "boss"}}}}
	})
	markSent(a)
	old := o.LinkCapability(a, "ann")
	require.Equal(t, []string{"carl", "boss"}, a.PassOnCandidates("ann"))
	for to, field := range map[string]string{"RITA": "to", "stranger": "to", "bob": "to", "ann": "to"} {
		_, _, err := o.PassOn(personAct("p", "ann"), []Approver{{ID: to}}, envAt(1))
		requireFault(t, err, field)
	}
	_, _, err := o.PassOn(personAct("p", "ann"), nil, envAt(1))
	requireFault(t, err, "to")
	unreasoned := personAct("p", "ann")
	unreasoned.Reason = ""
	_, _, err = o.PassOn(unreasoned, []Approver{{ID: "carl"}}, envAt(1))
	requireFault(t, err, "reason")

	v, _, err := o.PassOn(personAct("p", "ann"), []Approver{{ID: "Carl", Nonce: "c"}}, envAt(1))
	requireAct(t, v, err, VerdictRecorded)
	require.Equal(t, []string{"bob", "Carl"}, approverIDs(a))
	require.Equal(t, []string{"request Carl"}, recipients(a))
	require.False(t, a.AcceptsCapability(old, at(1)))
	event := eventsOf(o, EventAct)[0]
	require.Equal(t, "ann", event.From)
	require.Equal(t, "Carl", event.To)
	require.Equal(t, "because", event.Note)
	v, _, err = o.PassOn(personAct("p", "ann"), []Approver{{ID: "Carl"}}, envAt(1))
	requireAct(t, v, err, VerdictRepeated)
	v, _, err = o.PassOn(personAct("p2", "ann"), []Approver{{ID: "boss"}}, envAt(1))
	requireAct(t, v, err, VerdictNotApprover)

	v, _, err = o.PassOn(personAct("p3", "carl"), []Approver{{ID: "ann", Nonce: "again"}}, envAt(1))
	requireAct(t, v, err, VerdictRecorded) // whoever passed it on can get it back
	requireVerdict(t, o, approveDecision("1"), envAt(2), VerdictRecorded)
	_, _, err = o.PassOn(personAct("p4", "ann"), []Approver{{ID: "carl"}}, envAt(2))
	requireFault(t, err, "by") // has voted
}

// A request goes back and forth a bounded number of times.
func TestPassOnIsBounded(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, withApprovers("ann"), withChannel, func(r *Request) { r.PassOnTo = []string{"bob"} })
	holder, other := "ann", "bob"
	for i := range MaxPassOns {
		v, _, err := o.PassOn(personAct(fmt.Sprint(i), holder), []Approver{{ID: other}}, envAt(1))
		requireAct(t, v, err, VerdictRecorded)
		holder, other = other, holder
		markSent(a)
	}
	_, _, err := o.PassOn(personAct("more", holder), []Approver{{ID: other}}, envAt(1))
	requireFault(t, err, "to")
}

func TestDecline(t *testing.T) {
	t.Parallel()
	escalation := []Escalation{{At: at(deadline - 1), Approvers: []Approver{{ID: "boss", Nonce: "b"}}}}
	for name, c := range map[string]struct {
		policy    Policy
		on        UndeliverablePolicy
		escalates bool
		decline   []string
		want      bool // undeliverable
		status    Status
	}{
		"any, one of two": {
			policy:  Policy{Kind: PolicyAny},
			decline: []string{"ann"},
			status:  Pending,
		},
		"any, both": {
			policy:  Policy{Kind: PolicyAny},
			decline: []string{"ann", "bob"},
			want:    true,
			status:  Pending,
		},
		"all, one of two": {
			policy:  Policy{Kind: PolicyAll},
			decline: []string{"ann"},
			want:    true,
			status:  Pending,
		},
		"quorum of two, one of two": {
			policy:  Policy{Kind: PolicyQuorum, Quorum: 2},
			decline: []string{"bob"},
			want:    true,
			status:  Pending,
		},
		"quorum of one, one of two": {
			policy:  Policy{Kind: PolicyQuorum, Quorum: 1},
			decline: []string{"bob"},
			status:  Pending,
		},
		"both, cancelled": {
			policy:  Policy{Kind: PolicyAny},
			on:      UndeliverableCancel,
			decline: []string{"ann", "bob"},
			status:  Cancelled,
		},
		"both, escalated": {
			policy:    Policy{Kind: PolicyAny},
			on:        UndeliverableEscalate,
			escalates: true,
			decline:   []string{"ann", "bob"},
			status:    Pending,
		},
		"all, escalated": {
			policy:    Policy{Kind: PolicyAll},
			on:        UndeliverableEscalate,
			escalates: true,
			decline:   []string{"ann"},
			status:    Pending,
		},
		"escalated, nobody to escalate": {
			policy:  Policy{Kind: PolicyAny},
			on:      UndeliverableEscalate,
			decline: []string{"ann", "bob"},
			want:    true,
			status:  Pending,
		},
	} {
		t.Run(name, func(t *testing.T) {
			o, a := pendingOrder(t, withApprovers("ann", "bob"), withChannel, byRequester, withPolicy(c.policy), func(r *Request) {
				r.OnUndeliverable = c.on
				if c.escalates {
					r.Escalations = escalation
				}
			})
			markSent(a)
			for i, by := range c.decline {
				act := personAct(fmt.Sprint(i), by)
				act.Reason = ""
				v, _, err := o.Decline(act, envAt(1))
				requireAct(t, v, err, VerdictRecorded)
			}
			require.Equal(t, c.status, a.Status)
			require.Equal(t, c.want, a.Undeliverable)
			require.Equal(t, c.escalates, a.EscalationsDone == 1)
			if c.want {
				require.Contains(t, toldReasons(a), RequesterUndeliverable)
				require.Len(t, eventsOf(o, EventUndeliverable), 1)
			}
			if c.status == Cancelled {
				require.Contains(t, a.Reason, "theirs to decide")
			}
			storeAndLoad(t, o)
		})
	}
}

// Whoever has declined gets no reminder, and may decide all the same.
func TestDeclinedApproverMayDecide(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, withApprovers("ann", "bob"), withChannel)
	markSent(a)
	v, _, err := o.Decline(personAct("1", "ann"), envAt(1))
	requireAct(t, v, err, VerdictRecorded)
	v, _, err = o.Decline(personAct("2", "ann"), envAt(1))
	requireAct(t, v, err, VerdictRepeated)
	v, _, err = o.Remind(operatorAct("r"), "", envAt(1))
	requireAct(t, v, err, VerdictRecorded)
	require.Equal(t, []string{"reminder bob"}, recipients(a))
	require.True(t, a.AcceptsCapability(o.LinkCapability(a, "ann"), at(1)))
	requireVerdict(t, o, approveDecision("3"), envAt(2), VerdictDecided)
	require.Equal(t, Approved, a.Status)
}
