package main

import (
	"fmt"
	"time"

	awscodepipeline "github.com/aws/aws-sdk-go-v2/service/codepipeline"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"golang.org/x/time/rate"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/callback/codepipeline"
	"github.com/approval-relay/approval-relay/callback/httptarget"
	"github.com/approval-relay/approval-relay/callback/lambda"
	"github.com/approval-relay/approval-relay/callback/stepfunctions"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/webhook"
)

// TargetConfig is one target: exactly one of its fields is set.
type TargetConfig struct {
	StepFunctions *StepFunctionsConfig `yaml:"stepfunctions" doc:"SendTaskSuccess, SendTaskFailure, SendTaskHeartbeat"`
	Lambda        *LambdaConfig        `yaml:"lambda" doc:"Lambda durable functions: SendDurableExecutionCallbackSuccess, …Failure, …Heartbeat; the token is the callback ID"`
	CodePipeline  *CodePipelineConfig  `yaml:"codepipeline" doc:"manual approvals of CodePipeline: PutApprovalResult; the token is PIPELINE/STAGE/ACTION/TOKEN"`
	HTTP          *HTTPTargetConfig    `yaml:"http" doc:"a signed POST to the callback URL of the request"`
}

// targetKind is a kind of target.
type targetKind interface {
	checked
	// target makes it; name is its own.
	target(name string, m *targetMakers) (callback.Target, error)
}

// urlKind is a target of callback URLs; the others answer task tokens.
type urlKind interface {
	ValidateURL(url string) error
	Host(a approval.Answer) string
}

// targetMakers is what targets are made with. Some share what AWS counts by account
// and region.
type targetMakers struct {
	makers
	limits map[AWSTargetConfig]*stepfunctions.Limits
	waited func(target string, d time.Duration) // is told how long an attempt waited for its turn
}

// limiter makes the turns of the target of that name.
func (m *targetMakers) limiter(name string, s *AWSTargetConfig) callback.Limiter {
	return turns{rate.NewLimiter(rate.Limit(s.Rate), s.Burst), func(d time.Duration) { m.waited(name, d) }}
}

// validURLs says of each target that takes callback URLs which it may call.
type validURLs map[string]func(url string) error

// targets makes every target, each behind a breaker of its own.
func (r *relay) targets() (map[string]callback.Target, validURLs, error) {
	out, valid := map[string]callback.Target{}, validURLs{}
	m := &targetMakers{makers: makers{config: r.config, aws: r.aws.at}, limits: map[AWSTargetConfig]*stepfunctions.Limits{}, waited: r.metrics.Waited}
	for _, name := range sorted(r.config.Targets) {
		target, err := only[targetKind](r.config.Targets[name]).target(name, m)
		if err != nil {
			return nil, nil, fmt.Errorf("targets.%s: %w", name, err)
		}
		breaker := callback.BreakerConfig{Held: func(delta int) { r.metrics.Held(name, delta) }}
		if urls, is := target.(urlKind); is {
			valid[name] = urls.ValidateURL
			breaker.Place, breaker.Most = urls.Host, perHost
		}
		out[name] = callback.NewBreaker(target, breaker)
	}
	return out, valid, nil
}

// takes says of a target whether it answers callback URLs, or else task tokens.
func (t TargetConfig) takes(urls bool) bool {
	set := chosen[targetKind](t)
	if len(set) != 1 {
		return false
	}
	_, is := set[0].is.(interface{ callbackURLs() })
	return is == urls
}

// AWSTargetConfig is a service in one account and region.
type AWSTargetConfig struct {
	Region   string  `yaml:"region" doc:"region; empty takes aws.region"`
	Endpoint string  `yaml:"endpoint" doc:"endpoint, for emulators; empty takes aws.endpoint"`
	Role     string  `yaml:"role" doc:"ARN of a role to assume, for workflows of another account; empty answers with our own credentials"`
	Rate     float64 `yaml:"rate" doc:"calls a second at the most, of each API: below the quota of the account and region, which others share"`
	Burst    int     `yaml:"burst" doc:"calls at once before the rate holds"`
}

func (s *AWSTargetConfig) place(a AWSConfig) {
	set(&s.Region, a.Region)
	set(&s.Endpoint, a.Endpoint)
}

func (s *AWSTargetConfig) limits(rate float64, burst int) {
	set(&s.Rate, rate)
	set(&s.Burst, burst)
}

func (s *AWSTargetConfig) validate(l *loading, at string) {
	if s.Rate <= 0 || s.Burst < 1 {
		l.fault(at, "rate must be above 0 and burst at least 1")
	}
	role(l, at+".role", s.Role)
}

func (s *AWSTargetConfig) at() awsPlace { return awsPlace{s.Region, s.Endpoint, s.Role} }

// StepFunctionsConfig is Step Functions in one account and region.
type StepFunctionsConfig AWSTargetConfig

// fill takes four fifths of the account's quota, which other programs share:
// https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html.
func (c *StepFunctionsConfig) fill(a AWSConfig) {
	s := (*AWSTargetConfig)(c)
	s.place(a)
	switch s.Region {
	case "us-east-1", "us-west-2", "eu-west-1":
		s.limits(400, 2400)
	default:
		s.limits(240, 1200)
	}
}

func (c *StepFunctionsConfig) validate(l *loading, at string) { (*AWSTargetConfig)(c).validate(l, at) }

// target makes clients that make one attempt a call: a retry of the SDK's would hide
// that an answer may have been applied. The retries are the order's own.
func (c *StepFunctionsConfig) target(name string, m *targetMakers) (callback.Target, error) {
	s := (*AWSTargetConfig)(c)
	cfg, err := m.aws(s.at())
	if err != nil {
		return nil, err
	}
	account := AWSTargetConfig{Region: s.Region, Role: s.Role}
	if m.limits[account] == nil {
		m.limits[account] = &stepfunctions.Limits{Success: m.limiter(name, s), Failure: m.limiter(name, s), Heartbeat: m.limiter(name, s)}
	}
	return stepfunctions.New(sfn.NewFromConfig(cfg), stepfunctions.Config{Limits: m.limits[account], Timeout: callTimeout}), nil
}

// LambdaConfig is Lambda in one account and region.
type LambdaConfig AWSTargetConfig

// fill takes limits of our own: no quota is published, and approvals are few.
func (c *LambdaConfig) fill(a AWSConfig) {
	s := (*AWSTargetConfig)(c)
	s.place(a)
	s.limits(50, 100)
}

func (c *LambdaConfig) validate(l *loading, at string) { (*AWSTargetConfig)(c).validate(l, at) }

func (c *LambdaConfig) target(name string, m *targetMakers) (callback.Target, error) {
	s := (*AWSTargetConfig)(c)
	cfg, err := m.aws(s.at())
	if err != nil {
		return nil, err
	}
	return lambda.New(awslambda.NewFromConfig(cfg), lambda.Config{Limit: m.limiter(name, s), Timeout: callTimeout}), nil
}

// CodePipelineConfig is CodePipeline in one account and region.
type CodePipelineConfig AWSTargetConfig

// fill takes limits of our own, as LambdaConfig does.
func (c *CodePipelineConfig) fill(a AWSConfig) {
	s := (*AWSTargetConfig)(c)
	s.place(a)
	s.limits(5, 10)
}

func (c *CodePipelineConfig) validate(l *loading, at string) { (*AWSTargetConfig)(c).validate(l, at) }

func (c *CodePipelineConfig) target(name string, m *targetMakers) (callback.Target, error) {
	s := (*AWSTargetConfig)(c)
	cfg, err := m.aws(s.at())
	if err != nil {
		return nil, err
	}
	return codepipeline.New(awscodepipeline.NewFromConfig(cfg), codepipeline.Config{Limit: m.limiter(name, s), Timeout: callTimeout}), nil
}

// HTTPTargetConfig is for callback URLs.
type HTTPTargetConfig struct {
	Secrets       []secret.Text `yaml:"secrets" doc:"whsec_…; the first signs, more sign too while they rotate"`
	AllowHTTP     bool          `yaml:"allow_http" doc:"take http:// URLs"`
	AllowInternal bool          `yaml:"allow_internal" doc:"let URLs lead to internal addresses"`
	AllowedHosts  []string      `yaml:"allowed_hosts" doc:"hosts that URLs may name; empty means any public one"`
}

func (*HTTPTargetConfig) fill(AWSConfig) {}
func (*HTTPTargetConfig) callbackURLs()  {}

func (h *HTTPTargetConfig) validate(l *loading, at string) {
	if len(h.Secrets) == 0 {
		l.fault(at+".secrets", "are missing: callbacks are signed")
	}
	l.makes(at, func() error { _, err := h.target("", nil); return err })
}

func (h *HTTPTargetConfig) target(string, *targetMakers) (callback.Target, error) {
	signer, err := webhook.NewStandard(secret.RevealAll(h.Secrets)...)
	if err != nil {
		return nil, err
	}
	return httptarget.New(httptarget.Config{
		Signer:   signer,
		Timeout:  callTimeout,
		Settings: httptarget.Settings{AllowHTTP: h.AllowHTTP, AllowInternal: h.AllowInternal, AllowedHosts: h.AllowedHosts},
	}), nil
}
