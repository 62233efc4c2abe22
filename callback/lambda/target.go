// Package lambda answers AWS Lambda durable functions: it is the target of
// functions that wait for a callback. A callback ID takes the place of a token.
package lambda

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/outbound"
)

// Limits of the API: https://docs.aws.amazon.com/lambda/latest/api/API_SendDurableExecutionCallbackSuccess.html.
// It takes 1 MB, but a durable execution checkpoints 256 KB at the most.
const (
	MaxCallbackID = 1024    // characters
	MaxResult     = 262_144 // bytes, of a result or of an error's data
)

// API is what we use of lambda.Client.
type API interface {
	SendDurableExecutionCallbackSuccess(context.Context, *lambda.SendDurableExecutionCallbackSuccessInput, ...func(*lambda.Options)) (*lambda.SendDurableExecutionCallbackSuccessOutput, error)
	SendDurableExecutionCallbackFailure(context.Context, *lambda.SendDurableExecutionCallbackFailureInput, ...func(*lambda.Options)) (*lambda.SendDurableExecutionCallbackFailureOutput, error)
	SendDurableExecutionCallbackHeartbeat(context.Context, *lambda.SendDurableExecutionCallbackHeartbeatInput, ...func(*lambda.Options)) (*lambda.SendDurableExecutionCallbackHeartbeatOutput, error)
}

// Config configures a Target.
type Config struct {
	// Limit holds all targets that share it to the quota of one account and region.
	Limit callback.Limiter
	// Timeout bounds the wait for the limiter, and then the call;
	// callback.DefaultTimeout if zero.
	Timeout time.Duration
}

// Target answers callback IDs. It is safe for concurrent use.
type Target struct {
	api    API
	config Config
}

// New returns a Target that answers through api.
func New(api API, c Config) *Target {
	if c.Timeout <= 0 {
		c.Timeout = callback.DefaultTimeout
	}
	return &Target{api, c}
}

// Deliver answers the callback: Success with the JSON that callback.Fit describes
// for what was approved (and for what was rejected if the answer says so), else
// Failure with the type ApprovalDenied, ApprovalTimedOut, ApprovalCancelled or
// ApprovalSuperseded, a message for people, and the JSON as its data. What the
// errors mean is said at outbound.Call.Judge.
func (t *Target) Deliver(ctx context.Context, a approval.Answer) error {
	id, name, text, err := read(a)
	if err != nil {
		return fmt.Errorf("answer the function of order %.80q: %w", a.OrderID, err)
	}
	if name == "" {
		return t.call(ctx, "SendDurableExecutionCallbackSuccess", a, func(ctx context.Context, o func(*lambda.Options)) error {
			_, err := t.api.SendDurableExecutionCallbackSuccess(ctx, &lambda.SendDurableExecutionCallbackSuccessInput{CallbackId: &id, Result: text}, o)
			return err
		})
	}
	failure := &types.ErrorObject{ErrorType: &name, ErrorMessage: aws.String(message(a)), ErrorData: aws.String(string(text))}
	return t.call(ctx, "SendDurableExecutionCallbackFailure", a, func(ctx context.Context, o func(*lambda.Options)) error {
		_, err := t.api.SendDurableExecutionCallbackFailure(ctx, &lambda.SendDurableExecutionCallbackFailureInput{CallbackId: &id, Error: failure}, o)
		return err
	})
}

// Heartbeat tells the execution that somebody still works on its callback: it
// resets the callback's heartbeat timeout.
func (t *Target) Heartbeat(ctx context.Context, a approval.Answer) error {
	return t.call(ctx, "SendDurableExecutionCallbackHeartbeat", a, func(ctx context.Context, o func(*lambda.Options)) error {
		_, err := t.api.SendDurableExecutionCallbackHeartbeat(ctx, &lambda.SendDurableExecutionCallbackHeartbeatInput{CallbackId: aws.String(a.Token.Reveal())}, o)
		return err
	})
}

func read(a approval.Answer) (id, name string, text []byte, err error) {
	id = a.Token.Reveal()
	if id == "" || len(id) > MaxCallbackID {
		return "", "", nil, approval.Permanent(fmt.Errorf("the callback ID is %d bytes long, it must be 1 to %d", len(id), MaxCallbackID))
	}
	name, ok := callback.ErrorName(a)
	if !ok {
		return "", "", nil, approval.Permanent(errors.New("an approval that is pending has no answer"))
	}
	text, err = callback.Fit(a, "", MaxResult, name != "")
	return id, name, text, approval.Permanent(err)
}

// message says in short what happened, for whoever reads the function's error.
func message(a approval.Answer) string {
	if a.Reason != "" {
		return a.Reason
	}
	if n := len(a.Votes); n > 0 {
		return "rejected by " + a.Votes[n-1].By
	}
	return string(a.Status)
}

// call makes one attempt.
func (t *Target) call(ctx context.Context, name string, a approval.Answer, send func(context.Context, func(*lambda.Options)) error) error {
	err := callback.Attempt(ctx, t.config.Limit, t.config.Timeout, codes(), func(ctx context.Context, c *outbound.Call) error {
		return send(ctx, func(o *lambda.Options) { o.Retryer, o.HTTPClient = aws.NopRetryer{}, c.Watch(o.HTTPClient) })
	})
	if err != nil {
		return fmt.Errorf("%s for order %.80q: %w", name, a.OrderID, err)
	}
	return nil
}

// codes are those of the API. CallbackTimeoutException says "expired or already
// closed", as TaskTimedOut of Step Functions does.
func codes() outbound.Codes {
	return outbound.Codes{
		Closed: []string{"CallbackTimeoutException", "ResourceNotFoundException"},
		Permanent: []string{
			"InvalidParameterValueException", "ValidationException", "InvalidRequestContentException", "RequestTooLargeException", "SerializationException",
		},
	}
}
