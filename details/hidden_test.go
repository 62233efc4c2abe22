package details_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/details"
)

// A sender chooses the ID of the order. No value but the ID itself is left out because it is equal to it.
func TestValueEqualToTheOrderID(t *testing.T) {
	t.Parallel()
	shown := []string{
		"orderTotal", "order_amount", "preorderSum", "border", "executionCost", "requestIdentity", "recorder", "orderIdea",
		"limitOfOrder", "businessValue",
	}
	for _, name := range shown {
		fields := details.ReadAll(details.Source{Body: map[string]any{name: "50000"}, OrderID: "50000"})
		require.Len(t, fields, 1, name)
		require.Equal(t, "50000", fields[0].Value, name)
	}
	repeated := []string{
		"id", "order", "orderId", "order_id", "orderNumber", "order-no", "purchaseOrderNumber", "requestId", "request_id",
		"executionId", "executionName", "executionArn", "businessKey",
	}
	for _, name := range repeated {
		fields := details.ReadAll(details.Source{Body: map[string]any{name: "50000"}, OrderID: "50000"})
		require.Empty(t, fields, name)
	}
}

// An amount is a number with its currency only if the request has nothing else there, and no other currency.
func TestAmountHidesNothing(t *testing.T) {
	t.Parallel()
	spec := details.Spec{Name: "Amount", Kind: approval.KindAmount, HasKind: true, Source: "body.total"}
	for name, total := range map[string]map[string]any{
		"two numbers":      {"amount": "50000", "value": "5"},
		"two currencies":   {"amount": "5", "currency": "EUR", "currencyCode": "BTC"},
		"another member":   {"amount": "5", "perDay": "50000"},
		"another currency": {"amount": "5", "currency": "BTC"},
	} {
		spec.Currency = ""
		if name == "another currency" {
			spec.Currency = "EUR"
		}
		f, note := spec.NewField(details.Values{Value: total}, details.Source{})
		require.Equal(t, approval.KindText, f.Kind, name)
		require.Contains(t, note, "is shown as a text", name)
		for _, value := range total {
			require.Contains(t, f.Value, value, name)
		}
	}
	spec.Currency = "EUR"
	for _, total := range []map[string]any{{"amount": "5", "currency": "eur"}, {"value": "5"}} {
		f, note := spec.NewField(details.Values{Value: total}, details.Source{})
		require.Equal(t, "5 EUR", strings.TrimSpace(f.Value))
		require.Empty(t, note)
	}
}

// Names about money and people are no secrets, and names of secrets stay hidden beside them.
func TestNamesThatOnlyLookSecret(t *testing.T) {
	t.Parallel()
	for name, isShown := range map[string]bool{
		"token_amount":        true,
		"tokenAmounts":        true,
		"secretary":           true,
		"secretaryName":       true,
		"api_key_count":       true,
		"secretaryPassword":   false,
		"secretAccessKey":     false,
		"secretariatToken":    false,
		"amountToken":         false,
		"amount_token_secret": false,
	} {
		fields := details.ReadAll(details.Source{Body: map[string]any{name: "50000"}})
		require.Len(t, fields, 1, name)
		require.Equal(t, isShown, fields[0].LeftOut == nil, name)
		if !isShown {
			require.Contains(t, fields[0].Value, name, "approvers learn the name")
			require.NotContains(t, fields[0].Value, "50000")
		}
	}
}
