package config_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/config"
)

const requesters = `
workflows:
  purchases: {approvers: [ann@example.com], requester: {notify: [mail]}, pass_on: ["group:deputies"], silent_when_decided: true}
  strict: {approvers: [ann@example.com], requester: {notify: [mail], comments: true, withdraw: false, questions: false}}
  plain: {approvers: [ann@example.com]}
groups: {deputies: [carl@example.com]}
people: {rita@example.com: {language: de}}
channels:
  mail: {smtp: {host: smtp.example.com, from: a@example.com}}
`

func parse(text string) (*config.Config, []config.Finding, error) {
	return config.Parse("x.yaml", []byte(text), func(string) string { return "" })
}

func TestRequester(t *testing.T) {
	t.Parallel()
	c, warnings, err := parse(requesters)
	require.NoError(t, err)
	for _, w := range warnings {
		require.NotContains(t, w.String(), "rita", "a requester is no approver")
		require.NotContains(t, w.String(), "deputies")
	}
	got := c.Compiled.Workflows["purchases"].Requester
	require.Equal(t, []string{"mail"}, got.Channels)
	require.True(t, got.Withdraws && got.Answers && got.DecidedUntold && !got.Comments)
	require.Equal(t, []string{"group:deputies"}, got.PassOn)
	require.Empty(t, got.Unreachable("mail", "rita@example.com"))
	require.NotEmpty(t, got.Unreachable("mail", "arn:aws:iam::123456789012:role/deploy"))
	got = c.Compiled.Workflows["strict"].Requester
	require.True(t, !got.Withdraws && !got.Answers && got.Comments)
	got = c.Compiled.Workflows["plain"].Requester
	require.Empty(t, got.Channels)
	require.False(t, got.Withdraws || got.Answers || got.Comments || got.DecidedUntold)
}

func TestWrongRequester(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`requester: {notify: [mial]}`:       `workflows.w.requester.notify[0]: "mial" is not a channel`,
		`requester: {notify: [room]}`:       `workflows.w.requester.notify[0]: "room" is read by others`,
		`requester: {notify: [bus]}`:        `workflows.w.requester.notify[0]: "bus" is read by others`,
		`requester: {notify: [mail, mail]}`: `workflows.w.requester.notify[1]: "mail" stands twice`,
		`requester: {notif: [mail]}`:        `has an unknown field "notif"`,
		`requester: {withdraw: perhaps}`:    `workflows.w.requester`,
		`pass_on: ["group:nobody"]`:         `workflows.w.pass_on[0]: "nobody" is not a group`,
		`pass_on: [" "]`:                    `workflows.w.pass_on[0]: is empty`,
	} {
		_, _, err := parse(`
workflows: {w: {approvers: [ann@example.com], notify: [mail], ` + text + `}}
channels:
  mail: {smtp: {host: smtp.example.com, from: a@example.com}}
  room: {discord: {webhook_url: "https://discord.com/api/webhooks/1/x"}}
  bus: {sns: {topic: "arn:aws:sns:eu-west-1:111122223333:approvals"}}
`)
		require.ErrorContains(t, err, want, text)
	}
	_, warnings, err := parse("workflows: {w: {approvers: [a@example.com], requester: {withdraw: true}}}")
	require.NoError(t, err)
	var all []string
	for _, w := range warnings {
		all = append(all, w.String())
	}
	require.Contains(t, strings.Join(all, "\n"), "tells nobody")
}
