package discord

import (
	"net/url"
	"strings"

	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/notify/post"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
)

// Settings are the settings of one incoming webhook of Discord.
type Settings struct {
	WebhookURL secret.Text `yaml:"webhook_url" doc:"URL of the incoming webhook, a secret; ?thread_id=… posts to a thread"`
	post.Reach `yaml:",inline"`

	notify.RateSetting `yaml:",inline"`
}

// Validate implements setup.Validator.
func (s *Settings) Validate(c *setup.Check) {
	s.CheckURL(c, "webhook_url", s.WebhookURL)
	u, err := url.Parse(s.WebhookURL.Reveal())
	if err == nil && (strings.HasSuffix(u.Path, "/slack") || strings.HasSuffix(u.Path, "/github")) {
		c.Fault("webhook_url", "must be the webhook's own URL, without /slack or /github: messages have Discord's format")
	}
}

// Audience implements notify.Settings. An incoming webhook posts to a channel of a server, and its members read it.
func (*Settings) Audience() notify.Audience { return notify.AudienceGroup }

// Open implements notify.Settings.
func (s *Settings) Open(env setup.Env) (notify.Channel, error) {
	return NewChannel(Config{s.Config(s.WebhookURL, env)})
}
