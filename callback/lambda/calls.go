package lambda

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// calls implements API by an SDK client's methods. It does not keep the client: see outbound.OperationNames.
type calls struct {
	sendDurableExecutionCallbackSuccess func(
		context.Context, *lambda.SendDurableExecutionCallbackSuccessInput, ...func(*lambda.Options),
	) (*lambda.SendDurableExecutionCallbackSuccessOutput, error)
	sendDurableExecutionCallbackFailure func(
		context.Context, *lambda.SendDurableExecutionCallbackFailureInput, ...func(*lambda.Options),
	) (*lambda.SendDurableExecutionCallbackFailureOutput, error)
	sendDurableExecutionCallbackHeartbeat func(
		context.Context, *lambda.SendDurableExecutionCallbackHeartbeatInput, ...func(*lambda.Options),
	) (*lambda.SendDurableExecutionCallbackHeartbeatOutput, error)
}

func newCalls(client *lambda.Client) API {
	return calls{
		sendDurableExecutionCallbackSuccess:   client.SendDurableExecutionCallbackSuccess,
		sendDurableExecutionCallbackFailure:   client.SendDurableExecutionCallbackFailure,
		sendDurableExecutionCallbackHeartbeat: client.SendDurableExecutionCallbackHeartbeat,
	}
}

func (c calls) SendDurableExecutionCallbackSuccess(
	ctx context.Context, in *lambda.SendDurableExecutionCallbackSuccessInput, options ...func(*lambda.Options),
) (*lambda.SendDurableExecutionCallbackSuccessOutput, error) {
	return c.sendDurableExecutionCallbackSuccess(ctx, in, options...)
}

func (c calls) SendDurableExecutionCallbackFailure(
	ctx context.Context, in *lambda.SendDurableExecutionCallbackFailureInput, options ...func(*lambda.Options),
) (*lambda.SendDurableExecutionCallbackFailureOutput, error) {
	return c.sendDurableExecutionCallbackFailure(ctx, in, options...)
}

func (c calls) SendDurableExecutionCallbackHeartbeat(
	ctx context.Context, in *lambda.SendDurableExecutionCallbackHeartbeatInput, options ...func(*lambda.Options),
) (*lambda.SendDurableExecutionCallbackHeartbeatOutput, error) {
	return c.sendDurableExecutionCallbackHeartbeat(ctx, in, options...)
}
