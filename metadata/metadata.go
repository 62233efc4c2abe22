// Package metadata declares the keys by which the ways in, a queue's subscriber or the HTTP ingress, hand facts
// about a message to the handlers. The subscriber and the handlers do not know each other: these keys are all that
// they share. An expression of the configuration reads them as meta.KEY.
package metadata

// Keys that every way in may set.
const (
	// DeliveryID identifies a message. A redelivery of the same message keeps it: the SQS MessageId, or the
	// identity that a webhook's signature covers.
	DeliveryID = "delivery_id"
	// SentAt is when the sender gave the message to the way in, RFC 3339 with fractions: to SQS, or to a webhook.
	SentAt = "sent_at"
	// OrderID is the order ID in the path of an HTTP request.
	OrderID = "order_id"
	// Fault is the reason why the way in could not read the message. The payload is the body as it came, and the
	// handler refuses it.
	Fault = "fault"
	// BodyFormat is the format in which the payload is read, a value of body.Format. Without it the payload is JSON. The
	// way in chooses the format, so that no handler looks at the header Content-Type, which signatures do not cover.
	BodyFormat = "body_format"
	// Header is the prefix of the HTTP headers. Their names are in lower case.
	Header = "header."
	// Attribute is the prefix of message attributes, of SQS or of an SNS envelope.
	Attribute = "attribute."
	// AttributeFault lists the message attributes that could not be read and are left out. The payload is not
	// affected.
	AttributeFault = "attribute_fault"
)

// Keys that the SQS subscriber sets.
const (
	// Queue is the queue as it was given to Subscribe.
	Queue = "queue"
	// ReceiveCount is ApproximateReceiveCount: 1 for the first delivery. It is missing if SQS did not send it, or
	// sent no positive number.
	ReceiveCount = "receive_count"
	// TraceHeader is AWSTraceHeader: the X-Ray trace of the AWS service that sent the message.
	TraceHeader = "aws_trace_header"
)

// Keys of a message that SNS published.
const (
	// TopicARN is the topic that published the message.
	TopicARN = "topic_arn"
	// SNSMessageID is the MessageId that SNS gave the message. It is the same for all subscribers of the topic, and
	// a redrive keeps it, although it sends the message with a new DeliveryID.
	SNSMessageID = "sns_message_id"
	// SNSSentAt is when SNS took the message, RFC 3339 with fractions.
	SNSSentAt = "sns_sent_at"
	// SNSSubject is the subject of the message.
	SNSSubject = "sns_subject"
)

// Keys of a message that a service has wrapped, see package envelope.
const (
	// Wrappers lists the wrappers that were taken off, the outermost first: "SNS envelope, EventBridge event".
	Wrappers = "wrappers"
	// DetailType is the detail-type of an EventBridge event, or the type of a CloudEvents event.
	DetailType = "detail_type"
	// EventSource is the source of an EventBridge or CloudEvents event, or "aws:sqs" for the record of a queue.
	EventSource = "event_source"
	// EventID is the ID of an EventBridge or CloudEvents event.
	EventID = "event_id"
)
