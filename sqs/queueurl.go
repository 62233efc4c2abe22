package sqs

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

// resolveQueueURL returns the URL of a queue. A topic that is a URL is used as it is, even if SQS denies
// sqs:GetQueueUrl or cannot be reached. It is an error only if SQS answers that the queue does not exist.
//
// A look-up without an answer is retried: a worker that starts during a short outage of the network would otherwise
// exit, together with its HTTP routes.
func resolveQueueURL(ctx context.Context, api API, topic string) (url string, err error) {
	for range resolveAttempts {
		url, err = lookUpQueueURL(ctx, api, topic)
		if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			break
		}
	}
	return url, err
}

// resolveAttempts bounds the time that a start waits for SQS, as a multiple of callTimeout.
const resolveAttempts = 3

func lookUpQueueURL(ctx context.Context, api API, topic string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if name, owner, ok := splitURL(topic); ok {
		_, err := api.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(name), QueueOwnerAWSAccountId: owner})
		if isMissing(err) {
			return "", fmt.Errorf("%w: %w", ErrNoQueue, err)
		}
		return topic, nil
	}
	out, err := api.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(topic)})
	switch {
	case isMissing(err):
		return "", fmt.Errorf("%w: %w", ErrNoQueue, err)
	case err != nil:
		return "", fmt.Errorf("look up its URL: %w", err)
	}
	return aws.ToString(out.QueueUrl), nil
}

// splitURL returns the parts of a queue URL: https://host/account/name. The account is nil if the URL has none, as with
// some emulators.
func splitURL(topic string) (name string, owner *string, ok bool) {
	if !strings.HasPrefix(topic, "https://") && !strings.HasPrefix(topic, "http://") {
		return "", nil, false
	}
	u, err := url.Parse(topic)
	if err != nil {
		return "", nil, false
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	name = parts[len(parts)-1]
	if len(parts) > 1 && len(parts[len(parts)-2]) == 12 {
		owner = aws.String(parts[len(parts)-2])
	}
	return name, owner, name != ""
}

// isMissing reports whether SQS answered that a queue does not exist. The second code is used by the older protocol,
// and by emulators.
func isMissing(err error) bool {
	return hasCode(err, (&types.QueueDoesNotExist{}).ErrorCode(), "AWS.SimpleQueueService.NonExistentQueue")
}

// isGone reports whether SQS answered that a receipt handle is no longer valid. For an expired handle it answers
// "invalid parameter value".
func isGone(err error) bool {
	return hasCode(err, (&types.MessageNotInflight{}).ErrorCode(), (&types.ReceiptHandleIsInvalid{}).ErrorCode(),
		"AWS.SimpleQueueService.MessageNotInflight", "InvalidParameterValue")
}

func hasCode(err error, codes ...string) bool {
	var e smithy.APIError
	if !errors.As(err, &e) {
		return false
	}
	return slices.Contains(codes, e.ErrorCode())
}
