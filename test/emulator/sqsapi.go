package emulator

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// request has the fields of the bodies of all calls of SQS.
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

	MessageSystemAttributes map[string]Attribute `json:"MessageSystemAttributes"`

	// Names of the attributes, of a queue or of messages, that the answer contains.
	AttributeNames              []string `json:"AttributeNames"`
	MessageAttributeNames       []string `json:"MessageAttributeNames"`
	MessageSystemAttributeNames []string `json:"MessageSystemAttributeNames"`
}

// entry is a message to send, or an entry of a batch.
type entry struct {
	ID                string               `json:"Id"`
	ReceiptHandle     string               `json:"ReceiptHandle"`
	VisibilityTimeout *int                 `json:"VisibilityTimeout"`
	MessageBody       string               `json:"MessageBody"`
	MessageAttributes map[string]Attribute `json:"MessageAttributes"`
	DelaySeconds      *int                 `json:"DelaySeconds"`

	MessageSystemAttributes map[string]Attribute `json:"MessageSystemAttributes"`
}

// object is a JSON object of an answer.
type object map[string]any

func (s *SQS) runAction(ctx context.Context, base, action string, in request) (any, error) {
	if action == "ReceiveMessage" {
		return s.receiveMessages(ctx, in)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch action {
	case "CreateQueue":
		if err := s.runCreateQueue(in); err != nil {
			return nil, err
		}
		return object{"QueueUrl": base + "/" + Account + "/" + in.QueueName}, nil
	case "GetQueueUrl":
		q, err := s.findQueue(in.QueueName)
		if err != nil {
			return nil, err
		}
		return object{"QueueUrl": base + "/" + Account + "/" + q.name}, nil
	}
	q, err := s.findQueue(in.QueueURL)
	if err != nil {
		return nil, err
	}
	if action == "SetQueueAttributes" {
		return nil, s.setAttributes(q, in.Attributes)
	}
	return q.runAction(action, in)
}

// runCreateQueue creates a queue, or accepts an existing queue with the same attributes.
func (s *SQS) runCreateQueue(in request) error {
	if !queueName.MatchString(in.QueueName) {
		return newAPIError("InvalidParameterValue",
			"Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	if q, ok := s.queues[in.QueueName]; ok {
		for k, v := range in.Attributes {
			if q.attributes[k] != v {
				return newAPIError("com.amazonaws.sqs#QueueNameExists",
					"A queue already exists with the same name and a different value for attribute %s", k)
			}
		}
		return nil
	}
	q := newQueue(in.QueueName, &s.faults)
	if err := s.setAttributes(q, in.Attributes); err != nil {
		return err
	}
	s.queues[q.name] = q
	return nil
}

// runAction carries out an action that concerns one queue. The caller holds the lock.
func (q *queue) runAction(action string, in request) (any, error) {
	now := time.Now()
	switch action {
	case "SendMessage":
		return q.sendEntry(entry{
			MessageBody:             in.MessageBody,
			MessageAttributes:       in.MessageAttributes,
			DelaySeconds:            in.DelaySeconds,
			MessageSystemAttributes: in.MessageSystemAttributes,
		})
	case "SendMessageBatch":
		if n := batchSize(in.Entries); n > maxMessage {
			return nil, newAPIError("com.amazonaws.sqs#BatchRequestTooLong",
				"Batch requests cannot be longer than %d bytes. You have sent %d bytes.", maxMessage, n)
		}
		return runBatch(in.Entries, q.sendEntry)
	case "DeleteMessage":
		return nil, q.deleteMessage(in.ReceiptHandle)
	case "DeleteMessageBatch":
		return runBatch(in.Entries, func(e entry) (object, error) { return object{}, q.deleteMessage(e.ReceiptHandle) })
	case "ChangeMessageVisibility":
		return q.changeVisibility(entry{ReceiptHandle: in.ReceiptHandle, VisibilityTimeout: in.VisibilityTimeout}, now)
	case "ChangeMessageVisibilityBatch":
		return runBatch(in.Entries, func(e entry) (object, error) { return q.changeVisibility(e, now) })
	case "GetQueueAttributes":
		all := q.countAttributes(now)
		maps.Copy(all, q.attributes)
		maps.DeleteFunc(all, func(k, _ string) bool { return !isRequested(in.AttributeNames, k) })
		return object{"Attributes": all}, nil
	}
	return nil, newAPIError("UnknownOperationException", "%s", action)
}

// sendEntry checks a message and adds it to the queue.
func (q *queue) sendEntry(e entry) (object, error) {
	if err := e.validate(); err != nil {
		return nil, err
	}
	id := q.putMessage(e.MessageBody, e.MessageAttributes, q.secondsOrDefault(e.DelaySeconds, "DelaySeconds"))
	q.messages[id].trace = e.MessageSystemAttributes[traceHeader].StringValue
	return object{"MessageId": id, "MD5OfMessageBody": md5Hex(e.MessageBody)}, nil
}

func (q *queue) changeVisibility(e entry, now time.Time) (object, error) {
	if err := checkRange("VisibilityTimeout", e.VisibilityTimeout, 0, maxVisibilitySeconds); err != nil {
		return nil, err
	}
	return object{}, q.setVisibility(e.ReceiptHandle, toDuration(e.VisibilityTimeout), now)
}

// runBatch carries out each entry of a batch. Failures of entries are part of the answer, and its status is still 200.
func runBatch(entries []entry, f func(entry) (object, error)) (any, error) {
	if err := checkBatch(entries); err != nil {
		return nil, err
	}
	good, bad := []object{}, []object{}
	for _, e := range entries {
		out, err := f(e)
		if refused, ok := errors.AsType[*apiError](err); ok {
			bad = append(bad, object{
				"Id":          e.ID,
				"SenderFault": true,
				"Code":        queryCode(refused.Code),
				"Message":     refused.Message,
			})
			continue
		}
		out["Id"] = e.ID
		good = append(good, out)
	}
	return object{"Successful": good, "Failed": bad}, nil
}

// receiveMessages answers ReceiveMessage, as a long poll if the call asks for it.
func (s *SQS) receiveMessages(ctx context.Context, in request) (any, error) {
	if err := in.checkReceive(); err != nil {
		return nil, err
	}
	n, began := 1, time.Now()
	if in.MaxNumberOfMessages != nil {
		n = *in.MaxNumberOfMessages
	}
	for {
		now := time.Now()
		s.mu.Lock()
		q, err := s.findQueue(in.QueueURL)
		if err != nil {
			s.mu.Unlock()
			return nil, err
		}
		var out []object
		if ctx.Err() == nil { // otherwise the caller has left, and the messages would be lost to it
			out = encodeMessages(q.takeMessages(n, q.secondsOrDefault(in.VisibilityTimeout, "VisibilityTimeout"), now), in)
		}
		until := began.Add(q.secondsOrDefault(in.WaitTimeSeconds, "ReceiveMessageWaitTimeSeconds"))
		arrived := q.arrived
		wake := until
		if len(q.hidden) > 0 && q.hidden[0].visibleAt.Before(wake) {
			wake = q.hidden[0].visibleAt
		}
		s.mu.Unlock()
		if len(out) > 0 || !now.Before(until) || ctx.Err() != nil {
			return object{"Messages": out}, nil
		}
		select {
		case <-ctx.Done():
		case <-arrived:
		case <-time.After(time.Until(wake)):
		}
	}
}

// encodeMessages returns messages in the form of ReceiveMessage's answer, with the attributes that the request names.
func encodeMessages(messages []*message, in request) []object {
	system := slices.Concat(in.AttributeNames, in.MessageSystemAttributeNames)
	out := []object{}
	for _, m := range messages {
		o := object{
			"MessageId":     m.id,
			"ReceiptHandle": m.receipt,
			"Body":          m.body,
			"MD5OfBody":     md5Hex(m.body),
		}
		attributes := map[string]string{
			"ApproximateReceiveCount":          strconv.Itoa(m.receives),
			"ApproximateFirstReceiveTimestamp": strconv.FormatInt(m.firstReceived.UnixMilli(), 10),
			"SentTimestamp":                    strconv.FormatInt(m.sent.UnixMilli(), 10),
			"SenderId":                         Account,
		}
		if m.source != "" {
			attributes["DeadLetterQueueSourceArn"] = m.source
		}
		if m.trace != "" {
			attributes[traceHeader] = m.trace
		}
		maps.DeleteFunc(attributes, func(k, _ string) bool { return !isRequested(system, k) })
		if len(attributes) > 0 {
			o["Attributes"] = attributes
		}
		own := maps.Clone(m.attributes)
		maps.DeleteFunc(own, func(k string, _ Attribute) bool { return !isRequested(in.MessageAttributeNames, k) })
		if len(own) > 0 {
			o["MessageAttributes"] = own
		}
		out = append(out, o)
	}
	return out
}

// isRequested reports whether a list of names covers an attribute. The names All and .* cover every attribute, and
// prefix.* covers every attribute that begins with the prefix.
func isRequested(names []string, attribute string) bool {
	for _, n := range names {
		prefix, wild := strings.CutSuffix(n, ".*")
		if n == "All" || n == attribute || wild && strings.HasPrefix(attribute, prefix) {
			return true
		}
	}
	return false
}
