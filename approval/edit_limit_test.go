package approval

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/form"
)

// Two approvers who undo each other's edits come to an end. They can still agree, reject, or leave it to an operator.
func TestEditsAreBounded(t *testing.T) {
	t.Parallel()
	edit := func(n int, person string, change ...func(*Decision)) Decision {
		return approveDecision(fmt.Sprint("d", n), append(change, by(person), choosing("approve_up_to"), giving(fmt.Sprintf(`{"limit":%d}`, n)))...)
	}
	editAll := func(t *testing.T) (*Order, *Approval) {
		o, a := pendingOrder(t, withPurchase("900"), twoOfThree)
		for n := 1; n <= MaxEdits; n++ {
			requireVerdict(t, o, edit(n, []string{"ann", "bob"}[n%2]), envAt(1), VerdictRecorded)
		}
		return o, a
	}
	o, a := editAll(t)
	more := edit(MaxEdits+1, "bob")
	v := requireFaults(t, o, more, form.Fault{Field: "limit", Code: form.TooMany, Want: "edits"})
	require.False(t, v.IsFinal(), "the sender may send another decision under the same ID")
	require.Len(t, a.Votes, MaxEdits)
	agree := edit(MaxEdits, "bob")
	agree.ID = more.ID
	requireVerdict(t, o, agree, envAt(2), VerdictDecided)
	require.Equal(t, Approved, a.Status)

	o, a = editAll(t)
	requireVerdict(t, o, edit(MaxEdits+1, "carol", func(d *Decision) { d.Via = ViaOperator }), envAt(2), VerdictDecided)
	require.Equal(t, Approved, a.Status)
}

// Edits cannot make the request larger than a request may be: the answer has to have them.
func TestEditedRequestIsBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 30_000)
	o, a := pendingOrder(t, withPurchase("900"), twoOfThree, func(r *Request) {
		r.Content = []byte(`{"purchase":{"total":"a","vendor":"b","note":"c"}}`)
		r.Form = form.Form{Fields: []form.Field{
			{Name: "limit", Kind: form.String}, {Name: "note", Kind: form.String}, {Name: "reason", Kind: form.String},
		}}
		r.Edits = map[string]string{"limit": "/purchase/total", "note": "/purchase/vendor", "reason": "/purchase/note"}
		r.Choices = []Choice{{ID: "approve", Means: Approve, Fields: []string{"limit", "note", "reason"}}, returnChoice}
	})
	for n, field := range []string{"limit", "note"} {
		d := approveDecision(fmt.Sprint(n), by([]string{"ann", "bob"}[n]), choosing("approve"), giving(fmt.Sprintf(`{%q:%q}`, field, long)))
		requireVerdict(t, o, d, envAt(1), VerdictRecorded)
	}
	d := approveDecision("3", choosing("approve"), giving(fmt.Sprintf(`{"reason":%q}`, long)))
	requireFaults(t, o, d, form.Fault{Field: "reason", Code: form.TooLarge, Want: "64 KiB"})
	require.LessOrEqual(t, len(a.Content), MaxContent)
}

func requireFaults(t tb, o *Order, d Decision, want form.Fault) Verdict {
	t.Helper()
	v, _, err := o.Decide(d, UnmatchedRetention{}, envAt(1))
	require.NoError(t, err)
	require.Equal(t, VerdictInvalid, v.Code)
	require.Equal(t, []form.Fault{want}, v.Faults)
	return v
}
