package sqs

import (
	"context"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// deleteAttempts bounds the calls that try to delete a message: about 3 s of
// an SQS that fails at once, 30 s of one that hangs.
const deleteAttempts = 5

// deletion is an acked message and the receipt handle to delete it with.
type deletion struct {
	*delivery
	handle string
}

// deleteAll deletes until there will be nothing more to delete.
func (s *subscription) deleteAll(from *gatherer[deletion]) {
	for batch := from.next(nil); len(batch) > 0; batch = from.next(nil) {
		s.deleteBatch(batch)
	}
}

// deleteBatch deletes up to ten messages, again and again where that may help.
func (s *subscription) deleteBatch(batch []deletion) {
	for attempt := 1; ; attempt++ {
		again, why := s.tryDelete(batch)
		if len(again) == 0 {
			return
		}
		if attempt == deleteAttempts || !pause(s.base, callBackoff(attempt)) {
			s.giveUp(again, why)
			return
		}
		batch = again
	}
}

// tryDelete makes one call. It returns the messages to try again, and why: the
// whole call failed, or single ones did, which SQS says with HTTP 200.
func (s *subscription) tryDelete(batch []deletion) (again []deletion, why string) {
	ctx, cancel := context.WithTimeout(s.base, callTimeout)
	defer cancel()
	entries := make([]types.DeleteMessageBatchRequestEntry, len(batch))
	for i, d := range batch {
		entries[i] = types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: aws.String(d.handle)}
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
		if why = aws.ToString(f.Code); f.SenderFault { // such as ReceiptHandleIsInvalid: it will not get better
			refused[aws.ToString(f.Id)] = why
		}
	}
	for i, d := range batch {
		id := strconv.Itoa(i)
		code, no := refused[id]
		switch {
		case done[id]:
			s.known.forget(d.delivery)
		case no:
			s.giveUp([]deletion{d}, code)
		default:
			again = append(again, d)
		}
	}
	return again, why
}

// giveUp leaves acked messages undeleted, and remembers them: should SQS hand
// them over again, they are deleted and not handled.
func (s *subscription) giveUp(batch []deletion, why string) {
	ids := make([]string, len(batch))
	for i, d := range batch {
		s.known.leave(d.delivery)
		ids[i] = d.id
	}
	s.observer.DeleteFailed(len(batch))
	s.log.Error("messages were handled but not deleted", "messages", len(batch), "message_ids", ids, "error", why)
}

func errorText(err error) string {
	if err == nil {
		return "no answer"
	}
	return err.Error()
}
