// Package stepfunctions answers AWS Step Functions: it is the target of
// workflows that wait with a task token.
package stepfunctions

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/outbound"
)

// Limits of the API: https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html
// and API_SendTaskFailure.html. AWS counts a cause in characters; we count its
// bytes, which are never fewer.
const (
	MaxToken  = 2048    // characters
	MaxOutput = 262_144 // bytes of UTF-8
	MaxCause  = 32_768  // bytes
)

// API is what we use of sfn.Client.
type API interface {
	SendTaskSuccess(context.Context, *sfn.SendTaskSuccessInput, ...func(*sfn.Options)) (*sfn.SendTaskSuccessOutput, error)
	SendTaskFailure(context.Context, *sfn.SendTaskFailureInput, ...func(*sfn.Options)) (*sfn.SendTaskFailureOutput, error)
	SendTaskHeartbeat(context.Context, *sfn.SendTaskHeartbeatInput, ...func(*sfn.Options)) (*sfn.SendTaskHeartbeatOutput, error)
}

// NewClient returns a client for New. It makes one attempt a call: a retry of
// the SDK's would hide that an answer may have been applied, and its token
// bucket fails every call once throttling has emptied it. The retries are the
// order's own.
func NewClient(cfg aws.Config, options ...func(*sfn.Options)) *sfn.Client {
	return sfn.NewFromConfig(cfg, append(options, func(o *sfn.Options) { o.Retryer = aws.NopRetryer{} })...)
}

// Config configures a Target. The zero value works.
type Config struct {
	// Limits holds all targets that share it to the quotas of one account and
	// region; nil means limits of this target's own, for the smaller quotas.
	Limits *Limits
	// Timeout bounds the wait for the limiter, and then the call; callback.DefaultTimeout
	// if zero. A deadline of the caller's that comes earlier holds.
	Timeout time.Duration
}

// Target answers task tokens. It is safe for concurrent use.
type Target struct {
	api     API
	limits  *Limits
	timeout time.Duration
}

// New returns a Target that answers through api.
func New(api API, c Config) *Target {
	t := &Target{api: api, limits: c.Limits, timeout: c.Timeout}
	if t.limits == nil {
		t.limits = NewLimits("", DefaultShare)
	}
	if t.timeout <= 0 {
		t.timeout = callback.DefaultTimeout
	}
	return t
}

// message is an answer as the API takes it: an output, or an error with a cause.
type message struct {
	output    string
	errorName string
	cause     string
}

// Validate says whether the answer can be sent as it is: token, output and cause
// within the API's limits. The error is Permanent. Deliver checks the same.
func Validate(a approval.Answer) error {
	_, err := read(a)
	return err
}

func read(a approval.Answer) (message, error) {
	switch n := len(a.Token.Reveal()); {
	case n == 0:
		return message{}, approval.Permanent(errors.New("the approval has no token"))
	case n > MaxToken:
		return message{}, approval.Permanent(fmt.Errorf("the token is %d bytes long, the most is %d", n, MaxToken))
	}
	name, ok := callback.ErrorName(a)
	if !ok {
		return message{}, approval.Permanent(fmt.Errorf("an approval that is %s has no answer", a.Status))
	}
	limit := MaxOutput
	if name != "" {
		limit = MaxCause
	}
	text, err := callback.Fit(a, "", limit, name != "")
	switch {
	case err != nil:
		return message{}, approval.Permanent(err)
	case name != "":
		return message{errorName: name, cause: string(text)}, nil
	}
	return message{output: string(text)}, nil
}

// Deliver answers the task: SendTaskSuccess for what was approved (and for what
// was rejected if the answer says so), SendTaskFailure with the error
// ApprovalDenied, ApprovalTimedOut, ApprovalCancelled or ApprovalSuperseded
// otherwise. Output and cause are the JSON that callback.Fit describes. What the
// errors mean is said at outbound.Call.Judge.
func (t *Target) Deliver(ctx context.Context, a approval.Answer) error {
	m, err := read(a)
	if err != nil {
		return fmt.Errorf("answer the task of order %.80q: %w", a.OrderID, err)
	}
	token := aws.String(a.Token.Reveal())
	if m.errorName == "" {
		return t.call(ctx, "SendTaskSuccess", t.limits.Success, a, func(ctx context.Context, o func(*sfn.Options)) error {
			_, err := t.api.SendTaskSuccess(ctx, &sfn.SendTaskSuccessInput{TaskToken: token, Output: &m.output}, o)
			return err
		})
	}
	return t.call(ctx, "SendTaskFailure", t.limits.Failure, a, func(ctx context.Context, o func(*sfn.Options)) error {
		_, err := t.api.SendTaskFailure(ctx, &sfn.SendTaskFailureInput{TaskToken: token, Error: &m.errorName, Cause: &m.cause}, o)
		return err
	})
}

// Heartbeat tells the task that somebody still works on it. It resets
// HeartbeatSeconds of the state, not TimeoutSeconds.
func (t *Target) Heartbeat(ctx context.Context, a approval.Answer) error {
	token := aws.String(a.Token.Reveal())
	return t.call(ctx, "SendTaskHeartbeat", t.limits.Heartbeat, a, func(ctx context.Context, o func(*sfn.Options)) error {
		_, err := t.api.SendTaskHeartbeat(ctx, &sfn.SendTaskHeartbeatInput{TaskToken: token}, o)
		return err
	})
}

// call makes one attempt.
func (t *Target) call(ctx context.Context, name string, limit callback.Limiter, a approval.Answer, send func(context.Context, func(*sfn.Options)) error) error {
	err := callback.Attempt(ctx, limit, t.timeout, codes(), func(ctx context.Context, c *outbound.Call) error {
		return send(ctx, func(o *sfn.Options) { o.Retryer, o.HTTPClient = aws.NopRetryer{}, c.Watch(o.HTTPClient) })
	})
	if err != nil {
		return fmt.Errorf("%s for order %.80q: %w", name, a.OrderID, err)
	}
	return nil
}

// codes are those of Step Functions. TaskTimedOut says "expired or already
// closed": a second use of a token gets it, also after an answer that was applied
// and whose reply was lost. InvalidToken is no token of theirs, cut on its way or
// sent to the wrong region: there may be somebody who waits, so it is given up,
// which is seen and can be redriven.
func codes() outbound.Codes {
	return outbound.Codes{
		Closed:    []string{"TaskTimedOut", "TaskDoesNotExist"},
		Permanent: []string{"InvalidToken", "InvalidOutput", "ValidationException", "ValidationError", "InvalidParameterValue", "SerializationException"},
	}
}
