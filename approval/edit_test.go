package approval

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/language"
)

func twoOfThree(a *Request) {
	withApprovers("ann", "bob", "cy")(a)
	a.Policy = Policy{Kind: PolicyQuorum, Quorum: 2}
	a.Channels = []string{"chat"}
}

// An edit changes the request everywhere, makes earlier votes void, and asks their voters again.
func TestEdit(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, withPurchase("6000"), twoOfThree)
	shown, digest := o.ContentDigest(a), a.RequestDigest
	require.NotEmpty(t, digest)
	requireVerdict(t, o, approveDecision("d1", choosing("approve"), seeing(shown)), envAt(1), VerdictRecorded)
	edit := approveDecision("d2", by("bob"), choosing("approve_up_to"), giving(`{"limit":5000}`), seeing(shown))
	actions := requireVerdict(t, o, edit, envAt(2), VerdictRecorded)

	require.True(t, a.Votes[0].Void)
	require.False(t, a.Votes[1].Void)
	require.JSONEq(t, `{"purchase":{"total":5000,"vendor":"ACME"}}`, string(a.Content))
	require.Equal(t, digest, a.OriginalDigest)
	require.NotEqual(t, digest, a.RequestDigest)
	require.Equal(t, "5000 EUR", a.Details[1].Value)
	require.Equal(t, "ACME", a.Details[0].Value)
	changes := a.Changes()
	require.Len(t, changes, 1)
	require.Equal(t, `/purchase/total 6000 5000 bob`, changes[0].Path+" "+string(changes[0].From)+" "+string(changes[0].To)+" "+changes[0].By)
	require.NotEqual(t, shown, o.ContentDigest(a))

	var asked []string
	for _, n := range a.Notifications[3:] { // the first three are the request
		asked = append(asked, string(n.Kind)+" to "+n.Approver)
	}
	require.Equal(t, []string{"request to ann"}, asked)
	require.Len(t, ofKind(ActionNotify, actions), 1)

	o = storeAndLoad(t, o)
	a = o.FindApproval(a.ID)
	requireVerdict(t, o, edit, envAt(3), VerdictRepeated)
	requireVerdict(t, o, approveDecision("d3", by("cy"), seeing(shown)), envAt(3), VerdictChanged)
	requireVerdict(t, o, approveDecision("d1", choosing("approve"), seeing(shown)), envAt(3), VerdictRepeated)
	require.Len(t, a.Votes, 2)
	// The page sends the same choice of the same person under the same ID.
	anew := approveDecision("d1", choosing("approve"), seeing(o.ContentDigest(a)))
	requireVerdict(t, o, anew, envAt(4), VerdictDecided)
	require.Equal(t, Approved, a.Status)
	require.Len(t, a.Votes, 3)
	requireVerdict(t, storeAndLoad(t, o), anew, envAt(5), VerdictRepeated)
}

// A voter who saw nothing of an edit votes again under another ID. Two voters who edit differently have no agreement.
func TestEditsThatDisagree(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, withPurchase("900"), twoOfThree)
	vote := func(id, person, limit string, want VerdictCode) {
		t.Helper()
		d := approveDecision(id, by(person), choosing("approve_up_to"), giving(`{"limit":`+limit+`}`))
		requireVerdict(t, o, d, envAt(time.Second), want)
	}
	vote("d1", "ann", "100", VerdictRecorded)
	vote("d2", "bob", "200", VerdictRecorded) // ann's is void
	vote("d3", "ann", "300", VerdictRecorded) // bob's is void
	vote("d4", "cy", "300", VerdictDecided)
	require.Equal(t, Approved, a.Status)
	require.Len(t, a.Changes(), 3)
	require.JSONEq(t, `{"purchase":{"total":300,"vendor":"ACME"}}`, string(a.Content))
	require.Equal(t, "d4", DecidingVote(a.Status, a.Votes).DecisionID)
}

// A value that equals the present part is no edit, however it is written.
func TestNoEdit(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, withPurchase("900"), twoOfThree)
	requireVerdict(t, o, approveDecision("d1", choosing("approve")), envAt(1), VerdictRecorded)
	requireVerdict(t, o, approveDecision("d2", by("bob"), choosing("approve_up_to"), giving(`{"limit":9.00e2}`)), envAt(2), VerdictDecided)
	require.Empty(t, a.Changes())
	require.Empty(t, a.OriginalDigest)
	require.False(t, a.Votes[0].Void)
}

// Where the part is missing in a request, the value is recorded and nothing is edited.
func TestEditOfAMissingPart(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, withPurchase("900"), func(a *Request) { a.Content = []byte(`{"purchase":{}}`) })
	requireVerdict(t, o, approveDecision("d1", choosing("approve_up_to"), giving(`{"limit":5}`)), envAt(1), VerdictDecided)
	require.Empty(t, a.Changes())
	require.Equal(t, `{"limit":5}`, string(a.Votes[0].Values))
}

// The same content has the same digest, also after the store; every part that is shown changes it.
func TestContentDigest(t *testing.T) {
	t.Parallel()
	full := func(a *Request) {
		withPurchase("900")(a)
		a.Title, a.Execution, a.Requester = "Buy <this>", "e1", "eve"
		a.Details = append(a.Details, Field{Name: "x", Value: "a<b\u2028"})
	}
	o, a := pendingOrder(t, full, twoOfThree, func(a *Request) { a.Details = append([]Field{}, a.Details...) })
	digest := o.ContentDigest(a)
	requireVerdict(t, o, approveDecision("d0", by("cy"), choosing("abstain")), envAt(1), VerdictRecorded)
	a.Deadline = a.Deadline.Add(time.Hour)
	back := storeAndLoad(t, o)
	require.Equal(t, digest, back.ContentDigest(back.Approvals[0]), "votes and deadlines are not shown content")

	plain, b := pendingOrder(t, func(a *Request) { a.Details, a.Choices = []Field{}, []Choice{} })
	back = storeAndLoad(t, plain)
	require.Equal(t, plain.ContentDigest(b), back.ContentDigest(back.Approvals[0]), "empty lists")

	for name, change := range map[string]func(*Approval){
		"title":     func(a *Approval) { a.Title += "!" },
		"workflow":  func(a *Approval) { a.Workflow = "other" },
		"step":      func(a *Approval) { a.Step = "other" },
		"execution": func(a *Approval) { a.Execution = "e2" },
		"requester": func(a *Approval) { a.Requester = "bob" },
		"detail":    func(a *Approval) { a.Details[0].Value += "!" },
		"choices":   func(a *Approval) { a.Choices = a.Choices[1:] },
		"label":     func(a *Approval) { a.Choices[0].Label = language.NewText("Yes") },
		"form":      func(a *Approval) { a.Form.Fields = a.Form.Fields[1:] },
		"edits":     func(a *Approval) { a.Edits = nil },
		"payload":   func(a *Approval) { a.RequestDigest = "0" },
		"question":  func(a *Approval) { a.Questions = []Question{{By: "ann", Text: "why?"}} },
		"answer":    func(a *Approval) { a.Questions = []Question{{By: "ann", Text: "why?", Answer: "so"}} },
		"edit": func(a *Approval) {
			a.Votes = []Vote{{Changes: []Change{{Path: "/a", From: []byte("1"), To: []byte("2")}}}}
		},
	} {
		seen := map[string]string{digest: "the original"}
		o, a := pendingOrder(t, full, twoOfThree)
		change(a)
		require.Empty(t, seen[o.ContentDigest(a)], name)
	}
}

// Messages that can be edited show every vote: a single pending update for each, repeated if it was sent meanwhile.
func TestUpdatesOfMessages(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, withPurchase("900"), twoOfThree, withPolicy(Policy{Kind: PolicyAll}))
	send := func(n *Notification, r Result) []Action {
		return o.RecordNotificationResult(Action{
			ApprovalID:   a.ID,
			Notification: n.ID,
			Attempt:      n.Attempts,
			LeaseExpires: n.Due,
		}, r, envAt(time.Second))
	}
	for _, n := range a.Notifications {
		send(n, Result{Kind: ResultOK, Receipt: "r-" + n.Approver})
	}
	updates := func() []*Notification {
		var out []*Notification
		for _, n := range a.Notifications {
			if n.Kind == NotifyUpdate && n.State == NotificationPending {
				out = append(out, n)
			}
		}
		return out
	}
	actions := requireVerdict(t, o, approveDecision("d1", choosing("approve")), envAt(time.Second), VerdictRecorded)
	require.Len(t, ofKind(ActionNotify, actions), 3)
	first := updates()
	require.Len(t, first, 3)
	require.Equal(t, "r-ann", first[0].Receipt)

	requireVerdict(t, o, approveDecision("d2", by("bob"), choosing("abstain")), envAt(time.Second), VerdictRecorded)
	require.Len(t, updates(), 3, "one for each message")
	require.Len(t, ofKind(ActionNotify, send(first[0], Result{Kind: ResultOK})), 1, "it showed the vote before")
	require.Empty(t, first[0].Receipt)
	require.Len(t, updates(), 3)

	requireVerdict(t, o, approveDecision("d3", by("cy"), choosing("approve")), envAt(time.Second), VerdictDecided)
	outcomes := func() (n int) {
		for _, notification := range a.Notifications {
			if notification.Kind == NotifyOutcome {
				n++
			}
		}
		return n
	}
	require.Equal(t, 3, outcomes())
	_, current := o.CurrentNotification(Action{ApprovalID: a.ID, Notification: first[1].ID, Attempt: 1, LeaseExpires: first[1].Due}, at(time.Second))
	require.Nil(t, current, "an update after the end")
	send(first[1], Result{Kind: ResultFailed, Reason: "lost"})
	require.Equal(t, 4, outcomes(), "the update may have come after the outcome, so that is shown again")
	require.Equal(t, NotificationDropped, first[1].State)
}
