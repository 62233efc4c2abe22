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
	URL        secret.Text   `yaml:"url" doc:"URL to post to"`
	Secrets    []secret.Text `yaml:"secrets" doc:"whsec_…; every secret signs, so that they can be rotated"`
	post.Reach `yaml:",inline"`

	signer *webhook.Standard // set by Validate
}

// Validate implements setup.Validator.
func (s *Settings) Validate(c *setup.Check) {
	s.CheckURL(c, "url", s.URL)
	if len(s.Secrets) == 0 {
		c.Fault("secrets", "are missing: notifications are signed")
		return
	}
	signer, err := webhook.NewStandard(secret.RevealAll(s.Secrets)...)
	c.Error("secrets", err)
	s.signer = signer
}

// Audience implements notify.Settings. The receiver is a program that delivers each notification to the approver that it
// names.
func (*Settings) Audience() notify.Audience { return notify.AudienceApprover }

// TakesEvents implements notify.EventSettings.
func (*Settings) TakesEvents() {}

// Open implements notify.Settings.
func (s *Settings) Open(env setup.Env) (notify.Channel, error) {
	return NewChannel(Config{
		Signer: s.signer,
		Config: s.Config(s.URL, env),
	})
}
