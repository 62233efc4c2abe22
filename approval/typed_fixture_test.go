package approval

import (
	"encoding/json"
	"fmt"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/form"
)

// purchaseRules are choices with a form and an edit, about {"purchase": {"total": ..}}.
func purchaseRules(total string) DecisionRules {
	ten, five := 10, "5000"
	return DecisionRules{
		Choices: []Choice{
			approveChoice,
			{ID: "approve_up_to", Means: Approve, Fields: []string{"limit", "note"}},
			{ID: "reject", Means: Reject, Comment: CommentRequired, Fields: []string{"reason"}},
			returnChoice,
			abstainChoice,
		},
		Form: form.Form{Fields: []form.Field{
			{Name: "limit", Kind: form.Number, Required: true, Minimum: "1", Maximum: json.Number(five)},
			{Name: "note", Kind: form.String, MaxLength: &ten},
			{Name: "reason", Kind: form.One, Required: true, Options: []form.Option{{Value: "budget"}, {Value: "vendor"}}},
		}},
		Edits:   map[string]string{"limit": "/purchase/total"},
		Content: json.RawMessage(fmt.Sprintf(`{"purchase":{"total":%s,"vendor":"ACME"}}`, total)),
		Payload: "/purchase",
	}
}

// withPurchase makes a request one about a purchase, whose total can be edited.
func withPurchase(total string) func(*Request) {
	return func(a *Request) {
		a.DecisionRules = purchaseRules(total)
		a.Details = []Field{
			{Name: "Vendor", Value: "ACME", Path: "/purchase/vendor"},
			{Name: "Total", Value: total + " EUR", Path: "/purchase/total", Kind: KindAmount, Currency: "EUR"},
		}
	}
}

func choosing(id string) func(*Decision) {
	return func(d *Decision) {
		d.Choice = id
		d.Outcome = ""
	}
}

func giving(values string) func(*Decision) {
	return func(d *Decision) { d.Values = json.RawMessage(values) }
}

func saying(comment string) func(*Decision) { return func(d *Decision) { d.Comment = comment } }

func seeing(digest string) func(*Decision) { return func(d *Decision) { d.ShownDigest = digest } }

// decide sends a decision and returns its verdict.
func decide(t tb, o *Order, d Decision, env Environment) Verdict {
	t.Helper()
	v, _, err := o.Decide(d, testRetention, env)
	require.NoError(t, err)
	return v
}

// faultTexts returns faults as "field code want".
func faultTexts(faults []form.Fault) []string {
	var out []string
	for _, f := range faults {
		out = append(out, fmt.Sprintf("%s %s %s", f.Field, f.Code, f.Want))
	}
	return out
}
