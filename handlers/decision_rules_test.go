package handlers_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/canonical"
	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/handlers"
)

// purchaseRules are rules with choices, fields with values of the request, and edits.
func purchaseRules(change ...func(*handlers.DecisionRules)) func(*handlers.Workflow) {
	return func(w *handlers.Workflow) {
		w.Decision = handlers.DecisionRules{
			DecisionRules: approval.DecisionRules{
				Choices: []approval.Choice{
					{ID: "approve", Means: approval.Approve, Fields: []string{"limit", "vendor"}},
					{ID: "reject", Means: approval.Reject, Comment: approval.CommentRequired},
				},
				Form: form.Form{Fields: []form.Field{
					{Name: "limit", Kind: form.Number, Minimum: "1", Maximum: "5000"},
					{Name: "vendor", Kind: form.String, Default: json.RawMessage(`"nobody"`)},
				}},
				Edits: map[string]string{"limit": "/purchase/total"},
			},
			Values: map[string]handlers.Field[any]{"vendor": anyAt("purchase.vendor")},
		}
		for _, f := range change {
			f(&w.Decision)
		}
	}
}

// askPurchase stores a request with these members, and returns its approval.
func askPurchase(t *testing.T, members string, change ...func(*handlers.DecisionRules)) (*approval.Approval, error) {
	t.Helper()
	h := newHouse()
	err := h.requests(purchaseRules(change...)).Handle(msg(t, `{"orderId":"A-1","taskToken":"`+token+`",`+members+`}`))
	if err != nil {
		return nil, err
	}
	return h.approval(t, "A-1"), nil
}

// The form of an approval shows the values of its request: those that the configuration finds, and the present values of
// the parts that can be edited.
func TestFormHasTheValuesOfTheRequest(t *testing.T) {
	t.Parallel()
	a, err := askPurchase(t, `"purchase":{"total":120.50,"vendor":4711},"echo":["see `+token+`"]`)
	require.NoError(t, err)
	require.Equal(t, "120.5", string(a.Form.Find("limit").Default))
	require.Equal(t, `"4711"`, string(a.Form.Find("vendor").Default), "a number is a text for people")
	require.JSONEq(t, `{"orderId":"A-1","purchase":{"total":120.50,"vendor":4711},"echo":[]}`, string(a.Content), "without the token, wherever it is")
	want, err := canonical.Digest(a.Content)
	require.NoError(t, err)
	require.Equal(t, want, a.RequestDigest)

	w := handlers.Workflow{}
	purchaseRules()(&w)
	require.Equal(t, `"nobody"`, string(w.Decision.Form.Find("vendor").Default), "the configuration stays as it is")
}

// A value that its field does not allow is no default, and the history tells it without the value.
func TestValuesThatAFieldDoesNotAllow(t *testing.T) {
	t.Parallel()
	for _, members := range []string{
		`"purchase":{"total":7000,"vendor":["secret-vendor"]}`,
		`"purchase":{"total":"many","vendor":"` + token + `"}`,
	} {
		h := newHouse()
		require.NoError(t, h.requests(purchaseRules()).Handle(msg(t, `{"orderId":"A-1","taskToken":"`+token+`",`+members+`}`)))
		a := h.approval(t, "A-1")
		require.Nil(t, a.Form.Find("limit").Default)
		require.Nil(t, a.Form.Find("vendor").Default)
		order, err := h.Get(t.Context(), "A-1")
		require.NoError(t, err)
		var notes []string
		for _, e := range order.History {
			notes = append(notes, e.Note)
		}
		all := strings.Join(notes, "\n")
		require.Contains(t, all, "the value of the field limit in the request is not valid")
		require.Contains(t, all, "the value of the field vendor in the request is not valid")
		require.NotContains(t, all, "secret-vendor")
		require.NotContains(t, all, token)
	}
}

// A request that cannot be edited or signed as configured is refused, and the error names the place.
func TestRequestsThatTheRulesDoNotFit(t *testing.T) {
	t.Parallel()
	payload := func(pointer string) func(*handlers.DecisionRules) {
		return func(r *handlers.DecisionRules) { r.Payload = pointer }
	}
	_, err := askPurchase(t, `"purchase":{"vendor":"v"}`)
	requireField(t, "decision.edits.limit", err)
	_, err = askPurchase(t, `"purchase":{"total":1}`, payload("/order"))
	requireField(t, "decision.payload", err)
	_, err = askPurchase(t, `"purchase":{"total":1},"n":123456789012345678901234567890`)
	requireField(t, "body", err)
	_, err = askPurchase(t, `"purchase":{"total":1},"n":123456789012345678901234567890`, payload("/purchase"))
	require.NoError(t, err, "only the payload is signed")
	_, err = askPurchase(t, `"purchase":{"total":1},"text":"`+strings.Repeat("x", 48<<10)+`"`)
	requireField(t, "body", err)
	require.ErrorContains(t, err, "the most is 49152")
	receiptOnly := func(r *handlers.DecisionRules) { r.Edits, r.Receipt = nil, true }
	a, err := askPurchase(t, `"purchase":{"total":1},"text":"`+strings.Repeat("x", 48<<10)+`"`, receiptOnly)
	require.NoError(t, err, "without edits the content is not kept")
	require.NotEmpty(t, a.RequestDigest)
	require.Empty(t, a.Content)
	_, err = askPurchase(t, `"total":1`, func(r *handlers.DecisionRules) { r.Edits = nil })
	require.NoError(t, err)
}

// A form without choices belongs to approve, and a question that can be returned has a bound of rounds.
func TestCompleteRules(t *testing.T) {
	t.Parallel()
	fields := form.Form{Fields: []form.Field{{Name: "a"}, {Name: "b"}}}
	require.Equal(t, []approval.Choice{
		{ID: "approve", Means: approval.Approve, Fields: []string{"a", "b"}},
		{ID: "reject", Means: approval.Reject},
	}, handlers.CompleteRules(approval.DecisionRules{Form: fields}).Choices)
	require.Empty(t, handlers.CompleteRules(approval.DecisionRules{}).Choices)
	back := []approval.Choice{{ID: "approve", Means: approval.Approve}, {ID: "back", Means: approval.Return}}
	require.Equal(t, 5, handlers.CompleteRules(approval.DecisionRules{Choices: back}).MaxRounds)
	require.Equal(t, 2, handlers.CompleteRules(approval.DecisionRules{Choices: back, MaxRounds: 2}).MaxRounds)
}
