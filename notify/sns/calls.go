package sns

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/sns"
)

// calls implements API by an SDK client's methods. It does not keep the client: see outbound.OperationNames.
type calls struct {
	publish func(context.Context, *sns.PublishInput, ...func(*sns.Options)) (*sns.PublishOutput, error)
}

func newCalls(client *sns.Client) API {
	return calls{
		publish: client.Publish,
	}
}

func (c calls) Publish(
	ctx context.Context, in *sns.PublishInput, options ...func(*sns.Options),
) (*sns.PublishOutput, error) {
	return c.publish(ctx, in, options...)
}
