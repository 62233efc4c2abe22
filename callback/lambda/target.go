// Package lambda is the target of AWS Lambda durable functions that wait for a callback. The token of an approval is the
// callback ID.
package lambda

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/setup"
)

// Limits of the API: https://docs.aws.amazon.com/lambda/latest/api/API_SendDurableExecutionCallbackSuccess.html.
// The API accepts 1 MB, but a durable execution stores at most 256 KB in a checkpoint.
const (
	MaxCallbackID = 1024    // characters
	MaxResult     = 262_144 // bytes, of a result or of an error's data
)

// API is the part of lambda.Client that a target uses.
type API interface {
	SendDurableExecutionCallbackSuccess(
		context.Context, *lambda.SendDurableExecutionCallbackSuccessInput, ...func(*lambda.Options),
	) (*lambda.SendDurableExecutionCallbackSuccessOutput, error)
	SendDurableExecutionCallbackFailure(
		context.Context, *lambda.SendDurableExecutionCallbackFailureInput, ...func(*lambda.Options),
	) (*lambda.SendDurableExecutionCallbackFailureOutput, error)
	SendDurableExecutionCallbackHeartbeat(
		context.Context, *lambda.SendDurableExecutionCallbackHeartbeatInput, ...func(*lambda.Options),
	) (*lambda.SendDurableExecutionCallbackHeartbeatOutput, error)
}

// Config configures a Target.
type Config struct {
	// Limit is the rate limit of an account and region. Targets of the same account and region share it.
	Limit setup.Limiter
	// Timeout bounds the wait for the rate limit, and then the call. Zero means callback.DefaultTimeout.
	Timeout time.Duration
}

// Target answers callback IDs. It is safe for concurrent use.
type Target struct {
	api        API
	limit      setup.Limiter
	heartbeats setup.Limiter // the same limit; answers go before heartbeats
	service    outbound.Service[lambda.Options]
}

// NewTarget returns a Target that answers through api.
func NewTarget(api API, c Config) *Target {
	if c.Timeout <= 0 {
		c.Timeout = callback.DefaultTimeout
	}
	return &Target{
		api:        api,
		limit:      c.Limit,
		heartbeats: callback.Yielding(c.Limit),
		service: outbound.Service[lambda.Options]{
			Prepare: func(o *lambda.Options, call *outbound.Call) {
				o.Retryer = aws.NopRetryer{}
				o.HTTPClient = call.ObserveClient(o.HTTPClient)
			},
			Codes: outbound.Codes{
				// CallbackTimeoutException means "expired or already closed", as TaskTimedOut of Step Functions does.
				Closed: []string{"CallbackTimeoutException"},
				// ResourceNotFoundException means that this region does not know the callback. The function may be waiting in
				// another one, so it is a refusal: a heartbeat does not cancel the approval, and an operator can redrive the
				// callback.
				Permanent: []string{
					"ResourceNotFoundException", "InvalidParameterValueException", "ValidationException", "InvalidRequestContentException",
					"RequestTooLargeException", "SerializationException",
				},
			},
			Timeout: c.Timeout,
		},
	}
}

// Deliver answers the callback. An approval, and a rejection if the answer asks for that, is a Success with the JSON of
// callback.FitAnswer. Anything else is a Failure with an error type (see callback.ErrorName), a message for people, and the
// JSON as its data. See outbound.SendOnce for the meaning of the errors.
func (t *Target) Deliver(ctx context.Context, a approval.Answer) error {
	id := a.Token.Reveal()
	if id == "" || len(id) > MaxCallbackID {
		err := callback.InvalidToken("the callback ID is %d bytes long, it must be 1 to %d", len(id), MaxCallbackID)
		return callback.ForOrder("answer the function", a, err)
	}
	result, err := callback.NewResult(a, MaxResult, MaxResult)
	if err != nil {
		return callback.ForOrder("answer the function", a, err)
	}
	if result.ErrorName == "" {
		err := callback.SendWithinLimit(ctx, t.limit, t.service, t.api.SendDurableExecutionCallbackSuccess,
			&lambda.SendDurableExecutionCallbackSuccessInput{CallbackId: &id, Result: []byte(result.JSON)})
		return callback.ForOrder("SendDurableExecutionCallbackSuccess", a, err)
	}
	failure := &types.ErrorObject{
		ErrorType:    &result.ErrorName,
		ErrorMessage: aws.String(summarizeFailure(a)),
		ErrorData:    &result.JSON,
	}
	err = callback.SendWithinLimit(ctx, t.limit, t.service, t.api.SendDurableExecutionCallbackFailure,
		&lambda.SendDurableExecutionCallbackFailureInput{CallbackId: &id, Error: failure})
	return callback.ForOrder("SendDurableExecutionCallbackFailure", a, err)
}

// ValidateToken implements callback.TokenTarget.
func (*Target) ValidateToken(token string) error { return callback.CheckToken(token) }

// Heartbeat resets the heartbeat timeout of the callback.
func (t *Target) Heartbeat(ctx context.Context, a approval.Answer) error {
	err := callback.SendWithinLimit(ctx, t.heartbeats, t.service, t.api.SendDurableExecutionCallbackHeartbeat,
		&lambda.SendDurableExecutionCallbackHeartbeatInput{CallbackId: aws.String(a.Token.Reveal())})
	return callback.ForOrder("SendDurableExecutionCallbackHeartbeat", a, err)
}

// summarizeFailure returns the message of a failure for people who read the error of the function.
func summarizeFailure(a approval.Answer) string {
	if a.Reason != "" {
		return a.Reason
	}
	if n := len(a.Votes); n > 0 {
		return "rejected by " + a.Votes[n-1].By
	}
	return string(a.Status)
}
