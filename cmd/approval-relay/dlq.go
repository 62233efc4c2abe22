package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Attributes of a message in a dead letter queue.
const (
	attributeReason   = "ApprovalRelayReason"
	attributeRedrives = "ApprovalRelayRedrives"
)

// maxReason bounds the reason attribute, in bytes.
const maxReason = 1024

// deadLetterQueue is an SQS queue of messages that were given up. The reason is
// an attribute; the body is as it came.
type deadLetterQueue struct {
	client *awssqs.Client
	name   string // name or URL
	source string // name or URL of the queue that messages go back to
}

func (q *deadLetterQueue) url(ctx context.Context, name string) (*string, error) {
	if strings.Contains(name, "://") {
		return aws.String(name), nil
	}
	out, err := q.client.GetQueueUrl(ctx, &awssqs.GetQueueUrlInput{QueueName: aws.String(name)})
	if err != nil {
		return nil, fmt.Errorf("find queue %s: %w", name, err)
	}
	return out.QueueUrl, nil
}

func text(s string) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(s)}
}

// PutLetter implements router.Letters.
func (q *deadLetterQueue) PutLetter(ctx context.Context, _ string, msg *message.Message, reason string) error {
	url, err := q.url(ctx, q.name)
	if err != nil {
		return err
	}
	if len(reason) > maxReason {
		reason = strings.ToValidUTF8(reason[:maxReason], "")
	}
	redrives := msg.Metadata.Get("attribute." + attributeRedrives)
	if redrives == "" {
		redrives = "0"
	}
	_, err = q.client.SendMessage(ctx, &awssqs.SendMessageInput{
		QueueUrl: url, MessageBody: aws.String(string(msg.Payload)),
		MessageAttributes: map[string]types.MessageAttributeValue{attributeReason: text(reason), attributeRedrives: text(redrives)},
	})
	if err != nil {
		return fmt.Errorf("send to dead letter queue %s: %w", q.name, err)
	}
	return nil
}

// Count implements handlers.Queue: it looks at messages for half a minute and
// leaves them.
func (q *deadLetterQueue) Count(ctx context.Context, limit int) (map[string]int, error) {
	counts := map[string]int{}
	_, err := q.each(ctx, limit, func(m types.Message, _ *string) (bool, error) {
		counts[reasonOf(m)]++
		return false, nil
	})
	return counts, err
}

// Move implements handlers.Queue.
func (q *deadLetterQueue) Move(ctx context.Context, limit, redriveLimit int, reason string) (moved, guarded int, err error) {
	back, err := q.url(ctx, q.source)
	if err != nil {
		return 0, 0, err
	}
	_, err = q.each(ctx, limit, func(m types.Message, url *string) (bool, error) {
		redrives, _ := strconv.Atoi(aws.ToString(m.MessageAttributes[attributeRedrives].StringValue)) // absent is 0
		if reason != "" && reasonOf(m) != reason {
			return false, nil
		}
		if redriveLimit > 0 && redrives >= redriveLimit {
			guarded++
			return false, nil
		}
		attributes := map[string]types.MessageAttributeValue{}
		for k, v := range m.MessageAttributes {
			attributes[k] = v
		}
		delete(attributes, attributeReason)
		attributes[attributeRedrives] = text(strconv.Itoa(redrives + 1))
		// Sent first and deleted then: a crash between the two makes a copy, which
		// the record of its order knows, and loses nothing.
		if _, err := q.client.SendMessage(ctx, &awssqs.SendMessageInput{QueueUrl: back, MessageBody: m.Body, MessageAttributes: attributes}); err != nil {
			return false, fmt.Errorf("send back to %s: %w", q.source, err)
		}
		moved++
		_, err := q.client.DeleteMessage(ctx, &awssqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: m.ReceiptHandle})
		return true, err
	})
	return moved, guarded, err
}

// each shows each message of the dead letter queue once. What f did not take is
// made visible again at the end.
func (q *deadLetterQueue) each(ctx context.Context, limit int, f func(types.Message, *string) (bool, error)) (int, error) {
	url, err := q.url(ctx, q.name)
	if err != nil {
		return 0, err
	}
	var left []*string
	defer func() {
		for _, receipt := range left {
			_, _ = q.client.ChangeMessageVisibility(context.WithoutCancel(ctx), &awssqs.ChangeMessageVisibilityInput{
				QueueUrl: url, ReceiptHandle: receipt, VisibilityTimeout: 0, // or it is by itself, in five minutes
			})
		}
	}()
	seen := 0
	for seen < limit {
		out, err := q.client.ReceiveMessage(ctx, &awssqs.ReceiveMessageInput{
			QueueUrl: url, MaxNumberOfMessages: int32(min(10, limit-seen)), VisibilityTimeout: 300, WaitTimeSeconds: 1, //nolint:gosec // 1 to 10
			MessageAttributeNames: []string{"All"},
		})
		if err != nil {
			return seen, fmt.Errorf("read dead letter queue %s: %w", q.name, err)
		}
		if len(out.Messages) == 0 {
			return seen, nil
		}
		for i, m := range out.Messages {
			seen++
			taken, err := f(m, url)
			if !taken {
				left = append(left, m.ReceiptHandle)
			}
			if err != nil {
				for _, rest := range out.Messages[i+1:] {
					left = append(left, rest.ReceiptHandle)
				}
				return seen, err
			}
		}
	}
	return seen, nil
}

func reasonOf(m types.Message) string {
	if v := aws.ToString(m.MessageAttributes[attributeReason].StringValue); v != "" {
		return v
	}
	return "(moved by SQS: received too often)"
}
