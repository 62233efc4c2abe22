package sns

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/setup"
)

// Settings are the settings of a topic for events.
type Settings struct {
	setup.AWS `yaml:",inline"`
	Topic     string `yaml:"topic" doc:"ARN of a standard topic; its region is used if region is empty"`

	notify.RateSetting `yaml:",inline"`
}

// SetDefaults implements setup.Defaulter. Emulators leave the region out of their ARNs.
func (s *Settings) SetDefaults(common setup.Common) {
	if parts := strings.Split(s.Topic, ":"); len(parts) == 6 {
		setup.Default(&s.Region, parts[3])
	}
	s.AWS.SetDefaults(common)
}

// Validate implements setup.Validator.
func (s *Settings) Validate(c *setup.Check) {
	s.AWS.Validate(c)
	c.TopicARN("topic", s.Topic)
	if strings.HasSuffix(s.Topic, ".fifo") {
		c.Fault("topic", "is a FIFO topic, to which this channel does not publish")
	}
}

// Audience implements notify.Settings.
func (*Settings) Audience() notify.Audience { return notify.AudiencePrograms }

// TakesEvents implements notify.EventSettings.
func (*Settings) TakesEvents() {}

// AWSOperations implements setup.AWSCaller.
func (*Settings) AWSOperations() []string { return outbound.OperationNames[API](sns.ServiceID) }

// Open implements notify.Settings.
func (s *Settings) Open(env setup.Env) (notify.Channel, error) {
	config, err := env.AWS(s.AWS)
	if err != nil {
		return nil, err
	}
	return NewChannel(newCalls(sns.NewFromConfig(config)), Config{Settings: *s, Timeout: env.Timeout})
}
