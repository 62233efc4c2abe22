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

// Count counts the messages of the dead letter queue by reason code, up to limit messages. The messages stay in the
// queue: they are invisible while it counts, and visible again when it returns.
func (q *DeadLetterQueue) Count(ctx context.Context, limit int) (store.RedriveGroups, error) {
	var groups store.RedriveGroups
	err := q.scanMessages(ctx, limit, func(l deadLetter) (bool, error) {
		groups.Add(l.reasonCode(), 1, l.reason())
		return false, nil
	})
	return groups, err
}

// Move moves up to limit messages back to the source queue, with their attributes, and increments AttrRedrives. If code
// is not empty, it moves only messages with this reason code. It looks at ten times limit messages at most.
//
// Messages that were moved back redriveLimit times or more, if that is above 0, stay and are counted as guarded. So do
// messages that cannot be sent as they were. A message that becomes a dead letter again meanwhile stays for the next
// Move. A message is sent before it is deleted: a crash in between leaves it in both queues.
func (q *DeadLetterQueue) Move(
	ctx context.Context, limit, redriveLimit int, code approval.ReasonCode,
) (moved, guarded int, err error) {
	if limit <= 0 {
		return 0, 0, nil
	}
	if q.source == "" {
		return 0, 0, errors.New("sqs: the dead letter queue has no source queue")
	}
	to, err := q.queueURL(ctx, q.source)
	if err != nil {
		return 0, 0, err
	}
	run := rand.Text()
	err = q.scanMessages(ctx, 10*limit, func(l deadLetter) (bool, error) {
		switch {
		case l.attribute(AttrRedrive) == run:
			return false, nil
		case code != "" && code != l.reasonCode():
			return false, nil
		case redriveLimit > 0 && l.redriveCount() >= redriveLimit, l.attribute(AttrEncoding) != "":
			guarded++
			return false, nil
		case moved == limit:
			return false, errEnough
		}
		if _, err := q.api.SendMessage(ctx, l.redriveInput(to, run)); err != nil {
			return false, fmt.Errorf("move message %s to queue %q: %w", aws.ToString(l.MessageId), q.source, err)
		}
		moved++
		return true, nil
	})
	return moved, guarded, err
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
