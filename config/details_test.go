package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/config"
)

func parseDetails(t *testing.T, requests string) (*config.Config, error) {
	t.Helper()
	c, _, err := config.Parse("relay.yaml", []byte("channels: {log: {log: {}}}\nworkflows:\n  orders:\n    requests:\n"+requests),
		func(string) string { return "" })
	return c, err
}

// Details keep the order of the file, in a mapping and in a list, also when the configuration is shown and read again.
func TestDetailsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"      details: {Zip: body.zip, Amount: {value: body.total, kind: amount, currency: EUR, required: true}, Buyer: body.buyer}\n",
		"      details: [{name: Zip, value: body.zip}, {name: Amount, value: body.total, kind: amount, currency: EUR, required: true}, " +
			"{name: Buyer, value: body.buyer}]\n",
	} {
		c, err := parseDetails(t, text)
		require.NoError(t, err)
		for range 2 {
			var names []string
			for _, d := range c.Compiled.Workflows["orders"].Fields.Details {
				names = append(names, d.Name)
			}
			require.Equal(t, []string{"Zip", "Amount", "Buyer"}, names)
			amount := c.Compiled.Workflows["orders"].Fields.Details[1]
			require.True(t, amount.Required)
			require.Equal(t, "EUR", amount.Spec.Currency)
			shown, err := c.ShowYAML()
			require.NoError(t, err)
			c, _, err = config.Parse("shown.yaml", shown, func(string) string { return "" })
			require.NoError(t, err, "%s", shown)
		}
	}
}

func TestFaultsOfDetails(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"      details: {A: {kind: amount}}\n":                                  "orders.requests.details.A: has no CEL expression",
		"      details: {A: {value: body.a, kind: photo}}\n":                    "orders.requests.details.A.kind: ",
		"      details: {A: {value: body.a, currency: EUR}}\n":                  "details.A.currency: is for kind: amount",
		"      details: {A: {value: body.a, kind: difference}}\n":               "details.A.before: is missing",
		"      details: {A: {value: body.a, colour: red}}\n":                    "details.A.colour: unknown field",
		"      details: {A: total}\n":                                           "details.A: expression",
		"      details: {A: {value: total}}\n":                                  "details.A.value: expression",
		"      details: [{value: body.a}]\n":                                    "details[0].name: is missing",
		"      details: [{name: A, value: body.a}, {name: A, value: body.b}]\n": "details[1].name: \"A\" occurs twice",
		"      details: body.a\n":                                               "requests.details: is not a mapping",
		"      details_rest: silent\n":                                          "requests.details_rest: ",
		"      secrets: ['*']\n":                                                "requests.secrets[0]: ",
	} {
		_, err := parseDetails(t, text)
		require.ErrorContains(t, err, want, text)
	}
}
