package eventbridge

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/setup"
)

// maxDetailType is the longest detail type, in characters. EventBridge discards an event with a longer one, and does
// not report that.
const maxDetailType = 128

// Settings are the settings of an event bus.
type Settings struct {
	setup.AWS  `yaml:",inline"`
	Bus        string `yaml:"bus" doc:"name or ARN of the event bus; the region of an ARN is used if region is empty"`
	Source     string `yaml:"source" doc:"source of the events, which rules can match; it must not begin with aws."`
	DetailType string `yaml:"detail_type" doc:"detail-type of every event; empty takes its type, such as approval.decided"`

	notify.RateSetting `yaml:",inline"`
}

// SetDefaults implements setup.Defaulter.
func (s *Settings) SetDefaults(common setup.Common) {
	setup.Default(&s.Bus, "default")
	setup.Default(&s.Source, "approval-relay")
	if parts := strings.Split(s.Bus, ":"); len(parts) == 6 {
		setup.Default(&s.Region, parts[3])
	}
	s.AWS.SetDefaults(common)
}

var (
	busForm    = regexp.MustCompile(`^(arn:aws[a-z-]*:events:[a-z0-9-]+:[0-9]{12}:event-bus/)?[A-Za-z0-9._/-]{1,256}$`)
	sourceForm = regexp.MustCompile(`^[A-Za-z0-9._/:-]{1,256}$`)
)

// Validate implements setup.Validator.
func (s *Settings) Validate(c *setup.Check) {
	s.AWS.Validate(c)
	if !busForm.MatchString(s.Bus) {
		c.Fault("bus", "must be a name, or an ARN such as arn:aws:events:eu-west-1:111122223333:event-bus/NAME")
	}
	if !sourceForm.MatchString(s.Source) || strings.HasPrefix(s.Source, "aws.") {
		c.Fault("source", "must be at most 256 characters of A-Z, a-z, 0-9, ., _, /, : and -, and not begin with aws.")
	}
	if utf8.RuneCountInString(s.DetailType) > maxDetailType {
		c.Fault("detail_type", "must be at most %d characters", maxDetailType)
	}
}

// Audience implements notify.Settings.
func (*Settings) Audience() notify.Audience { return notify.AudiencePrograms }

// TakesEvents implements notify.EventSettings.
func (*Settings) TakesEvents() {}

// AWSOperations implements setup.AWSCaller.
func (*Settings) AWSOperations() []string {
	return outbound.OperationNames[API](eventbridge.ServiceID)
}

// Open implements notify.Settings.
func (s *Settings) Open(env setup.Env) (notify.Channel, error) {
	config, err := env.AWS(s.AWS)
	if err != nil {
		return nil, err
	}
	return NewChannel(newCalls(eventbridge.NewFromConfig(config)), Config{Settings: *s, Timeout: env.Timeout})
}
