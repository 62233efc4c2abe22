package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/webhook/preset"
)

// The file comes before the expressions of a sender. The sender's filter goes with the sender's outcome.
func TestReadingOfSenders(t *testing.T) {
	t.Parallel()
	const secret = "a secret of enough bytes"
	filter, fields := new(preset.PagerDuty).Reading().Expressions(textsOf(decisionFields()))
	parse := func(text string) Webhook {
		t.Helper()
		c, _, err := Parse("x.yaml", []byte("workflows: {orders: {}}\nwebhooks: {x: {"+text+"}}"), nil)
		require.NoError(t, err, text)
		return c.Webhooks["x"]
	}
	const pagerduty = `pagerduty: {secrets: ["` + secret + `"]}`
	w := parse(pagerduty)
	require.Equal(t, filter, w.Filter)
	require.Equal(t, Expressions(fields["order"]), w.Fields["order"])

	w = parse(pagerduty + `, fields: {order: body.event.data.incident.id}`)
	require.Equal(t, filter, w.Filter)
	require.Equal(t, Expressions{"body.event.data.incident.id"}, w.Fields["order"])
	require.Equal(t, Expressions(fields["by"]), w.Fields["by"])

	w = parse(pagerduty + `, fields: {outcome: 'body.event.event_type == "incident.acknowledged" ? "approve" : "reject"'}`)
	require.Empty(t, w.Filter, "the file has other events in mind")
	require.Equal(t, Expressions(fields["order"]), w.Fields["order"])

	w = parse(pagerduty + `, filter: "true"`)
	require.Equal(t, "true", w.Filter)

	w = parse(`github: {secrets: ["` + secret + `"]}, filter: 'body.action == "approved"'`)
	require.Equal(t, `body.action == "approved"`, w.Filter)
	require.Subset(t, w.Fields["order"], decisionFields()["order"], "other programs sign as GitHub does")

	w = parse(`hmac: {secrets: ["` + secret + `"]}`)
	require.Empty(t, w.Filter)
	require.Equal(t, decisionFields(), w.Fields)
}

// Every sender without its secrets is a fault that names the field. A sender with two kinds of credentials, of which one
// would be ignored, is a fault too.
func TestSendersWithoutSecrets(t *testing.T) {
	t.Parallel()
	faultsOf := func(text string) []Finding {
		t.Helper()
		_, _, err := Parse("x.yaml", []byte("webhooks: {x: {"+text+"}}"), nil)
		faults, ok := errors.AsType[*Faults](err)
		require.True(t, ok, "%s: %v", text, err)
		return faults.Faults
	}
	for _, kind := range presetKinds() {
		faults := faultsOf(kind.Name + ": {}")
		for _, f := range faults {
			require.True(t, strings.HasPrefix(f.Field, "webhooks.x."+kind.Name+"."), "%s: %+v", kind.Name, f)
		}
		require.NotEmpty(t, faults, kind.Name)
	}
	for text, field := range map[string]string{
		`azure_devops: {passwords: [a password of enough bytes], tokens: [a token of enough bytes]}`:        "azure_devops.tokens",
		`servicenow: {passwords: [a password of enough bytes], tokens: [a token of enough bytes]}`:          "servicenow.tokens",
		`jira_data_center: {passwords: [a password of enough bytes], secrets: [a secret of enough bytes]}`:  "jira_data_center.passwords",
		`gitlab: {signing_tokens: [a token that is not base64]}`:                                            "gitlab.signing_tokens[0]",
		`gitlab: {tokens: [short], signing_tokens: ["whsec_bmV3IHNlY3JldCBvZiBhIHNlbmRlciwgMzIgYnl0ZXM="]}`: "gitlab.tokens[0]",
		`teams: {secrets: [a token that is not base64]}`:                                                    "teams.secrets[0]",
		`adobe_sign: {client_ids: [""], tokens: [a token of enough bytes]}`:                                 "adobe_sign.client_ids",
		`adobe_sign: {client_ids: [C], tokens: [short]}`:                                                    "adobe_sign.tokens[0]",
		`okta: {tokens: [short]}`: "okta.tokens[0]",
	} {
		faults := faultsOf(text)
		require.Len(t, faults, 1, "%s: %+v", text, faults)
		require.Equal(t, "webhooks.x."+field, faults[0].Field, text)
		require.NotContains(t, faults[0].Message, "enough bytes", "it quotes no secret")
	}
}
