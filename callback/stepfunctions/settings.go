package stepfunctions

import (
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/setup"
)

// Settings are the settings of Step Functions in an account and region.
type Settings struct {
	setup.AWS            `yaml:",inline"`
	callback.RateSetting `yaml:",inline"`
}

// SetDefaults implements setup.Defaulter. The default rate is four fifths of the default quota of the region, which other
// programs of the account share: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html.
func (s *Settings) SetDefaults(common setup.Common) {
	s.AWS.SetDefaults(common)
	switch s.Region {
	case "us-east-1", "us-west-2", "eu-west-1":
		s.SetRate(400, 2400)
	default:
		s.SetRate(240, 1200)
	}
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
	return append(outbound.OperationNames[API](sfn.ServiceID), outbound.OperationNames[HistoryAPI](sfn.ServiceID)...)
}

// historyRate and historyBurst are a fifth of the smallest default quota of GetExecutionHistory.
const (
	historyRate  = 4
	historyBurst = 80
)

// HasHeartbeats implements callback.HeartbeatSettings.
func (*Settings) HasHeartbeats() {}

// Open implements callback.Settings. Targets of the same account and region share the limiters of each API, as AWS counts
// its calls.
func (s *Settings) Open(env setup.Env) (callback.Target, error) {
	config, err := env.AWS(s.AWS)
	if err != nil {
		return nil, err
	}
	limiter := func(api string) setup.Limiter {
		return env.Limiter("stepfunctions/"+s.Region+"/"+s.Role+"/"+api, s.Rate, s.Burst)
	}
	limits := &Limits{
		Success:   limiter("SendTaskSuccess"),
		Failure:   limiter("SendTaskFailure"),
		Heartbeat: limiter("SendTaskHeartbeat"),
		History:   env.Limiter("stepfunctions/"+s.Region+"/"+s.Role+"/GetExecutionHistory", historyRate, historyBurst),
	}
	api, err := NewAPI(config)
	if err != nil {
		return nil, err
	}
	return NewTarget(api, Config{Limits: limits, Timeout: env.Timeout}), nil
}
