package console_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	fields "github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/language"
)

// withChoices gives a request choices and a form with a field of each kind.
func withChoices(r *approval.Request) {
	r.DecisionRules = approval.DecisionRules{
		Choices: []approval.Choice{
			{ID: "up_to", Label: language.NewText("Up to a <limit>"), Means: approval.Approve, Fields: []string{"limit", "until", "why", "tags", "sure"}},
			{ID: "reject", Means: approval.Reject, Fields: []string{"reason"}},
			{ID: "return", Means: approval.Return},
			{ID: "abstain", Means: approval.Abstain},
		},
		Form: fields.Form{Fields: []fields.Field{
			{Name: "limit", Kind: fields.Number, Title: language.NewText("Limit in EUR"), Required: true, Maximum: "5000", Default: json.RawMessage("120.5")},
			{Name: "until", Kind: fields.String, Format: "date"},
			{Name: "why", Kind: fields.String},
			{Name: "tags", Kind: fields.Many, Options: []fields.Option{{Value: "a"}, {Value: "b"}}, Default: json.RawMessage(`["b"]`)},
			{Name: "sure", Kind: fields.Boolean},
			{Name: "reason", Kind: fields.One, Options: []fields.Option{{Value: "budget", Title: language.NewText("No budget")}}},
		}},
	}
}

// TestOperatorChooses holds that the form of an order has the choices with their fields, keeps what was typed when it is
// refused, and records choice and values.
func TestOperatorChooses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(bobToken)
	w.ask("A-1", time.Hour, withChoices)
	_, page := w.get("order?id=A-1")
	golden(t, "good_order_choices", page)
	checkPage(t, "choices", page)
	require.NotContains(t, page, `value="choice.abstain"`, "an operator decides in the place of all")

	f := w.decisionForm("A-1", "choice.up_to", "by phone")
	f.Set("value.up_to.limit", "6000")
	f.Set("value.up_to.why", `typed "<text>"`)
	f.Set("value.reject.reason", "budget")
	resp, page := w.post("decide", f)
	golden(t, "fail_order_choices", page)
	checkPage(t, "refused choices", page)
	require.Equal(t, http.StatusUnprocessableEntity, resp.StatusCode)
	require.Empty(t, w.order("A-1").Approvals[0].Votes)

	f.Set("value.up_to.limit", "3,000.50")
	f["value.up_to.tags"] = []string{"a", "b"}
	f.Set("value.up_to.sure", "true")
	resp, _ = w.post("decide", f)
	require.Equal(t, http.StatusSeeOther, resp.StatusCode)
	vote := w.order("A-1").Approvals[0].Votes[0]
	require.Equal(t, "up_to", vote.Choice)
	require.JSONEq(t, `{"limit": 3000.50, "why": "typed \"<text>\"", "tags": ["a", "b"], "sure": true}`, string(vote.Values))
}

// TestOperatorSawAnotherRequest holds that a form decides only the request that its page has shown.
func TestOperatorSawAnotherRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(bobToken)
	w.ask("A-1", time.Hour, withChoices)
	f := w.decisionForm("A-1", "choice.return", "look again")
	w.order("A-1").Approvals[0].Title = "Refund of 4800 EUR"
	resp, page := w.post("decide", f)
	require.Equal(t, http.StatusConflict, resp.StatusCode)
	require.Contains(t, page, "has changed since this page was loaded")
	resp, _ = w.post("decide", w.decisionForm("A-1", "choice.return", "look again"))
	require.Equal(t, http.StatusSeeOther, resp.StatusCode)
	require.Equal(t, approval.Returned, w.order("A-1").Approvals[0].Status)
}
