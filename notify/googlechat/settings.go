package googlechat

import (
	"net/url"

	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/notify/post"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
)

// Settings are the settings of one incoming webhook of Google Chat.
type Settings struct {
	WebhookURL secret.Text `yaml:"webhook_url" doc:"URL of the incoming webhook with its key and token, a secret"`
	post.Reach `yaml:",inline"`

	notify.RateSetting `yaml:",inline"`
}

// Validate implements setup.Validator.
func (s *Settings) Validate(c *setup.Check) {
	s.CheckURL(c, "webhook_url", s.WebhookURL)
	u, err := url.Parse(s.WebhookURL.Reveal())
	if err == nil && u.Host != "" && (!u.Query().Has("key") || !u.Query().Has("token")) {
		c.Fault("webhook_url", "lacks key and token: copy the whole URL of the webhook, with all after its question mark")
	}
}

// Audience implements notify.Settings. An incoming webhook posts to a space, and its members read it.
func (*Settings) Audience() notify.Audience { return notify.AudienceGroup }

// Open implements notify.Settings.
func (s *Settings) Open(env setup.Env) (notify.Channel, error) {
	return NewChannel(Config{s.Config(s.WebhookURL, env)})
}
