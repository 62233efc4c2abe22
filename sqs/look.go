package sqs

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/approval-relay/approval-relay/store"
)

// Look returns messages of the dead letter queue, and reports whether there are more. They stay in the queue: they are
// invisible for a moment, and visible again when it returns. SQS has no order in which a further call could go on.
func (q *DeadLetterQueue) Look(ctx context.Context, r store.QueueLook) (letters []store.QueuedLetter, hasMore bool, err error) {
	s, err := q.scanMessages(ctx, r.Until, lookHold, func(batch []deadLetter) ([]deadLetter, error) {
		for _, l := range batch {
			switch {
			case r.ReasonCode != "" && l.reasonCode() != r.ReasonCode:
			case len(letters) >= r.Max:
				return nil, errEnough
			default:
				letters = append(letters, l.queued(r.WithBodies))
			}
		}
		return nil, nil
	})
	return letters, s.hasMore, err
}

// queued returns the message as operators see it.
func (l deadLetter) queued(withBody bool) store.QueuedLetter {
	out := store.QueuedLetter{
		ID:         aws.ToString(l.MessageId),
		ReasonCode: l.reasonCode(),
		Reason:     l.reason(),
		Redrives:   l.redriveCount(),
	}
	out.At, _ = sentTime(&l.Message)
	if withBody {
		out.Body = []byte(aws.ToString(l.Body))
	}
	return out
}

// Dismiss deletes the messages of the dead letter queue that have one of d.MessageIDs, or d.ReasonCode. It returns the IDs of
// those that it has deleted, and reports whether it ended before it had looked at all messages.
func (q *DeadLetterQueue) Dismiss(ctx context.Context, d store.Dismissal) (ids []string, hasMore bool, err error) {
	var last []string // selected in the last batch: it is not certain before the next that they are deleted
	s, err := q.scanMessages(ctx, d.Until, scanHold, func(batch []deadLetter) ([]deadLetter, error) {
		ids = append(ids, last...)
		last = nil
		var selected []deadLetter
		for _, l := range batch {
			id := aws.ToString(l.MessageId)
			byCode := d.ReasonCode != "" && l.reasonCode() == d.ReasonCode
			if byCode || slices.Contains(d.MessageIDs, id) {
				selected = append(selected, l)
				last = append(last, id)
			}
		}
		if d.ReasonCode == "" && len(ids)+len(last) == len(d.MessageIDs) {
			return selected, errEnough
		}
		return selected, nil
	})
	if err != nil {
		return ids, s.hasMore, err
	}
	ids = append(ids, last...)
	return ids, s.hasMore && (d.ReasonCode != "" || len(ids) < len(d.MessageIDs)), nil
}
