package slack

import (
	"fmt"
	"net/url"
	"regexp"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/webhook"
)

// Settings are the settings of a Slack app in a workspace. They have a Token or a WebhookURL.
type Settings struct {
	Token          secret.Text   `yaml:"bot_token" doc:"bot token, xoxb-…, with the scopes chat:write, users:read and users:read.email"`
	Conversation   string        `yaml:"conversation" doc:"ID of the Slack channel that gets one message for all approvers; without it each approver gets a direct message"`
	WebhookURL     secret.Text   `yaml:"webhook_url" doc:"incoming webhook, in place of token and conversation; its messages are edited only when somebody presses a button"`
	SigningSecrets []secret.Text `yaml:"signing_secrets" doc:"signing secrets of the app, for POST /slack/interactions; without any, messages have a link and no buttons"`
	Teams          []string      `yaml:"teams" doc:"workspaces (T…) and organisations of Enterprise Grid (E…) whose members may decide by buttons; empty is the workspace or organisation of the bot token"`
	APIURL         string        `yaml:"api_url" doc:"URL in place of https://slack.com/api/, for tests and proxies"`
	ResponseHosts  []string      `yaml:"response_hosts" doc:"hosts of response URLs to which answers are sent; empty is hooks.slack.com"`

	notify.RateSetting `yaml:",inline"`

	verifier *webhook.HMAC // of the signing secrets; set by Validate
}

// teamID matches the ID of a workspace or of an organisation.
var teamID = regexp.MustCompile(`^[TE][A-Z0-9]{2,30}$`)

// Validate implements setup.Validator.
func (s *Settings) Validate(c *setup.Check) {
	if s.Token.IsZero() == s.WebhookURL.IsZero() {
		c.Fault("", "needs either bot_token or webhook_url")
	}
	if !s.WebhookURL.IsZero() {
		if u, err := url.Parse(s.WebhookURL.Reveal()); err != nil || u.Host == "" ||
			(u.Scheme != "https" && u.Scheme != "http") {
			c.Fault("webhook_url", "must be an absolute http or https URL")
		}
		if s.Conversation != "" {
			c.Fault("conversation", "does not go with webhook_url: the webhook has its own Slack channel")
		}
	}
	if u, err := url.Parse(s.APIURL); s.APIURL != "" && (err != nil || u.Host == "") {
		c.Fault("api_url", "must be an absolute URL")
	}
	for i, team := range s.Teams {
		field := fmt.Sprintf("teams[%d]", i)
		switch {
		case !teamID.MatchString(team):
			c.Fault(field, "must be the ID of a workspace (T0123ABCD) or of an organisation (E0123ABCD)")
		case team[0] == 'E' && s.Token.IsZero():
			c.Fault(field, "needs bot_token: an incoming webhook cannot ask Slack for the members of an organisation")
		}
	}
	if len(s.SigningSecrets) > 0 {
		verifier, err := webhook.NewSlack(secret.RevealAll(s.SigningSecrets)...)
		c.Error("signing_secrets", err)
		s.verifier = verifier
	}
}

// HasButtons reports whether the channel's messages have buttons: Slack sends their presses to POST /slack/interactions.
func (s *Settings) HasButtons() bool { return len(s.SigningSecrets) > 0 }

// Verifier returns the verifier of interactions, or nil if there are no signing secrets. Validate makes it.
func (s *Settings) Verifier() *webhook.HMAC { return s.verifier }

// Audience implements notify.Settings.
func (s *Settings) Audience() notify.Audience {
	if s.Conversation != "" || !s.WebhookURL.IsZero() {
		return notify.AudienceGroup
	}
	return notify.AudienceApprover
}

// Unreachable implements notify.ReachSettings. A message to a group reaches every approver.
func (s *Settings) Unreachable(approver string, users map[approval.PersonID]string) string {
	id := approval.NewPersonID(approver)
	if s.Audience() == notify.AudienceGroup || users[id] != "" || canLookUp(id) {
		return ""
	}
	return "the approver's ID is not an e-mail address, and people has no Slack user ID for it"
}

// Open implements notify.Settings.
func (s *Settings) Open(env setup.Env) (notify.Channel, error) {
	return NewChannel(Config{
		Settings: *s,
		Users:    env.SlackUsers,
		Client: outbound.NewClient(outbound.ClientConfig{
			AllowInternal: true,
			IsOwnListener: env.IsOwnListener,
			Connections:   env.Connections,
			Timeout:       env.Timeout,
		}),
		Timeout: env.Timeout,
		Now:     env.Now,
	})
}
