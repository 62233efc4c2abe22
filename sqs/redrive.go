package sqs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// Count counts the selected messages of the dead letter queue by reason code. The messages stay in the queue: they are
// invisible while it counts, and visible again when it returns. It ends at r.Until, or after maxScan messages.
func (q *DeadLetterQueue) Count(ctx context.Context, r store.QueueRedrive) (store.QueueReport, error) {
	var report store.QueueReport
	scan, err := q.scanMessages(ctx, r.Until, scanHold, func(batch []deadLetter) ([]deadLetter, error) {
		for _, l := range batch {
			if r.Selects(l.reasonCode()) {
				report.Found.Add(l.reasonCode(), 1, l.reason())
				l.countKept(&report, r)
			}
		}
		return nil, nil
	})
	return q.finishReport(ctx, report, scan, err)
}

// Move moves up to r.Max selected messages back to the source queue, with their attributes, and increments
// AttrRedrives. It ends at r.Until, or after it has looked at maxScan messages.
//
// Messages that were moved back r.MaxRedrives times or more, if that is above 0, stay and are counted as guarded.
// Messages that cannot be sent as they were stay and are counted as kept. A message that becomes a dead letter again
// while the redrive with this r.RunID goes on stays and is counted as returned. A message is sent before it is deleted: a
// crash in between leaves it in both queues.
func (q *DeadLetterQueue) Move(ctx context.Context, r store.QueueRedrive) (store.QueueReport, error) {
	var report store.QueueReport
	if r.Max <= 0 {
		return report, nil
	}
	if q.source == "" {
		return report, errors.New("sqs: the dead letter queue has no source queue")
	}
	to, err := q.queueURL(ctx, q.source)
	if err != nil {
		return report, err
	}
	scan, err := q.scanMessages(ctx, r.Until, scanHold, func(batch []deadLetter) ([]deadLetter, error) {
		var selected []deadLetter
		for _, l := range batch {
			switch {
			case !r.Selects(l.reasonCode()):
			case l.attribute(AttrRedrive) == r.RunID:
				report.Returned++
			case report.Requeued+len(selected) == r.Max:
				// It is not counted: the next step looks at it again.
			default:
				report.Found.Add(l.reasonCode(), 1, l.reason())
				if !l.countKept(&report, r) {
					selected = append(selected, l)
				}
			}
		}
		moved, err := q.sendBack(ctx, to, r.RunID, selected)
		report.Requeued += len(moved)
		report.Kept += len(selected) - len(moved)
		if err == nil && report.Requeued == r.Max {
			err = errEnough
		}
		return moved, err
	})
	return q.finishReport(ctx, report, scan, err)
}

// sendBack sends messages to the source queue, all at the same time, and returns those that SQS has taken.
func (q *DeadLetterQueue) sendBack(ctx context.Context, to, runID string, letters []deadLetter) ([]deadLetter, error) {
	failures := make([]error, len(letters))
	var group sync.WaitGroup
	for i, l := range letters { // at most maxBatch
		group.Go(func() { _, failures[i] = q.api.SendMessage(ctx, l.redriveInput(to, runID)) })
	}
	group.Wait()
	var sent []deadLetter
	var failed error
	for i, l := range letters {
		if failures[i] == nil {
			sent = append(sent, l)
		} else if failed == nil {
			failed = fmt.Errorf("move message %s to queue %q: %w", aws.ToString(l.MessageId), q.source, failures[i])
		}
	}
	return sent, failed
}

// finishReport completes the report of a scan. If the scan has not seen all messages, the report has the number of the
// others. That number is only information: if SQS does not tell it, it is 0.
func (q *DeadLetterQueue) finishReport(
	ctx context.Context, report store.QueueReport, s scan, err error,
) (store.QueueReport, error) {
	report.HasMore = s.hasMore
	if s.hasMore {
		if _, messages, countErr := q.CountAll(ctx); countErr == nil {
			report.NotLookedAt = max(0, messages-(s.lookedAt-report.Requeued))
		}
	}
	return report, err
}

// deadLetter is a message in a dead letter queue.
type deadLetter struct{ types.Message }

func (l deadLetter) attribute(name string) string {
	text, _ := attributeText(l.MessageAttributes[name])
	return text
}

// reasonCode returns the reason code of the dead letter. SQS itself moves a message that was received maxReceiveCount
// times, without attributes of ours.
func (l deadLetter) reasonCode() approval.ReasonCode {
	switch code := l.attribute(AttrReasonCode); {
	case code != "":
		return approval.ParseReasonCode(code) // the sender of the message may have written it
	case l.attribute(AttrReason) != "":
		return approval.ReasonUnknown
	}
	return approval.ReasonReceivedTooOften
}

// reason returns the text of the error, or the reason for which SQS moved the message.
func (l deadLetter) reason() string {
	if l.reasonCode() == approval.ReasonReceivedTooOften {
		return "SQS moved the message: it was received maxReceiveCount times"
	}
	return l.attribute(AttrReason)
}

// countKept reports whether a selected message stays in the dead letter queue, and counts it.
func (l deadLetter) countKept(report *store.QueueReport, r store.QueueRedrive) bool {
	switch {
	case r.IsGuarded(l.redriveCount()):
		report.Guarded++
	case l.attribute(AttrEncoding) != "":
		report.Kept++
	default:
		return false
	}
	return true
}

func (l deadLetter) redriveCount() int {
	n, err := strconv.Atoi(l.attribute(AttrRedrives))
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// redriveInput returns the input that sends the message back. The run is the ID of this Move.
func (l deadLetter) redriveInput(to, run string) *sqs.SendMessageInput {
	values := maps.Clone(l.MessageAttributes)
	if values == nil {
		values = map[string]types.MessageAttributeValue{}
	}
	delete(values, AttrReasonCode)
	delete(values, AttrReason)
	values[AttrRedrive] = stringValue(run)
	values[AttrRedrives] = stringValue(strconv.Itoa(l.redriveCount() + 1))
	if at, ok := sentTime(&l.Message); ok && l.attribute(AttrSentAt) == "" {
		values[AttrSentAt] = stringValue(at.Format(time.RFC3339Nano))
	}
	return newSendInput(to, aws.ToString(l.Body), values, aws.ToString(l.MessageId))
}
