package preset

import (
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/webhook"
)

// Jira are the settings of webhooks of Jira Cloud that have a secret. They sign the body: HMAC-SHA256, hex, in
// X-Hub-Signature as sha256=SIGNATURE
// (https://developer.atlassian.com/cloud/jira/platform/webhooks/#secure-admin-webhooks).
type Jira struct {
	Secrets []secret.Text `yaml:"secrets" doc:"secrets of the webhook, any of which may have signed"`
}

// Scheme implements webhook.Settings.
func (s *Jira) Scheme() (webhook.Scheme, error) { return jiraSignature(s.Secrets) }

// Reading implements Sender. Jira Cloud hides the e-mail address of every user who does not show it, so that people are
// named by their account ID.
func (s *Jira) Reading() Reading { return jiraReading(`body.user.accountId`) }

// JiraDataCenter are the settings of webhooks of Jira Data Center: with a secret, which signs as in Jira Cloud, or with
// a name and a password in the URL of the webhook, which Jira sends as Basic
// (https://confluence.atlassian.com/adminjiraserver/managing-webhooks-938846912.html).
type JiraDataCenter struct {
	Secrets   []secret.Text `yaml:"secrets" doc:"secrets of the webhook, any of which may have signed"`
	Username  string        `yaml:"username" doc:"user name in the URL of the webhook (Basic); empty accepts any, because only the password is secret"`
	Passwords []secret.Text `yaml:"passwords" doc:"in place of secrets: passwords, any of which is accepted"`
}

// Validate implements setup.Validator.
func (s *JiraDataCenter) Validate(c *setup.Check) {
	oneOf(c, "secrets", len(s.Secrets) > 0, "passwords", len(s.Passwords) > 0)
}

// Scheme implements webhook.Settings.
func (s *JiraDataCenter) Scheme() (webhook.Scheme, error) {
	if len(s.Secrets) > 0 {
		return jiraSignature(s.Secrets)
	}
	return basicScheme(s.Username, s.Passwords)
}

// Reading implements Sender. People are named by their user name, because they can change their e-mail address
// themselves, unless a directory has it.
func (s *JiraDataCenter) Reading() Reading { return jiraReading(`body.user.name`) }

func jiraSignature(secrets []secret.Text) (webhook.Scheme, error) {
	return hmacScheme(webhook.HMACSettings{Header: "X-Hub-Signature", Prefix: "sha256=", Secrets: secrets})
}

// jiraReading reads the transition of an issue into a status that is named like an outcome. The order ID is the key of
// the issue.
func jiraReading(by string) Reading {
	const status = `body.changelog.items.filter(i, i.field == "status")[0]["toString"]`
	return Reading{
		Event: `has(body.webhookEvent)`,
		Filter: `body.webhookEvent == "jira:issue_updated" && ` + status +
			`.lowerAscii() in ["approved", "accepted", "rejected", "declined", "denied"]`,
		Fields: map[string][]string{
			"id":      {`string(body.changelog.id)`},
			"order":   {`body.issue.key`},
			"outcome": {status},
			"by":      {by},
			// A comment of the new editor is an object.
			"comment": {`type(body.comment.body) == string ? body.comment.body : ""`},
		},
	}
}
