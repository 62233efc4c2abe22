package sqs

import (
	"context"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// deleteAttempts bounds the attempts to delete a message: to about 3 s if SQS fails at once, and to 30 s if it hangs.
const deleteAttempts = 5

// deletion is an acked message and the receipt handle that deletes it.
type deletion struct {
	*delivery
	handle string
}

// deleteAll deletes batches until the channel of deletions is closed and empty.
func (s *subscription) deleteAll(from *gatherer[deletion]) {
	for batch := from.nextBatch(nil); len(batch) > 0; batch = from.nextBatch(nil) {
		s.deleteBatch(batch)
	}
}

// deleteBatch deletes up to ten messages, and retries if that may help.
func (s *subscription) deleteBatch(batch []deletion) {
	for attempt := 1; ; attempt++ {
		retry, reason := s.tryDelete(batch)
		if len(retry) == 0 {
			return
		}
		if attempt == deleteAttempts || !pause(s.callCtx, callBackoff(attempt)) {
			s.abandonDeletes(retry, reason)
			return
		}
		batch = retry
	}
}

// tryDelete makes a call. It returns the messages to retry, and the reason. Either the whole call failed, or single
// entries failed: SQS reports that with HTTP 200.
func (s *subscription) tryDelete(batch []deletion) (retry []deletion, reason string) {
	ctx, cancel := context.WithTimeout(s.callCtx, callTimeout)
	defer cancel()
	entries := make([]types.DeleteMessageBatchRequestEntry, len(batch))
	for i, d := range batch {
		entries[i] = types.DeleteMessageBatchRequestEntry{
			Id:            aws.String(strconv.Itoa(i)),
			ReceiptHandle: aws.String(d.handle),
		}
	}
	out, err := s.api.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: aws.String(s.url), Entries: entries})
	if err != nil || out == nil {
		s.observer.DeleteCalled(0)
		return batch, errorText(err)
	}
	s.observer.DeleteCalled(len(out.Successful))
	done := map[string]bool{}
	for _, ok := range out.Successful {
		done[aws.ToString(ok.Id)] = true
	}
	refused := map[string]string{}
	for _, f := range out.Failed {
		reason = aws.ToString(f.Code)
		if f.SenderFault { // such as ReceiptHandleIsInvalid: a retry cannot help
			refused[aws.ToString(f.Id)] = reason
		}
	}
	for i, d := range batch {
		id := strconv.Itoa(i)
		code, isRefused := refused[id]
		switch {
		case done[id]:
			s.registry.forgetDelivery(d.delivery)
		case isRefused:
			s.abandonDeletes([]deletion{d}, code)
		default:
			retry = append(retry, d)
		}
	}
	return retry, reason
}

// abandonDeletes leaves acked messages undeleted, and remembers them: if SQS delivers them again, they are deleted
// without being handled.
func (s *subscription) abandonDeletes(batch []deletion, reason string) {
	ids := make([]string, len(batch))
	for i, d := range batch {
		s.registry.keepUndeleted(d.delivery)
		ids[i] = d.id
	}
	s.observer.DeleteFailed(len(batch))
	s.log.Error("messages were handled but not deleted", "messages", len(batch), "message_ids", ids, "error", reason)
}

func errorText(err error) string {
	if err == nil {
		return "no answer"
	}
	return err.Error()
}
