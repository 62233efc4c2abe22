package emulator

import (
	"context"
	"strconv"
	"time"
)

// request is what the calls of SQS have in their bodies.
type request struct {
	QueueName           string               `json:"QueueName"`
	QueueURL            string               `json:"QueueUrl"`
	Attributes          map[string]string    `json:"Attributes"`
	MessageBody         string               `json:"MessageBody"`
	MessageAttributes   map[string]Attribute `json:"MessageAttributes"`
	DelaySeconds        *int                 `json:"DelaySeconds"`
	MaxNumberOfMessages *int                 `json:"MaxNumberOfMessages"`
	WaitTimeSeconds     *int                 `json:"WaitTimeSeconds"`
	VisibilityTimeout   *int                 `json:"VisibilityTimeout"`
	ReceiptHandle       string               `json:"ReceiptHandle"`
	Entries             []entry              `json:"Entries"`
}

type entry struct {
	ID                string               `json:"Id"`
	ReceiptHandle     string               `json:"ReceiptHandle"`
	VisibilityTimeout *int                 `json:"VisibilityTimeout"`
	MessageBody       string               `json:"MessageBody"`
	MessageAttributes map[string]Attribute `json:"MessageAttributes"`
	DelaySeconds      *int                 `json:"DelaySeconds"`
}

type object map[string]any

func (s *SQS) act(ctx context.Context, base, action string, in request) (any, error) {
	switch action {
	case "ReceiveMessage":
		return s.receive(ctx, in)
	case "CreateQueue":
		s.mu.Lock()
		defer s.mu.Unlock()
		return object{"QueueUrl": base + "/" + Account + "/" + s.create(in.QueueName, in.Attributes).name}, nil
	case "GetQueueUrl":
		s.mu.Lock()
		defer s.mu.Unlock()
		q, err := s.find(in.QueueName)
		if err != nil {
			return nil, err
		}
		return object{"QueueUrl": base + "/" + Account + "/" + q.name}, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(in.QueueURL)
	if err != nil {
		return nil, err
	}
	return q.act(action, in)
}

// act carries out what concerns one queue. The caller holds the lock.
func (q *queue) act(action string, in request) (any, error) {
	now := time.Now()
	switch action {
	case "SendMessage":
		if n := len(in.MessageBody); n < 1 || n > maxMessage {
			return nil, fail("InvalidParameterValue", "MessageBody must have 1 to %d bytes", maxMessage)
		}
		return object{"MessageId": q.put(in.MessageBody, in.MessageAttributes, seconds(in.DelaySeconds)), "MD5OfMessageBody": digest(in.MessageBody)}, nil
	case "SendMessageBatch":
		return batch(in.Entries, func(e entry) (object, error) {
			return object{"MessageId": q.put(e.MessageBody, e.MessageAttributes, seconds(e.DelaySeconds)), "MD5OfMessageBody": digest(e.MessageBody)}, nil
		})
	case "DeleteMessage":
		return nil, q.remove(in.ReceiptHandle)
	case "DeleteMessageBatch":
		return batch(in.Entries, func(e entry) (object, error) { return object{}, q.remove(e.ReceiptHandle) })
	case "ChangeMessageVisibility":
		return nil, q.change(in.ReceiptHandle, seconds(in.VisibilityTimeout), now)
	case "ChangeMessageVisibilityBatch":
		return batch(in.Entries, func(e entry) (object, error) {
			return object{}, q.change(e.ReceiptHandle, seconds(e.VisibilityTimeout), now)
		})
	case "GetQueueAttributes":
		out := map[string]string{
			"QueueArn": queueARN(q.name), "ApproximateNumberOfMessages": strconv.Itoa(len(q.visible) - q.head),
			"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(len(q.hidden)),
		}
		for k, v := range q.attributes {
			out[k] = v
		}
		return object{"Attributes": out}, nil
	case "SetQueueAttributes":
		for k, v := range in.Attributes {
			q.attributes[k] = v
		}
		return nil, nil
	}
	return nil, fail("UnknownOperationException", "%s", action)
}

// batch carries out each entry of a batch; failures are in the answer, not its
// status.
func batch(entries []entry, f func(entry) (object, error)) (any, error) {
	if len(entries) < 1 || len(entries) > 10 {
		return nil, fail("com.amazonaws.sqs#TooManyEntriesInBatchRequest", "a batch has 1 to 10 entries")
	}
	good, bad := []object{}, []object{}
	for _, e := range entries {
		out, err := f(e)
		if err != nil {
			bad = append(bad, object{"Id": e.ID, "SenderFault": true, "Code": "ReceiptHandleIsInvalid", "Message": err.Error()})
			continue
		}
		out["Id"] = e.ID
		good = append(good, out)
	}
	return object{"Successful": good, "Failed": bad}, nil
}

// receive waits for messages as a long poll does.
func (s *SQS) receive(ctx context.Context, in request) (any, error) {
	n, until := 1, time.Now().Add(seconds(in.WaitTimeSeconds))
	if in.MaxNumberOfMessages != nil {
		n = *in.MaxNumberOfMessages
	}
	if n < 1 || n > 10 {
		return nil, fail("InvalidParameterValue", "MaxNumberOfMessages must be 1 to 10")
	}
	for {
		now := time.Now()
		s.mu.Lock()
		q, err := s.find(in.QueueURL)
		if err != nil {
			s.mu.Unlock()
			return nil, err
		}
		taken := q.take(n, q.visibility(in.VisibilityTimeout), now)
		out := wire(taken)
		arrived, wake := q.arrived, until
		if len(q.hidden) > 0 && q.hidden[0].visible.Before(wake) {
			wake = q.hidden[0].visible
		}
		s.mu.Unlock()
		if len(taken) > 0 || !now.Before(until) || ctx.Err() != nil {
			return object{"Messages": out}, nil
		}
		select {
		case <-ctx.Done():
		case <-arrived:
		case <-time.After(time.Until(wake)):
		}
	}
}

// wire writes messages as ReceiveMessage answers them.
func wire(messages []*queued) []object {
	out := []object{}
	for _, m := range messages {
		o := object{
			"MessageId": m.id, "ReceiptHandle": m.receipt, "Body": m.body, "MD5OfBody": digest(m.body),
			"Attributes": map[string]string{
				"ApproximateReceiveCount": strconv.Itoa(m.received), "SentTimestamp": strconv.FormatInt(m.sent.UnixMilli(), 10),
				"SenderId": Account, "ApproximateFirstReceiveTimestamp": strconv.FormatInt(m.sent.UnixMilli(), 10),
			},
		}
		if len(m.attributes) > 0 {
			o["MessageAttributes"] = m.attributes
		}
		out = append(out, o)
	}
	return out
}
