package sqs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

const (
	// scanHold is the time for which messages are invisible to other consumers while a queue is scanned. If the process
	// dies meanwhile, they stay invisible until then.
	scanHold = 5 * time.Minute
	// lookHold is that time for a scan that only looks at a few messages.
	lookHold = 30 * time.Second
	// scanWait is the long poll that finds out that a queue is empty. Only for a long poll does SQS ask all its
	// servers.
	scanWait = time.Second
	// scanEnd bounds the return of the messages at the end.
	scanEnd = 10 * time.Second
	// maxScan is the largest number of messages of a scan. SQS allows about 120,000 messages in flight.
	maxScan = 20_000
	// returnsAtOnce is the number of concurrent calls that return messages.
	returnsAtOnce = 8
)

// errEnough ends a scan early, without an error.
var errEnough = errors.New("enough")

// scan is the result of a scan.
type scan struct {
	lookedAt int  // messages
	hasMore  bool // the scan ended before it had seen all messages
}

// inspectFunc looks at messages, and returns those that are done with. An error ends the scan.
type inspectFunc func([]deadLetter) (done []deadLetter, err error)

// scanMessages calls inspect with each message of the dead letter queue once, until there is no new message, the time
// has come, maxScan messages were inspected, or inspect returns an error. Messages that inspect is done with are
// deleted. The others become visible again at the end, or after hold if the process dies. Until then only their handles are
// kept, not their bodies.
func (q *DeadLetterQueue) scanMessages(
	ctx context.Context, until time.Time, hold time.Duration, inspect inspectFunc,
) (s scan, err error) {
	url, err := q.queueURL(ctx, q.queue)
	if err != nil {
		return s, err
	}
	var kept []*string // receipt handles
	defer func() { err = errors.Join(err, q.returnMessages(ctx, url, kept)) }()
	seen := map[string]bool{}
	for {
		if s.lookedAt >= maxScan || !time.Now().Before(until) {
			s.hasMore = true
			return s, nil
		}
		batch, err := q.receiveMessages(ctx, url, hold)
		if err != nil {
			return s, err
		}
		var fresh []deadLetter
		for _, l := range batch {
			if id := aws.ToString(l.MessageId); !seen[id] {
				seen[id] = true
				fresh = append(fresh, l)
			}
		}
		s.lookedAt += len(fresh)
		done, inspectErr := inspect(fresh)
		kept = append(kept, handlesWithout(batch, done)...)
		s.hasMore = errors.Is(inspectErr, errEnough)
		if s.hasMore {
			inspectErr = nil
		}
		err = errors.Join(inspectErr, q.deleteMessages(ctx, url, done))
		if err != nil || s.hasMore || len(fresh) == 0 {
			return s, err
		}
	}
}

// handlesWithout returns the receipt handles of the messages that are not done with.
func handlesWithout(batch, done []deadLetter) []*string {
	isDone := map[string]bool{}
	for _, l := range done {
		isDone[aws.ToString(l.ReceiptHandle)] = true
	}
	var handles []*string
	for _, l := range batch {
		if !isDone[aws.ToString(l.ReceiptHandle)] {
			handles = append(handles, l.ReceiptHandle)
		}
	}
	return handles
}

func (q *DeadLetterQueue) receiveMessages(
	ctx context.Context, url string, hold time.Duration,
) ([]deadLetter, error) {
	out, err := q.api.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl:                    aws.String(url),
		MaxNumberOfMessages:         maxBatch,
		WaitTimeSeconds:             int32(scanWait / time.Second),
		VisibilityTimeout:           int32(hold / time.Second),
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

// deleteMessages deletes messages, even if ctx has ended.
func (q *DeadLetterQueue) deleteMessages(ctx context.Context, url string, letters []deadLetter) error {
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
		return fmt.Errorf("%d messages are done with and still in dead letter queue %q: %w",
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
func (q *DeadLetterQueue) returnMessages(ctx context.Context, url string, handles []*string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), scanEnd)
	defer cancel()
	var mu sync.Mutex
	failed, last := 0, error(nil)
	var group sync.WaitGroup
	for round := range slices.Chunk(handles, maxBatch*returnsAtOnce) {
		for batch := range slices.Chunk(round, maxBatch) {
			group.Go(func() {
				n, err := q.returnBatch(ctx, url, batch)
				mu.Lock()
				defer mu.Unlock()
				if n > 0 {
					failed, last = failed+n, err
				}
			})
		}
		group.Wait()
	}
	if failed > 0 {
		return fmt.Errorf("%d messages of dead letter queue %q stay invisible for %v: %w", failed, q.queue, scanHold, last)
	}
	return nil
}

// returnBatch makes up to maxBatch messages visible again. It returns the number of those that stay invisible, and the
// error of the last of them. A message that is gone or visible already needs no return.
func (q *DeadLetterQueue) returnBatch(ctx context.Context, url string, handles []*string) (failed int, err error) {
	entries := make([]types.ChangeMessageVisibilityBatchRequestEntry, len(handles))
	for i, handle := range handles {
		entries[i] = types.ChangeMessageVisibilityBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: handle}
	}
	out, err := q.api.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{
		QueueUrl: aws.String(url),
		Entries:  entries,
	})
	if err != nil {
		return len(handles), err
	}
	for _, f := range out.Failed {
		refused := &smithy.GenericAPIError{Code: aws.ToString(f.Code), Message: aws.ToString(f.Message)}
		if !isGone(refused) {
			failed, err = failed+1, refused
		}
	}
	return failed, err
}
