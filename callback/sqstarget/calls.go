package sqstarget

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// calls implements API by an SDK client's methods. It does not keep the client: see outbound.OperationNames.
type calls struct {
	getQueueURL func(context.Context, *sqs.GetQueueUrlInput, ...func(*sqs.Options)) (*sqs.GetQueueUrlOutput, error)
	sendMessage func(context.Context, *sqs.SendMessageInput, ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
}

func newCalls(client *sqs.Client) API {
	return calls{
		getQueueURL: client.GetQueueUrl,
		sendMessage: client.SendMessage,
	}
}

func (c calls) GetQueueUrl(
	ctx context.Context, in *sqs.GetQueueUrlInput, options ...func(*sqs.Options),
) (*sqs.GetQueueUrlOutput, error) {
	return c.getQueueURL(ctx, in, options...)
}

func (c calls) SendMessage(
	ctx context.Context, in *sqs.SendMessageInput, options ...func(*sqs.Options),
) (*sqs.SendMessageOutput, error) {
	return c.sendMessage(ctx, in, options...)
}
