package eventbridge

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
)

// calls implements API by an SDK client's methods. It does not keep the client: see outbound.OperationNames.
type calls struct {
	putEvents func(
		context.Context, *eventbridge.PutEventsInput, ...func(*eventbridge.Options),
	) (*eventbridge.PutEventsOutput, error)
}

func newCalls(client *eventbridge.Client) API {
	return calls{
		putEvents: client.PutEvents,
	}
}

func (c calls) PutEvents(
	ctx context.Context, in *eventbridge.PutEventsInput, options ...func(*eventbridge.Options),
) (*eventbridge.PutEventsOutput, error) {
	return c.putEvents(ctx, in, options...)
}
