package sqs

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// calls implements QueueAPI by an SDK client's methods. It does not keep the client: see outbound.OperationNames.
type calls struct {
	getQueueURL func(
		context.Context, *sqs.GetQueueUrlInput, ...func(*sqs.Options),
	) (*sqs.GetQueueUrlOutput, error)
	receiveMessage func(
		context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options),
	) (*sqs.ReceiveMessageOutput, error)
	deleteMessageBatch func(
		context.Context, *sqs.DeleteMessageBatchInput, ...func(*sqs.Options),
	) (*sqs.DeleteMessageBatchOutput, error)
	changeMessageVisibility func(
		context.Context, *sqs.ChangeMessageVisibilityInput, ...func(*sqs.Options),
	) (*sqs.ChangeMessageVisibilityOutput, error)
	getQueueAttributes func(
		context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options),
	) (*sqs.GetQueueAttributesOutput, error)
	sendMessage func(
		context.Context, *sqs.SendMessageInput, ...func(*sqs.Options),
	) (*sqs.SendMessageOutput, error)
	changeMessageVisibilityBatch func(
		context.Context, *sqs.ChangeMessageVisibilityBatchInput, ...func(*sqs.Options),
	) (*sqs.ChangeMessageVisibilityBatchOutput, error)
}

// Calls returns the operations of a client that a Subscriber, WatchDepth and a DeadLetterQueue use.
func Calls(client *sqs.Client) QueueAPI {
	return calls{
		getQueueURL:                  client.GetQueueUrl,
		receiveMessage:               client.ReceiveMessage,
		deleteMessageBatch:           client.DeleteMessageBatch,
		changeMessageVisibility:      client.ChangeMessageVisibility,
		getQueueAttributes:           client.GetQueueAttributes,
		sendMessage:                  client.SendMessage,
		changeMessageVisibilityBatch: client.ChangeMessageVisibilityBatch,
	}
}

func (c calls) GetQueueUrl(
	ctx context.Context, in *sqs.GetQueueUrlInput, options ...func(*sqs.Options),
) (*sqs.GetQueueUrlOutput, error) {
	return c.getQueueURL(ctx, in, options...)
}

func (c calls) ReceiveMessage(
	ctx context.Context, in *sqs.ReceiveMessageInput, options ...func(*sqs.Options),
) (*sqs.ReceiveMessageOutput, error) {
	return c.receiveMessage(ctx, in, options...)
}

func (c calls) DeleteMessageBatch(
	ctx context.Context, in *sqs.DeleteMessageBatchInput, options ...func(*sqs.Options),
) (*sqs.DeleteMessageBatchOutput, error) {
	return c.deleteMessageBatch(ctx, in, options...)
}

func (c calls) ChangeMessageVisibility(
	ctx context.Context, in *sqs.ChangeMessageVisibilityInput, options ...func(*sqs.Options),
) (*sqs.ChangeMessageVisibilityOutput, error) {
	return c.changeMessageVisibility(ctx, in, options...)
}

func (c calls) GetQueueAttributes(
	ctx context.Context, in *sqs.GetQueueAttributesInput, options ...func(*sqs.Options),
) (*sqs.GetQueueAttributesOutput, error) {
	return c.getQueueAttributes(ctx, in, options...)
}

func (c calls) SendMessage(
	ctx context.Context, in *sqs.SendMessageInput, options ...func(*sqs.Options),
) (*sqs.SendMessageOutput, error) {
	return c.sendMessage(ctx, in, options...)
}

func (c calls) ChangeMessageVisibilityBatch(
	ctx context.Context, in *sqs.ChangeMessageVisibilityBatchInput, options ...func(*sqs.Options),
) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
	return c.changeMessageVisibilityBatch(ctx, in, options...)
}
