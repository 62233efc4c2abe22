package codepipeline

import (
	"github.com/aws/aws-sdk-go-v2/service/codepipeline"

	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/setup"
)

// Settings are the settings of CodePipeline in an account and region.
type Settings struct {
	setup.AWS            `yaml:",inline"`
	callback.RateSetting `yaml:",inline"`
}

// SetDefaults implements setup.Defaulter. AWS publishes no quota for this API, and approvals are few, so the rate is our
// own choice.
func (s *Settings) SetDefaults(common setup.Common) {
	s.AWS.SetDefaults(common)
	s.SetRate(5, 10)
}

// Validate implements setup.Validator.
func (s *Settings) Validate(c *setup.Check) {
	s.AWS.Validate(c)
	s.RateSetting.Validate(c)
}

// Address implements callback.Settings.
func (*Settings) Address() callback.Address { return callback.TaskToken }

// AWSOperations implements setup.AWSCaller.
func (*Settings) AWSOperations() []string {
	return outbound.OperationNames[API](codepipeline.ServiceID)
}

// Open implements callback.Settings.
func (s *Settings) Open(env setup.Env) (callback.Target, error) {
	config, err := env.AWS(s.AWS)
	if err != nil {
		return nil, err
	}
	limit := env.Limiter("codepipeline/"+env.Name, s.Rate, s.Burst)
	return NewTarget(newCalls(codepipeline.NewFromConfig(config)), Config{Limit: limit, Timeout: env.Timeout}), nil
}
