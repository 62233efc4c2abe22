package sqs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

const (
	// scanHold is how long letters are invisible to others while a queue is
	// gone through: what a process that dies meanwhile leaves them with.
	scanHold = 5 * time.Minute
	// scanWait is the long poll by which an empty queue is told: SQS asks all its
	// servers then, which it does not without.
	scanWait = time.Second
	// scanEnd bounds giving back what was looked at.
	scanEnd = time.Minute
)

// Count counts the messages of the dead letter queue by reason code. It looks at
// the first limit messages that the queue returns, and takes none of them: they are
// invisible while it counts, and visible again when it returns.
func (q *DeadLetterQueue) Count(ctx context.Context, limit int) (store.RedriveGroups, error) {
	var groups store.RedriveGroups
	err := q.scan(ctx, limit, func(l letter) (bool, error) {
		groups.Add(l.reasonCode(), 1, l.reason())
		return false, nil
	})
	return groups, err
}

// Move moves up to limit messages back to the source queue, with their
// attributes and AttrRedrives counted up; if code is not empty, only those
// with this reason code. What was moved back redriveLimit times or more, if that is above 0,
// is left alone and counted as guarded, and so is what cannot be sent as it
// was. A message is sent before it is deleted: an end in between leaves it in
// both queues. What is given up again meanwhile is left for the next Move. It
// looks at ten times limit messages at the most.
func (q *DeadLetterQueue) Move(ctx context.Context, limit, redriveLimit int, code approval.ReasonCode) (moved, guarded int, err error) {
	if limit <= 0 {
		return 0, 0, nil
	}
	if q.source == "" {
		return 0, 0, errors.New("sqs: the dead letter queue has no source to move to")
	}
	to, err := q.url(ctx, q.source)
	if err != nil {
		return 0, 0, err
	}
	run := rand.Text()
	err = q.scan(ctx, 10*limit, func(l letter) (bool, error) {
		switch {
		case l.attribute(AttrRedrive) == run:
			return false, nil
		case code != "" && code != l.reasonCode():
			return false, nil
		case redriveLimit > 0 && l.redrives() >= redriveLimit, l.attribute(AttrEncoding) != "":
			guarded++
			return false, nil
		case moved == limit:
			return false, errEnough
		}
		if _, err := q.api.SendMessage(ctx, l.redriven(to, run)); err != nil {
			return false, fmt.Errorf("move message %s to queue %q: %w", aws.ToString(l.MessageId), q.source, err)
		}
		moved++
		return true, nil
	})
	return moved, guarded, err
}

// errEnough ends a scan that has done what it was for.
var errEnough = errors.New("enough")

// scan shows each message of the dead letter queue once, until there is no new
// one, limit have been shown, or show returns an error. Those that show says are
// done with are deleted, the others become visible again at the end.
func (q *DeadLetterQueue) scan(ctx context.Context, limit int, show func(letter) (done bool, err error)) (err error) {
	url, err := q.url(ctx, q.queue)
	if err != nil {
		return err
	}
	var keep []letter
	defer func() { err = errors.Join(err, q.giveBack(ctx, url, keep)) }()
	seen := map[string]bool{}
	for len(seen) < limit {
		batch, err := q.receive(ctx, url, min(maxBatch, limit-len(seen)))
		if err != nil {
			return err
		}
		var done []letter
		var stopped error
		before := len(seen)
		for _, l := range batch {
			fresh, ok := !seen[aws.ToString(l.MessageId)], false
			if fresh && stopped == nil {
				seen[aws.ToString(l.MessageId)] = true
				ok, stopped = show(l)
			}
			if ok {
				done = append(done, l)
			} else {
				keep = append(keep, l)
			}
		}
		if err := q.remove(ctx, url, done); err != nil {
			return errors.Join(stopped, err)
		}
		if stopped != nil && !errors.Is(stopped, errEnough) {
			return stopped
		}
		if stopped != nil || len(seen) == before {
			return nil
		}
	}
	return nil
}

func (q *DeadLetterQueue) receive(ctx context.Context, url string, n int) ([]letter, error) {
	out, err := q.api.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: aws.String(url), MaxNumberOfMessages: int32(n),
		WaitTimeSeconds: int32(scanWait / time.Second), VisibilityTimeout: int32(scanHold / time.Second),
		MessageAttributeNames:       []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"SentTimestamp"},
	})
	if err != nil {
		return nil, fmt.Errorf("receive from dead letter queue %q: %w", q.queue, err)
	}
	letters := make([]letter, len(out.Messages))
	for i, m := range out.Messages {
		letters[i] = letter{m}
	}
	return letters, nil
}

// remove deletes letters that are in the source queue again, which is to be
// ended even if ctx does.
func (q *DeadLetterQueue) remove(ctx context.Context, url string, letters []letter) error {
	if len(letters) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), scanEnd)
	defer cancel()
	entries := make([]types.DeleteMessageBatchRequestEntry, len(letters))
	for i, l := range letters {
		entries[i] = types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: l.ReceiptHandle}
	}
	var err error
	for attempt := 1; attempt <= deleteAttempts && len(entries) > 0; attempt++ {
		if attempt > 1 && !pause(ctx, callBackoff(attempt-1)) {
			break
		}
		var out *sqs.DeleteMessageBatchOutput
		if out, err = q.api.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: aws.String(url), Entries: entries}); err == nil {
			entries = notIn(entries, out.Successful)
		}
	}
	if len(entries) > 0 {
		return fmt.Errorf("%d messages were moved and are still in dead letter queue %q too: %w", len(entries), q.queue, errors.Join(err, errNotDeleted))
	}
	return nil
}

var errNotDeleted = errors.New("delete refused")

func notIn(entries []types.DeleteMessageBatchRequestEntry, done []types.DeleteMessageBatchResultEntry) []types.DeleteMessageBatchRequestEntry {
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

// giveBack makes letters visible again, also if ctx has ended.
func (q *DeadLetterQueue) giveBack(ctx context.Context, url string, letters []letter) error {
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

// letter is a message in a dead letter queue.
type letter struct{ types.Message }

func (l letter) attribute(name string) string {
	text, _ := attributeText(l.MessageAttributes[name])
	return text
}

// reasonCode returns the reason code of the dead letter. SQS itself moves a message
// that was received maxReceiveCount times, and adds no attributes of ours.
func (l letter) reasonCode() approval.ReasonCode {
	switch code := l.attribute(AttrReasonCode); {
	case code != "":
		return approval.ParseReasonCode(code) // the sender of the message may have written it
	case l.attribute(AttrReason) != "":
		return approval.ReasonUnknown
	}
	return approval.ReasonReceivedTooOften
}

// reason returns the text of the error, or the reason for which SQS moved the message.
func (l letter) reason() string {
	if l.reasonCode() == approval.ReasonReceivedTooOften {
		return "SQS moved the message: it was received maxReceiveCount times"
	}
	return l.attribute(AttrReason)
}

func (l letter) redrives() int {
	n, err := strconv.Atoi(l.attribute(AttrRedrives))
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// redriven is the letter as that Move sends it back.
func (l letter) redriven(to, run string) *sqs.SendMessageInput {
	values := maps.Clone(l.MessageAttributes)
	if values == nil {
		values = map[string]types.MessageAttributeValue{}
	}
	delete(values, AttrReasonCode)
	delete(values, AttrReason)
	values[AttrRedrive] = stringValue(run)
	values[AttrRedrives] = stringValue(strconv.Itoa(l.redrives() + 1))
	if at, ok := sentAt(&l.Message); ok && l.attribute(AttrSentAt) == "" {
		values[AttrSentAt] = stringValue(at.Format(time.RFC3339Nano))
	}
	return send(to, aws.ToString(l.Body), values, aws.ToString(l.MessageId))
}
