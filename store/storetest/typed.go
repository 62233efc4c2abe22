package storetest

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/store"
)

func typedTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){
		"an order with choices, values, edits and rounds is read as it was written": testTypedOrder,
	}
}

// typedRequest returns a request with choices, a form and an edit.
func typedRequest(token string) approval.Request {
	r := newRequest(token, time.Hour)
	r.Title = "Buy <this> & that\u2028"
	r.Details = []approval.Field{{
		Name:     "Total",
		Value:    "900 EUR",
		Kind:     approval.KindAmount,
		Currency: "EUR",
		Path:     "/purchase/total",
	}}
	r.Approvers = []approval.Approver{{ID: "ann", Nonce: "a"}, {ID: "bob", Nonce: "b"}}
	r.Policy = approval.Policy{Kind: approval.PolicyAll}
	most := 40
	r.DecisionRules = approval.DecisionRules{
		Choices: []approval.Choice{
			{ID: "approve", Means: approval.Approve, Label: language.Text{"en": "Yes", "de": "Ja"}},
			{ID: "up_to", Means: approval.Approve, Fields: []string{"limit", "note"}},
			{ID: "back", Means: approval.Return, Comment: approval.CommentRequired},
		},
		Form: form.Form{Fields: []form.Field{
			{Name: "limit", Kind: form.Number, Required: true, Minimum: "0.5"},
			{Name: "note", Kind: form.String, MaxLength: &most, Default: json.RawMessage(`"<>"`)},
		}},
		Edits:   map[string]string{"limit": "/purchase/total"},
		Content: json.RawMessage(`{"purchase":{"total":900,"text":"a<b>&\u2028"}}`),
		Payload: "/purchase",
		Receipt: true,
	}
	return r
}

// testTypedOrder requires that the store keeps an order with everything, and that its contents have the same digests.
func testTypedOrder(t *testing.T, s store.Store) {
	var written string
	var digests []string
	decide := func(o *approval.Order, n int, by, choice, values string) {
		_, _, err := o.Decide(approval.Decision{
			ID:      fmt.Sprint("d", n),
			Choice:  choice,
			Values:  json.RawMessage(values),
			By:      by,
			Comment: "because",
			Via:     approval.ViaSSO,
		}, approval.UnmatchedRetention{WaitFor: time.Hour}, environmentAt(time.Minute))
		require.NoError(t, err)
	}
	mustUpdate(t, s, "typed", func(o *approval.Order) error {
		require.NoError(t, addRequest(typedRequest("t1"))(o))
		decide(o, 1, "ann", "back", "")
		require.NoError(t, addRequest(typedRequest("t2"))(o))
		decide(o, 2, "ann", "approve", "")
		decide(o, 3, "bob", "up_to", `{"note":"x<y>&\u2028","limit":12.50}`)
		_, _, err := o.Decide(approval.Decision{
			ID:     "d4",
			Step:   "later",
			Choice: "up_to",
			Values: json.RawMessage(`{"limit":3}`),
			Via:    approval.ViaSSO,
			By:     "ann",
		}, approval.UnmatchedRetention{WaitFor: time.Hour}, environmentAt(time.Minute))
		require.NoError(t, err)
		written = encodeOrder(t, o)
		for _, a := range o.Approvals {
			digests = append(digests, o.ContentDigest(a))
		}
		return nil
	})
	o := mustGet(t, s, "typed")
	require.Equal(t, written, encodeOrder(t, o))
	require.Len(t, o.Approvals, 2)
	for i, a := range o.Approvals {
		require.Equal(t, digests[i], o.ContentDigest(a), "the digest of the content")
	}
	a := o.Approvals[1]
	require.Equal(t, 2, a.Round)
	require.True(t, a.Votes[0].Void)
	require.Equal(t, "/purchase/total", a.Votes[1].Changes[0].Path)
	require.Len(t, o.Unmatched, 1)
	mustUpdate(t, s, "typed", func(o *approval.Order) error {
		v, _, err := o.Decide(approval.Decision{
			ID:     "d3",
			Choice: "up_to",
			Values: json.RawMessage(`{"limit":12.5,"note":"x<y>&\u2028"}`),
			By:     "bob",
			Via:    approval.ViaSSO,
		}, approval.UnmatchedRetention{WaitFor: time.Hour}, environmentAt(2*time.Minute))
		require.Equal(t, approval.VerdictRepeated, v.Code, "the same values, after the store")
		return err
	})
}
