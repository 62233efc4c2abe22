package stepfunctions

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	smithyjson "github.com/aws/smithy-go/encoding/json"

	"github.com/approval-relay/approval-relay/awsjson"
)

// calls implements API and HistoryAPI. Answers and heartbeats are frequent, and are called by awsjson. It does not keep the
// SDK's client: see outbound.OperationNames.
type calls struct {
	success   *awsjson.Operation
	failure   *awsjson.Operation
	heartbeat *awsjson.Operation
	history   func(
		context.Context, *sfn.GetExecutionHistoryInput, ...func(*sfn.Options),
	) (*sfn.GetExecutionHistoryOutput, error)
	options sfn.Options // of the SDK's client
}

// NewAPI returns the API of Step Functions for a configuration of the SDK. Its frequent calls make one attempt, and of the
// options of a call they use the HTTP client.
func NewAPI(config aws.Config) (API, error) {
	client := sfn.NewFromConfig(config)
	c := calls{history: client.GetExecutionHistory, options: client.Options()}
	shared := awsjson.Config{
		AWS:        config,
		HTTPClient: c.options.HTTPClient,
		ServiceID:  sfn.ServiceID,
		Clock:      &awsjson.Clock{},
	}
	var errs [3]error
	c.success, errs[0] = newOperation(shared, "SendTaskSuccess", client.SendTaskSuccess,
		&sfn.SendTaskSuccessInput{TaskToken: aws.String("-"), Output: aws.String("{}")})
	c.failure, errs[1] = newOperation(shared, "SendTaskFailure", client.SendTaskFailure,
		&sfn.SendTaskFailureInput{TaskToken: aws.String("-")})
	c.heartbeat, errs[2] = newOperation(shared, "SendTaskHeartbeat", client.SendTaskHeartbeat,
		&sfn.SendTaskHeartbeatInput{TaskToken: aws.String("-")})
	return c, errors.Join(errs[:]...)
}

// newOperation returns an operation. It learns the request of the SDK from a call of this method with this input.
func newOperation[In, Out any](
	config awsjson.Config, name string,
	call func(context.Context, *In, ...func(*sfn.Options)) (*Out, error), in *In,
) (*awsjson.Operation, error) {
	config.Name = name
	config.Call = func(ctx context.Context, with awsjson.Options) error {
		_, err := call(ctx, in, func(o *sfn.Options) {
			o.HTTPClient = with.HTTPClient
			o.Credentials = with.Credentials
			o.Retryer = aws.NopRetryer{}
			o.APIOptions = nil
		})
		return err
	}
	return awsjson.NewOperation(config)
}

func (c calls) SendTaskSuccess(
	ctx context.Context, in *sfn.SendTaskSuccessInput, options ...func(*sfn.Options),
) (*sfn.SendTaskSuccessOutput, error) {
	return send(ctx, c.success, c.options, options, &sfn.SendTaskSuccessOutput{},
		field{"output", in.Output}, field{"taskToken", in.TaskToken})
}

func (c calls) SendTaskFailure(
	ctx context.Context, in *sfn.SendTaskFailureInput, options ...func(*sfn.Options),
) (*sfn.SendTaskFailureOutput, error) {
	return send(ctx, c.failure, c.options, options, &sfn.SendTaskFailureOutput{},
		field{"cause", in.Cause}, field{"error", in.Error}, field{"taskToken", in.TaskToken})
}

func (c calls) SendTaskHeartbeat(
	ctx context.Context, in *sfn.SendTaskHeartbeatInput, options ...func(*sfn.Options),
) (*sfn.SendTaskHeartbeatOutput, error) {
	return send(ctx, c.heartbeat, c.options, options, &sfn.SendTaskHeartbeatOutput{}, field{"taskToken", in.TaskToken})
}

func (c calls) GetExecutionHistory(
	ctx context.Context, in *sfn.GetExecutionHistoryInput, options ...func(*sfn.Options),
) (*sfn.GetExecutionHistoryOutput, error) {
	return c.history(ctx, in, options...)
}

// field is a field of an input.
type field struct {
	name  string
	value *string // nil leaves it out
}

// send makes a call with these fields, and returns out if it succeeds.
func send[Out any](
	ctx context.Context, operation *awsjson.Operation, o sfn.Options, options []func(*sfn.Options), out *Out, fields ...field,
) (*Out, error) {
	for _, option := range options {
		option(&o)
	}
	input := smithyjson.NewEncoder()
	object := input.Object()
	for _, f := range fields {
		if f.value != nil {
			object.Key(f.name).String(*f.value)
		}
	}
	object.Close()
	err := operation.Do(ctx, awsjson.Call{Body: input.Bytes(), HTTPClient: o.HTTPClient, Read: readEmpty})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// readEmpty reads the answer of an operation without output, as the SDK does: an object, or nothing.
func readEmpty(answer []byte) error {
	if string(answer) == "{}" {
		return nil
	}
	var output map[string]json.RawMessage
	if err := json.NewDecoder(bytes.NewReader(answer)).Decode(&output); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}
