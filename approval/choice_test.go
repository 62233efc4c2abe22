package approval

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/form"
)

const purchaseIDs = "approve, approve_up_to, reject, return, abstain"

// The table has decisions with a fault, for every way in alike. They are neither counted nor remembered, and the sender
// may send them again, corrected, under the same ID.
func TestFaultsOfADecision(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change []func(*Decision)
		want   []string
	}{
		"neither choice nor outcome": {[]func(*Decision){choosing("")}, []string{"choice missing " + purchaseIDs}},
		"another choice":             {[]func(*Decision){choosing("approved")}, []string{"choice not_offered " + purchaseIDs}},
		"the choice in capitals":     {[]func(*Decision){choosing("Approve")}, []string{"choice not_offered " + purchaseIDs}},
		"the choice means another outcome": {
			[]func(*Decision){choosing("approve_up_to"), rejecting},
			[]string{"choice not_offered reject"},
		},
		"a required value is missing": {[]func(*Decision){choosing("approve_up_to")}, []string{"limit missing "}},
		"a value of a wrong type":     {[]func(*Decision){choosing("approve_up_to"), giving(`{"limit":"5"}`)}, []string{"limit wrong_type number"}},
		"a value that is too great":   {[]func(*Decision){choosing("approve_up_to"), giving(`{"limit":5001}`)}, []string{"limit too_great 5000"}},
		"two faults":                  {[]func(*Decision){choosing("approve_up_to"), giving(`{"limit":0,"note":"longer than ten"}`)}, []string{"limit too_small 1", "note too_long 10"}},
		"no such option":              {[]func(*Decision){choosing("reject"), saying("no"), giving(`{"reason":"mood"}`)}, []string{"reason no_option "}},
		"a value of another choice":   {[]func(*Decision){choosing("approve"), giving(`{"limit":5}`)}, []string{"limit unknown "}},
		"values where there are none": {[]func(*Decision){choosing("return"), giving(`{"x":1}`)}, []string{"x unknown "}},
		"values that are no object":   {[]func(*Decision){choosing("return"), giving(`[1]`)}, []string{" wrong_type object"}},
		"values twice":                {[]func(*Decision){choosing("approve_up_to"), giving(`{"limit":5,"limit":6}`)}, []string{"limit repeated "}},
		"a comment is missing":        {[]func(*Decision){choosing("reject"), giving(`{"reason":"budget"}`)}, []string{"comment missing "}},
		"a comment of spaces":         {[]func(*Decision){choosing("reject"), saying(" \n"), giving(`{"reason":"budget"}`)}, []string{"comment missing "}},
		"a comment that nobody sees": {
			[]func(*Decision){choosing("reject"), saying(" \u200b\u00a0\u2060\u3164\u00ad\ufeff"), giving(`{"reason":"budget"}`)},
			[]string{"comment missing "},
		},
		"the comment and the value":    {[]func(*Decision){choosing("reject")}, []string{"reason missing ", "comment missing "}},
		"an outcome that needs values": {[]func(*Decision){rejecting, saying("no")}, []string{"reason missing "}},
		"too large": {[]func(*Decision){choosing("approve_up_to"), giving(`{"limit":5,"note":"` + strings.Repeat("x", 300<<10) + `"}`)},
			[]string{" too_large 32 KiB"}},
	} {
		for _, way := range AllVias() {
			change := append(c.change, func(d *Decision) { d.Via = way })
			if way == ViaSNS || way == ViaWebhook || way == ViaAPI {
				change = append(change, via(way, "erp"))
			}
			o, a := pendingOrder(t, withPurchase("900"))
			before := marshalOrder(t, &Order{ID: o.ID, Approvals: o.Approvals})
			v := decide(t, o, approveDecision("d1", change...), envAt(1))
			require.Equal(t, VerdictInvalid, v.Code, name)
			require.Equal(t, c.want, faultTexts(v.Faults), name)
			require.Equal(t, before, marshalOrder(t, &Order{ID: o.ID, Approvals: o.Approvals}), "it changed the approval")
			require.Empty(t, o.JudgedDecisions)
			require.False(t, v.IsFinal() || v.IsAccepted())
			e := o.History[len(o.History)-1]
			require.Equal(t, "invalid", e.Code)
			require.NotContains(t, e.Note, "longer than ten", "the history has a value")
			require.LessOrEqual(t, len(e.Note), 600)

			o = storeAndLoad(t, o)
			corrected := approveDecision("d1", append(change, choosing("approve"), giving(""))...)
			require.Equal(t, VerdictDecided, decide(t, o, corrected, envAt(2)).Code, name)
			require.Equal(t, "approve", o.FindApproval(a.ID).Votes[0].Choice)
		}
	}
}

// The only choice that means an outcome stands for it. Among several, the choice with the word of the outcome does.
func TestOutcomeStandsForAChoice(t *testing.T) {
	t.Parallel()
	upTo := Choice{ID: "up_to", Means: Approve}
	for name, c := range map[string]struct {
		choices []Choice
		d       Decision
		want    string
	}{
		"no choices":           {nil, approveDecision("d"), ""},
		"no choices, by ID":    {nil, approveDecision("d", choosing("approve")), ""},
		"only one":             {[]Choice{upTo, rejectChoice}, approveDecision("d"), "up_to"},
		"the word":             {[]Choice{upTo, approveChoice}, approveDecision("d"), "approve"},
		"the ID and the word":  {[]Choice{upTo, approveChoice}, approveDecision("d", func(d *Decision) { d.Choice = "up_to" }), "up_to"},
		"an outcome of others": {[]Choice{approveChoice, returnChoice}, approveDecision("d", returning), "return"},
	} {
		o, a := pendingOrder(t, withChoices(c.choices...))
		requireVerdict(t, o, c.d, envAt(1), VerdictDecided)
		require.Equal(t, c.want, a.Votes[0].Choice, name)
	}
	o, _ := pendingOrder(t, withChoices(upTo, Choice{ID: "once", Means: Approve}, rejectChoice))
	v := decide(t, o, approveDecision("d"), envAt(1))
	require.Equal(t, []string{"choice missing up_to, once"}, faultTexts(v.Faults))
}

// An approval that uses none of this keeps the bytes of its record.
func TestPlainApprovalIsRecordedAsBefore(t *testing.T) {
	t.Parallel()
	o, _ := pendingOrder(t, withApprovers("ann", "bob"), withPolicy(Policy{Kind: PolicyAll}))
	requireVerdict(t, o, approveDecision("d1", choosing("approve"), giving("{}")), envAt(1), VerdictRecorded)
	requireVerdict(t, o, approveDecision("d2", by("bob"), rejecting), envAt(2), VerdictDecided)
	record := marshalOrder(t, o)
	for _, name := range []string{
		"choice", "choices", "values", "values_digest", "changes", "void", "form", "edits", "content", "round", "previous",
	} {
		require.NotContains(t, record, `"`+name+`":`)
	}
}

// The choice and the canonical values are the identity of a decision: the comment, the order of the values, spaces and
// escapes are not.
func TestSameDecisionHasTheSameValues(t *testing.T) {
	t.Parallel()
	first := approveDecision("d1", choosing("approve_up_to"), giving(`{"limit":900,"note":"a<b"}`))
	for name, c := range map[string]struct {
		again Decision
		want  VerdictCode
	}{
		"the same":            {first, VerdictRepeated},
		"other spaces":        {approveDecision("d1", choosing("approve_up_to"), giving(`{ "note":"\u0061<b", "limit":9e2 }`)), VerdictRepeated},
		"another comment":     {approveDecision("d1", choosing("approve_up_to"), giving(`{"limit":900,"note":"a<b"}`), saying("x")), VerdictRepeated},
		"another value":       {approveDecision("d1", choosing("approve_up_to"), giving(`{"limit":900,"note":"b"}`)), VerdictConflict},
		"a value less":        {approveDecision("d1", choosing("approve_up_to"), giving(`{"limit":900}`)), VerdictConflict},
		"another choice":      {approveDecision("d1", choosing("approve")), VerdictConflict},
		"another meaning":     {approveDecision("d1", choosing("return")), VerdictConflict},
		"no longer valid":     {approveDecision("d1", choosing("approve_up_to"), giving(`{"limit":-1}`)), VerdictConflict},
		"another ID":          {approveDecision("d2", choosing("approve_up_to"), giving(`{"limit":900,"note":"a<b"}`)), VerdictRepeated},
		"another ID, values":  {approveDecision("d2", choosing("approve_up_to"), giving(`{"limit":900}`)), VerdictConflict},
		"somebody else":       {approveDecision("d2", by("bob"), choosing("approve_up_to"), giving(`{"limit":900,"note":"a<b"}`)), VerdictRepeated},
		"somebody else, else": {approveDecision("d2", by("bob"), choosing("approve")), VerdictConflict},
	} {
		for _, quorum := range []int{1, 2} { // the approval is closed, or it is pending
			if quorum == 2 && c.again.By != "ann" {
				continue
			}
			policy := Policy{Kind: PolicyQuorum, Quorum: quorum}
			o, _ := pendingOrder(t, withPurchase("900"), withApprovers("ann", "bob", "cy"), withPolicy(policy))
			require.True(t, decide(t, o, first, envAt(1)).IsAccepted())
			o = storeAndLoad(t, o)
			require.Equal(t, c.want, decide(t, o, c.again, envAt(2)).Code, "%s, quorum %d", name, quorum)
			o.JudgedDecisions = nil // displaced by later ones: the vote is known
			require.Equal(t, c.want, decide(t, o, c.again, envAt(3)).Code, "%s, quorum %d, from the vote", name, quorum)
		}
	}
}

// A decision that waits keeps its choice and values, and is judged when its request comes.
func TestWaitingDecisionWithValues(t *testing.T) {
	t.Parallel()
	wait := func(change ...func(*Decision)) (*Order, Decision) {
		o := &Order{ID: "o-1"}
		d := approveDecision("d1", append(change, onStep("s"))...)
		require.Equal(t, VerdictWaiting, decide(t, o, d, envAt(0)).Code)
		require.Equal(t, VerdictRepeated, decide(t, o, d, envAt(0)).Code)
		return storeAndLoad(t, o), d
	}
	o, d := wait(choosing("approve_up_to"), giving(` {"limit": 12.50}`))
	other := d
	other.Values = json.RawMessage(`{"limit":13}`)
	require.Equal(t, VerdictConflict, decide(t, o, other, envAt(1)).Code)
	id, _, err := o.AddRequest(newRequest("t1", withPurchase("900")), envAt(2))
	require.NoError(t, err)
	a := o.FindApproval(id)
	require.Equal(t, Approved, a.Status)
	require.Equal(t, `{"limit":12.5}`, string(a.Votes[0].Values))
	require.Equal(t, VerdictRepeated, decide(t, o, d, envAt(3)).Code)
	require.Equal(t, VerdictConflict, decide(t, o, other, envAt(3)).Code)

	o, _ = wait(choosing("approve_up_to"), giving(`{"limit":-7}`))
	id, actions, err := o.AddRequest(newRequest("t1", withPurchase("900")), envAt(2))
	require.NoError(t, err)
	require.Equal(t, Pending, o.FindApproval(id).Status)
	letters := ofKind(ActionDeadLetter, actions)
	require.Len(t, letters, 1)
	require.Contains(t, letters[0].Reason, "limit: ")
	require.NotContains(t, letters[0].Reason, "-7")
	require.Empty(t, o.Unmatched)

	for name, values := range map[string]string{
		"wrong_type": `[1]`,
		"too_large":  `{"limit":"` + strings.Repeat("x", form.MaxValues) + `"}`,
	} {
		o := &Order{ID: "o-1"}
		v := decide(t, o, approveDecision("d1", giving(values)), envAt(0))
		require.Equal(t, VerdictInvalid, v.Code)
		require.Equal(t, form.FaultCode(name), v.Faults[0].Code)
		require.Empty(t, o.Unmatched)
	}
}

// A decision that saw another content than the present is refused, and not remembered.
func TestDecisionOfAnotherContent(t *testing.T) {
	t.Parallel()
	for name, rules := range map[string]func(*Request){
		"plain": func(*Request) {}, "with choices": withChoices(approveChoice, rejectChoice), "with edits": withPurchase("1"),
	} {
		o, a := pendingOrder(t, rules)
		stale := approveDecision("d1", seeing(strings.Repeat("0", 64)))
		require.Equal(t, VerdictChanged, decide(t, o, stale, envAt(1)).Code, name)
		require.Empty(t, a.Votes)
		require.Empty(t, o.JudgedDecisions)
		o = storeAndLoad(t, o)
		fresh := approveDecision("d1", seeing(o.ContentDigest(a)))
		require.Equal(t, VerdictDecided, decide(t, o, fresh, envAt(2)).Code, name)
		require.Equal(t, VerdictRepeated, decide(t, o, stale, envAt(3)).Code, "the end counts more")
	}
}
