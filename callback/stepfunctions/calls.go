package stepfunctions

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/sfn"
)

// calls implements API by an SDK client's methods. It does not keep the client: see outbound.OperationNames.
type calls struct {
	sendTaskSuccess func(
		context.Context, *sfn.SendTaskSuccessInput, ...func(*sfn.Options),
	) (*sfn.SendTaskSuccessOutput, error)
	sendTaskFailure func(
		context.Context, *sfn.SendTaskFailureInput, ...func(*sfn.Options),
	) (*sfn.SendTaskFailureOutput, error)
	sendTaskHeartbeat func(
		context.Context, *sfn.SendTaskHeartbeatInput, ...func(*sfn.Options),
	) (*sfn.SendTaskHeartbeatOutput, error)
	getExecutionHistory func(
		context.Context, *sfn.GetExecutionHistoryInput, ...func(*sfn.Options),
	) (*sfn.GetExecutionHistoryOutput, error)
}

func newCalls(client *sfn.Client) API {
	return calls{
		sendTaskSuccess:     client.SendTaskSuccess,
		sendTaskFailure:     client.SendTaskFailure,
		sendTaskHeartbeat:   client.SendTaskHeartbeat,
		getExecutionHistory: client.GetExecutionHistory,
	}
}

func (c calls) SendTaskSuccess(
	ctx context.Context, in *sfn.SendTaskSuccessInput, options ...func(*sfn.Options),
) (*sfn.SendTaskSuccessOutput, error) {
	return c.sendTaskSuccess(ctx, in, options...)
}

func (c calls) SendTaskFailure(
	ctx context.Context, in *sfn.SendTaskFailureInput, options ...func(*sfn.Options),
) (*sfn.SendTaskFailureOutput, error) {
	return c.sendTaskFailure(ctx, in, options...)
}

func (c calls) SendTaskHeartbeat(
	ctx context.Context, in *sfn.SendTaskHeartbeatInput, options ...func(*sfn.Options),
) (*sfn.SendTaskHeartbeatOutput, error) {
	return c.sendTaskHeartbeat(ctx, in, options...)
}

func (c calls) GetExecutionHistory(
	ctx context.Context, in *sfn.GetExecutionHistoryInput, options ...func(*sfn.Options),
) (*sfn.GetExecutionHistoryOutput, error) {
	return c.getExecutionHistory(ctx, in, options...)
}
