package sqs

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// DepthAPI is the slice of the SDK's SQS client that WatchDepth uses.
//
// IAM: sqs:GetQueueAttributes, and sqs:GetQueueUrl for a queue given by name.
type DepthAPI interface {
	API
	GetQueueAttributes(
		context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options),
	) (*sqs.GetQueueAttributesOutput, error)
}

// Depth is the number of messages in a queue as SQS counts them, approximately and a minute late.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
type Depth struct {
	Visible  int // ready to be received
	InFlight int // received by any consumer and not settled yet; SQS allows about 120,000
	Delayed  int // not yet ready to be received
}

// WatchDepth reads the depth of a queue, given by name or URL, at once and at every interval, and reports each result,
// until the context ends.
func WatchDepth(ctx context.Context, api DepthAPI, queue string, interval time.Duration, report func(Depth, error)) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	url := ""
	for {
		d, err := readDepth(ctx, api, queue, &url)
		if ctx.Err() != nil {
			return
		}
		report(d, err)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// readDepth reads the depth once. It keeps the queue's URL in url.
func readDepth(ctx context.Context, api DepthAPI, queue string, url *string) (d Depth, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if *url == "" {
		if *url, err = lookUpQueueURL(ctx, api, queue); err != nil {
			return d, fmt.Errorf("read the depth of queue %q: %w", queue, err)
		}
	}
	names := []types.QueueAttributeName{
		types.QueueAttributeNameApproximateNumberOfMessages,
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
	}
	out, err := api.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: aws.String(*url), AttributeNames: names})
	if err != nil {
		return d, fmt.Errorf("read the depth of queue %q: %w", queue, err)
	}
	for i, into := range []*int{&d.Visible, &d.InFlight, &d.Delayed} {
		if *into, err = strconv.Atoi(out.Attributes[string(names[i])]); err != nil {
			return Depth{}, fmt.Errorf("read the depth of queue %q: %s is not a number", queue, names[i])
		}
	}
	return d, nil
}
