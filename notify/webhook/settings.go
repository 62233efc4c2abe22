package webhook

import (
	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/notify/post"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/webhook"
)

// Settings are the settings of a webhook for notifications.
type Settings struct {
	URL                     secret.Text `yaml:"url" doc:"URL to post to"`
	webhook.SigningSettings `yaml:",inline"`
	post.Reach              `yaml:",inline"`

	notify.RateSetting `yaml:",inline"`
}

// Validate implements setup.Validator.
func (s *Settings) Validate(c *setup.Check) {
	s.CheckURL(c, "url", s.URL)
	s.SigningSettings.Validate(c, "notifications")
}

// Audience implements notify.Settings. The receiver is a program that delivers each notification to the approver that it
// names.
func (*Settings) Audience() notify.Audience { return notify.AudienceApprover }

// TakesEvents implements notify.EventSettings.
func (*Settings) TakesEvents() {}

// Open implements notify.Settings.
func (s *Settings) Open(env setup.Env) (notify.Channel, error) {
	return NewChannel(Config{
		Signer: s.Signer(),
		Config: s.Config(s.URL, env),
	})
}
