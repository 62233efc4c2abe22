package approval

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/language"
)

func returnable(a *Request) {
	a.Choices = []Choice{approveChoice, {ID: "back", Means: Return, Label: language.NewText("Send back"), Comment: CommentRequired}}
	a.MaxRounds = 3
}

// A returned question is asked in numbered rounds. The next shows who returned it and why, and what has changed since; in
// the last, nobody can return it.
func TestRounds(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	ask := func(n int, change ...func(*Request)) *Approval {
		id, _, err := o.AddRequest(newRequest(fmt.Sprint("t", n), append([]func(*Request){returnable, func(a *Request) {
			a.Execution = fmt.Sprint("e", n) // a new execution may ask again
			a.Details = []Field{{Name: "Total", Value: fmt.Sprint(n)}, {Name: "Vendor", Value: "ACME"}}
		}}, change...)...), envAt(time.Duration(n)*time.Minute))
		require.NoError(t, err)
		return o.FindApproval(id)
	}
	sendBack := func(a *Approval) {
		requireVerdict(t, o, approveDecision("d"+a.ID, choosing("back"), saying("too much"), onApproval(a.ID)), envAt(time.Hour), VerdictDecided)
		require.Equal(t, Returned, a.Status)
		o = storeAndLoad(t, o)
	}
	first := ask(1)
	require.Zero(t, first.Round)
	require.Nil(t, first.Previous)
	sendBack(first)

	second := ask(2, func(a *Request) { a.Details = append(a.Details, Field{Name: "Note", Value: "new"}) })
	require.Equal(t, 2, second.Round)
	require.Equal(t, &PreviousRound{
		ApprovalID: first.ID,
		ReturnedAt: at(time.Hour),
		Votes: []PreviousVote{{
			By:      "ann",
			Outcome: Return,
			Choice:  "back",
			Label:   language.NewText("Send back"),
			Comment: "too much",
			At:      at(time.Hour),
		}},
		Differences: []Difference{{Name: "Total", Before: "1", After: "2"}, {Name: "Note", After: "new"}},
	}, second.Previous)
	require.Len(t, second.Choices, 2)
	sendBack(o.FindApproval(second.ID))

	last := ask(3)
	require.Equal(t, 3, last.Round)
	require.Equal(t, []Choice{approveChoice}, last.Choices)
	require.Equal(t, []Difference{{Name: "Total", Before: "2", After: "3"}, {Name: "Note", Before: "new"}}, last.Previous.Differences)
	v := decide(t, o, approveDecision("x", choosing("back"), saying("no"), onApproval(last.ID)), envAt(2*time.Hour-1))
	require.Equal(t, []string{"choice not_offered approve"}, faultTexts(v.Faults))
	note := ""
	for _, e := range o.History {
		if e.Kind == EventReadingNote && e.Approval == last.ID {
			note = e.Note
		}
	}
	require.Contains(t, note, "round 3 is the last")
}

// Only the approval directly before counts, and an attempt of a round that was superseded counts as the same round.
func TestRoundBegins(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		between func(o *Order)
		next    func(*Request)
		want    int
	}{
		"at once":          {func(*Order) {}, func(*Request) {}, 2},
		"another step":     {func(*Order) {}, withStep("z"), 0},
		"another workflow": {func(*Order) {}, func(a *Request) { a.Workflow = "other" }, 0},
		"another state":    {func(*Order) {}, func(a *Request) { a.State = "Other" }, 0},
		"after a superseded attempt": {func(o *Order) {
			addRequest(t, o, newRequest("t2", returnable, ofStateAsk), envAt(2))
		}, func(*Request) {}, 2},
		"after an approval": {func(o *Order) {
			addRequest(t, o, newRequest("t2", returnable, ofStateAsk), envAt(2))
			requireVerdict(t, o, approveDecision("d2"), envAt(3), VerdictDecided)
		}, func(*Request) {}, 0},
		"after another step": {func(o *Order) {
			addRequest(t, o, newRequest("t2", withStep("z")), envAt(2))
			requireVerdict(t, o, approveDecision("d2", onStep("z")), envAt(3), VerdictDecided)
		}, func(*Request) {}, 2},
	} {
		o, _ := pendingOrder(t, returnable, ofStateAsk)
		requireVerdict(t, o, approveDecision("d1", choosing("back"), saying("x")), envAt(1), VerdictDecided)
		c.between(o)
		a, _ := addRequest(t, o, newRequest("t9", returnable, ofStateAsk, c.next), envAt(4))
		require.Equal(t, c.want, a.Round, name)
	}
}

func ofStateAsk(a *Request) { a.State = "Ask" }

// What the record keeps of the round before is bounded, and nothing is left out without a count.
func TestPreviousRoundIsBounded(t *testing.T) {
	t.Parallel()
	many := func(text string) func(*Request) {
		return func(a *Request) {
			for i := range MaxDetails {
				a.Details = append(a.Details, Field{Name: "same name", Value: fmt.Sprint(i, text)})
			}
		}
	}
	o, _ := pendingOrder(t, returnable, many(strings.Repeat("é", 2000)))
	requireVerdict(t, o, approveDecision("d1", choosing("back"), saying(strings.Repeat("x", 5000))), envAt(1), VerdictDecided)
	a, _ := addRequest(t, o, newRequest("t2", returnable, many("other")), envAt(2))
	require.Len(t, a.Previous.Differences, maxDifferences)
	require.Equal(t, MaxDetails-maxDifferences, a.Previous.MoreDifferences)
	require.Less(t, a.Previous.size(), 40<<10)
	require.Contains(t, a.Previous.Votes[0].Comment, "(cut, 5,000 characters)")
}
