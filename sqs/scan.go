package sqs

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

const (
	// scanHold is the time for which messages are invisible to other consumers while a queue is scanned. If the process
	// dies meanwhile, they stay invisible until then.
	scanHold = 5 * time.Minute
	// scanWait is the long poll that finds out that a queue is empty. Only for a long poll does SQS ask all its
	// servers.
	scanWait = time.Second
	// scanEnd bounds the return of the messages at the end.
	scanEnd = time.Minute
)

// errEnough ends a scan early, without an error.
var errEnough = errors.New("enough")

// scanMessages calls inspect with each message of the dead letter queue once, until there is no new message, limit
// messages were inspected, or inspect returns an error. Messages that inspect is done with are deleted. The others
// become visible again at the end.
func (q *DeadLetterQueue) scanMessages(ctx context.Context, limit int, inspect inspectFunc) (err error) {
	url, err := q.queueURL(ctx, q.queue)
	if err != nil {
		return err
	}
	var kept []deadLetter
	defer func() { err = errors.Join(err, q.returnMessages(ctx, url, kept)) }()
	seen := map[string]bool{}
	for len(seen) < limit {
		batch, err := q.receiveMessages(ctx, url, min(maxBatch, limit-len(seen)))
		if err != nil {
			return err
		}
		before := len(seen)
		done, rest, inspectErr := inspectBatch(batch, seen, inspect)
		kept = append(kept, rest...)
		isEnough := errors.Is(inspectErr, errEnough)
		if isEnough {
			inspectErr = nil
		}
		if err := errors.Join(inspectErr, q.deleteMoved(ctx, url, done)); err != nil {
			return err
		}
		if isEnough || len(seen) == before {
			return nil
		}
	}
	return nil
}

// inspectFunc looks at a message. It reports whether the message is done with, or returns an error that ends the scan.
type inspectFunc func(deadLetter) (done bool, err error)

// inspectBatch inspects the messages that were not seen before, until inspect returns an error.
func inspectBatch(batch []deadLetter, seen map[string]bool, inspect inspectFunc) (done, rest []deadLetter, err error) {
	for _, l := range batch {
		id := aws.ToString(l.MessageId)
		isDone := false
		if err == nil && !seen[id] {
			seen[id] = true
			isDone, err = inspect(l)
		}
		if isDone {
			done = append(done, l)
		} else {
			rest = append(rest, l)
		}
	}
	return done, rest, err
}

func (q *DeadLetterQueue) receiveMessages(ctx context.Context, url string, n int) ([]deadLetter, error) {
	out, err := q.api.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl:                    aws.String(url),
		MaxNumberOfMessages:         int32(n),
		WaitTimeSeconds:             int32(scanWait / time.Second),
		VisibilityTimeout:           int32(scanHold / time.Second),
		MessageAttributeNames:       []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameSentTimestamp},
	})
	if err != nil {
		return nil, fmt.Errorf("receive from dead letter queue %q: %w", q.queue, err)
	}
	letters := make([]deadLetter, len(out.Messages))
	for i, m := range out.Messages {
		letters[i] = deadLetter{m}
	}
	return letters, nil
}

// deleteMoved deletes messages that are in the source queue again, even if ctx has ended.
func (q *DeadLetterQueue) deleteMoved(ctx context.Context, url string, letters []deadLetter) error {
	if len(letters) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), scanEnd)
	defer cancel()
	entries := make([]types.DeleteMessageBatchRequestEntry, len(letters))
	for i, l := range letters {
		entries[i] = types.DeleteMessageBatchRequestEntry{
			Id:            aws.String(strconv.Itoa(i)),
			ReceiptHandle: l.ReceiptHandle,
		}
	}
	var err error
	for attempt := 1; attempt <= deleteAttempts && len(entries) > 0; attempt++ {
		if attempt > 1 && !pause(ctx, callBackoff(attempt-1)) {
			break
		}
		var out *sqs.DeleteMessageBatchOutput
		out, err = q.api.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: aws.String(url), Entries: entries})
		if err == nil {
			entries = withoutDeleted(entries, out.Successful)
		}
	}
	if len(entries) > 0 {
		return fmt.Errorf("%d messages were moved and are still in dead letter queue %q too: %w",
			len(entries), q.queue, errors.Join(err, errNotDeleted))
	}
	return nil
}

var errNotDeleted = errors.New("delete refused")

// withoutDeleted returns the entries that were not deleted.
func withoutDeleted(
	entries []types.DeleteMessageBatchRequestEntry, done []types.DeleteMessageBatchResultEntry,
) []types.DeleteMessageBatchRequestEntry {
	ids := map[string]bool{}
	for _, d := range done {
		ids[aws.ToString(d.Id)] = true
	}
	var left []types.DeleteMessageBatchRequestEntry
	for _, e := range entries {
		if !ids[aws.ToString(e.Id)] {
			left = append(left, e)
		}
	}
	return left
}

// returnMessages makes messages visible again, even if ctx has ended.
func (q *DeadLetterQueue) returnMessages(ctx context.Context, url string, letters []deadLetter) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), scanEnd)
	defer cancel()
	failed, last := 0, error(nil)
	for _, l := range letters {
		_, err := q.api.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
			QueueUrl: aws.String(url), ReceiptHandle: l.ReceiptHandle, VisibilityTimeout: 0,
		})
		if err != nil && !isGone(err) {
			failed, last = failed+1, err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d messages of dead letter queue %q stay invisible for %v: %w", failed, q.queue, scanHold, last)
	}
	return nil
}
