// Package stepfunctions is the target of AWS Step Functions workflows that wait with a task token.
package stepfunctions

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/setup"
)

// Limits of the API: https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html
// and API_SendTaskFailure.html. AWS counts a cause in characters; we count its bytes, and there are never fewer bytes.
const (
	MaxToken  = 2048    // characters
	MaxOutput = 262_144 // bytes of UTF-8
	MaxCause  = 32_768  // bytes
)

// API is the part of sfn.Client that a target uses.
type API interface {
	SendTaskSuccess(context.Context, *sfn.SendTaskSuccessInput, ...func(*sfn.Options)) (*sfn.SendTaskSuccessOutput, error)
	SendTaskFailure(context.Context, *sfn.SendTaskFailureInput, ...func(*sfn.Options)) (*sfn.SendTaskFailureOutput, error)
	SendTaskHeartbeat(
		context.Context, *sfn.SendTaskHeartbeatInput, ...func(*sfn.Options),
	) (*sfn.SendTaskHeartbeatOutput, error)
}

// Limits are the rate limits of an account and region for each API, as AWS counts the calls.
type Limits struct {
	Success   setup.Limiter
	Failure   setup.Limiter
	Heartbeat setup.Limiter
	// History limits calls of GetExecutionHistory, whose quota the account's other programs share. Nil is no limit.
	History setup.Limiter
}

// Config configures a Target.
type Config struct {
	// Limits are shared by all targets of the same account and region.
	Limits *Limits
	// Timeout bounds the wait for the rate limit, and then the call. Zero means callback.DefaultTimeout. An earlier
	// deadline of the caller takes precedence.
	Timeout time.Duration
}

// Target answers task tokens. It is safe for concurrent use.
type Target struct {
	api     API
	limits  *Limits
	service outbound.Service[sfn.Options]
}

// NewTarget returns a Target that answers through api.
func NewTarget(api API, c Config) *Target {
	if c.Timeout <= 0 {
		c.Timeout = callback.DefaultTimeout
	}
	return &Target{
		api:    api,
		limits: c.Limits,
		service: outbound.Service[sfn.Options]{
			Prepare: func(o *sfn.Options, call *outbound.Call) {
				o.Retryer = aws.NopRetryer{}
				o.HTTPClient = call.ObserveClient(o.HTTPClient)
			},
			Codes: outbound.Codes{
				// TaskTimedOut means "expired or already closed": a second use of a token gets it, also after an answer that
				// was applied and whose response was lost.
				Closed: []string{"TaskTimedOut", "TaskDoesNotExist"},
				// InvalidToken is not a token of AWS: it was cut on its way, or sent to the wrong region. A workflow may be
				// waiting, so it is a refusal: an operator sees it and can redrive it.
				Permanent: []string{
					"InvalidToken", "InvalidOutput", "ValidationException", "ValidationError", "InvalidParameterValue",
					"SerializationException",
				},
			},
			Timeout: c.Timeout,
		},
	}
}

// ValidateAnswer reports whether the answer can be sent as it is: token, output and cause within the limits of the API. The
// error is Permanent. Deliver checks the same.
func ValidateAnswer(a approval.Answer) error {
	_, err := newResult(a)
	return err
}

func newResult(a approval.Answer) (callback.Result, error) {
	switch n := len(a.Token.Reveal()); {
	case n == 0:
		return callback.Result{}, callback.InvalidToken("the approval has no token")
	case n > MaxToken:
		return callback.Result{}, callback.InvalidToken("the token is %d bytes long, the most is %d", n, MaxToken)
	}
	return callback.NewResult(a, MaxOutput, MaxCause)
}

// Deliver answers the task: SendTaskSuccess for an approval, and for a rejection if the answer asks for that,
// SendTaskFailure with an error (see callback.ErrorName) otherwise. Output and cause are the JSON of callback.FitAnswer. See
// outbound.SendOnce for the meaning of the errors.
func (t *Target) Deliver(ctx context.Context, a approval.Answer) error {
	result, err := newResult(a)
	if err != nil {
		return callback.ForOrder("answer the task", a, err)
	}
	token := a.Token.Reveal()
	if result.ErrorName == "" {
		err := callback.SendWithinLimit(ctx, t.limits.Success, t.service, t.api.SendTaskSuccess,
			&sfn.SendTaskSuccessInput{TaskToken: &token, Output: &result.JSON})
		return callback.ForOrder("SendTaskSuccess", a, err)
	}
	err = callback.SendWithinLimit(ctx, t.limits.Failure, t.service, t.api.SendTaskFailure,
		&sfn.SendTaskFailureInput{TaskToken: &token, Error: &result.ErrorName, Cause: &result.JSON})
	return callback.ForOrder("SendTaskFailure", a, err)
}

// Heartbeat resets HeartbeatSeconds of the state that waits. It does not extend TimeoutSeconds.
func (t *Target) Heartbeat(ctx context.Context, a approval.Answer) error {
	err := callback.SendWithinLimit(ctx, t.limits.Heartbeat, t.service, t.api.SendTaskHeartbeat,
		&sfn.SendTaskHeartbeatInput{TaskToken: aws.String(a.Token.Reveal())})
	return callback.ForOrder("SendTaskHeartbeat", a, err)
}
