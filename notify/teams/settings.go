package teams

import (
	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/notify/post"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
)

// Settings are the settings of a workflow of Microsoft Teams.
type Settings struct {
	WebhookURL secret.Text `yaml:"webhook_url" doc:"URL of the workflow; it is a secret, because it grants the right to post"`
	Readers    string      `yaml:"audience" enum:"approver,group" doc:"approver: the workflow sends each card to the approver that it names; group: many people read what it posts, so one card is for all approvers and its link decides only if no approvers are named"`
	post.Reach `yaml:",inline"`
}

// SetDefaults implements setup.Defaulter.
func (s *Settings) SetDefaults(setup.Common) {
	setup.Default(&s.Readers, notify.AudienceApprover.String())
}

// Validate implements setup.Validator.
func (s *Settings) Validate(c *setup.Check) {
	s.CheckURL(c, "webhook_url", s.WebhookURL)
	c.Enums(s)
}

// Audience implements notify.Settings.
func (s *Settings) Audience() notify.Audience {
	if s.Readers == notify.AudienceGroup.String() {
		return notify.AudienceGroup
	}
	return notify.AudienceApprover
}

// Open implements notify.Settings.
func (s *Settings) Open(env setup.Env) (notify.Channel, error) {
	return NewChannel(Config{s.Config(s.WebhookURL, env)})
}
