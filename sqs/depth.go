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

// DepthAPI is the slice of the SDK's SQS client that WatchDepth needs.
//
// IAM: sqs:GetQueueAttributes, and sqs:GetQueueUrl for a queue that is named.
type DepthAPI interface {
	API
	GetQueueAttributes(context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error)
}

// Depth is how many messages are in a queue, as SQS counts them: about, and a
// minute late. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
type Depth struct {
	Visible  int // to be received
	InFlight int // received by whomever and not ended; about 120,000 are the most
	Delayed  int // not to be received yet
}

// WatchDepth reads how deep the queue of that name or URL is, at once and every so
// often, and tells it, until the context ends. The error it tells is nil again
// once a read succeeds.
func WatchDepth(ctx context.Context, api DepthAPI, queue string, every time.Duration, tell func(Depth, error)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	url := ""
	for {
		d, err := depth(ctx, api, queue, &url)
		if ctx.Err() != nil {
			return
		}
		tell(d, err)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// depth reads once; url keeps the queue's, once it is known.
func depth(ctx context.Context, api DepthAPI, queue string, url *string) (d Depth, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if *url == "" {
		if *url, err = lookUp(ctx, api, queue); err != nil {
			return d, fmt.Errorf("read the depth of queue %q: %w", queue, err)
		}
	}
	names := []types.QueueAttributeName{
		types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
	}
	out, err := api.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: aws.String(*url), AttributeNames: names})
	if err != nil {
		return d, fmt.Errorf("read the depth of queue %q: %w", queue, err)
	}
	for i, into := range []*int{&d.Visible, &d.InFlight, &d.Delayed} {
		if *into, err = strconv.Atoi(out.Attributes[string(names[i])]); err != nil {
			return Depth{}, fmt.Errorf("read the depth of queue %q: %s is no number", queue, names[i])
		}
	}
	return d, nil
}
