package ses

import (
	"github.com/aws/aws-sdk-go-v2/service/sesv2"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/notify/email"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/setup"
)

// Settings are the settings of Amazon SES in an account and region.
type Settings struct {
	setup.AWS        `yaml:",inline"`
	From             string `yaml:"from" doc:"address of the sender, with or without a name, which SES has verified"`
	ConfigurationSet string `yaml:"configuration_set" doc:"configuration set, for events of bounces and complaints; opens and clicks are never tracked"`

	Templates email.Files `yaml:"templates" doc:"Go templates in place of the built-in e-mail"`

	notify.RateSetting `yaml:",inline"`
}

// Validate implements setup.Validator.
func (s *Settings) Validate(c *setup.Check) {
	s.AWS.Validate(c)
	email.CheckSender(c, "from", s.From)
	if !configurationSetName.MatchString(s.ConfigurationSet) {
		c.Fault("configuration_set", "must be at most 64 characters of A-Z, a-z, 0-9, _ and -")
	}
	s.Templates.Validate(c.At("templates"))
}

// Audience implements notify.Settings.
func (*Settings) Audience() notify.Audience { return notify.AudienceApprover }

// Unreachable implements notify.ReachSettings.
func (*Settings) Unreachable(approver string, _ map[approval.PersonID]string) string {
	return email.Unreachable(approver)
}

// AWSOperations implements setup.AWSCaller.
func (*Settings) AWSOperations() []string { return outbound.OperationNames[API](sesv2.ServiceID) }

// Open implements notify.Settings.
func (s *Settings) Open(env setup.Env) (notify.Channel, error) {
	config, err := env.AWS(s.AWS)
	if err != nil {
		return nil, err
	}
	return NewChannel(newCalls(sesv2.NewFromConfig(config)), Config{Settings: *s, Timeout: env.Timeout})
}
