package sqs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/approval-relay/approval-relay/metadata"
)

// UUIDAttribute is the message attribute in which Watermill's publishers put
// the message's UUID.
const UUIDAttribute = "_watermill_message_uuid"

// maxUUID is the longest UUID attribute that is believed, in bytes.
const maxUUID = 128

// own are the keys that attributes never set.
var own = []string{
	metadata.DeliveryID, metadata.SentAt, metadata.ReceiveCount, metadata.Queue, metadata.Fault, metadata.AttributeFault,
	metadata.TraceHeader, metadata.TopicARN, metadata.SNSMessageID, metadata.SNSSentAt, metadata.SNSSubject,
}

// decoder makes Watermill messages of SQS messages. It never fails: what cannot
// be read is noted in the metadata, so that the handler sees every message.
type decoder struct {
	queue  string
	prefix string // of attributes
	unwrap bool
	topics []string // that envelopes may be from; empty means any
}

func newDecoder(queue string, cfg Config) decoder {
	d := decoder{
		queue:  queue,
		prefix: metadata.Attribute,
		unwrap: cfg.UnwrapSNS,
		topics: cfg.TopicARNs,
	}
	if cfg.PlainAttributes {
		d.prefix = ""
	}
	return d
}

func (d decoder) decode(m *types.Message) *message.Message {
	var unread []string
	meta := message.Metadata{}
	for name, v := range m.MessageAttributes {
		if name == UUIDAttribute {
			continue
		}
		if value, ok := attributeText(v); ok {
			d.attribute(meta, name, value)
		} else {
			unread = append(unread, name)
		}
	}
	uuid, ok := uuidOf(m)
	if !ok {
		unread = append(unread, UUIDAttribute)
	}

	put(meta, metadata.Queue, d.queue)
	put(meta, metadata.DeliveryID, aws.ToString(m.MessageId))
	if n := receiveCount(m); n > 0 {
		put(meta, metadata.ReceiveCount, strconv.Itoa(n))
	}
	if at, ok := firstSentAt(m); ok {
		put(meta, metadata.SentAt, at.Format(time.RFC3339Nano))
	}
	put(meta, metadata.TraceHeader, m.Attributes[string(types.MessageSystemAttributeNameAWSTraceHeader)])
	body := []byte(aws.ToString(m.Body))
	if m.Body == nil {
		put(meta, metadata.Fault, "the message has no body")
	} else if d.unwrap {
		body, unread = d.unwrapped(body, meta, unread)
	}
	put(meta, metadata.AttributeFault, named(unread))
	msg := message.NewMessage(uuid, body)
	msg.Metadata = meta
	return msg
}

// attribute sets an attribute under its key, unless that key is ours.
func (d decoder) attribute(meta message.Metadata, name, value string) {
	if key := d.prefix + name; !slices.Contains(own, key) {
		meta[key] = value
	}
}

// put sets a key unless the value is empty.
func put(meta message.Metadata, key, value string) {
	if value != "" {
		meta[key] = value
	}
}

// named lists names of attributes for people, bounded in length and without
// anything that a log or a terminal would act on.
func named(names []string) string {
	slices.Sort(names)
	const most = 10 // as many as SQS takes
	quoted := make([]string, 0, most)
	for _, n := range names[:min(len(names), most)] {
		quoted = append(quoted, strconv.QuoteToASCII(n[:min(len(n), 64)]))
	}
	return strings.Join(quoted, ", ")
}

// attributeText returns an attribute as text. Data types may have a custom
// suffix: "String.json". Binary values are taken if they are UTF-8.
func attributeText(v types.MessageAttributeValue) (string, bool) {
	switch kind, _, _ := strings.Cut(aws.ToString(v.DataType), "."); kind {
	case "String", "Number":
		return aws.ToString(v.StringValue), v.StringValue != nil
	case "Binary":
		return string(v.BinaryValue), v.BinaryValue != nil && utf8.Valid(v.BinaryValue)
	}
	return "", false
}

// uuidOf returns the UUID that a Watermill publisher gave the message, else the
// SQS MessageId. It says false where there is a UUID attribute that is not to
// be believed.
func uuidOf(m *types.Message) (uuid string, ok bool) {
	id := aws.ToString(m.MessageId)
	if id == "" {
		id = watermill.NewUUID()
	}
	v, found := m.MessageAttributes[UUIDAttribute]
	if !found {
		return id, true
	}
	text := aws.ToString(v.StringValue)
	odd := func(r rune) bool { return r <= ' ' || r > '~' }
	if aws.ToString(v.DataType) != "String" || text == "" || len(text) > maxUUID || strings.ContainsFunc(text, odd) {
		return id, false
	}
	return text, true
}

// receiveCount returns how often the message was received, this time included;
// 0 if that is not known.
func receiveCount(m *types.Message) int {
	n, err := strconv.Atoi(m.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)])
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// sentAt returns when SQS took the message.
func sentAt(m *types.Message) (time.Time, bool) {
	ms, err := strconv.ParseInt(m.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64)
	const year9999 = 253402300799999
	if err != nil || ms <= 0 || ms > year9999 {
		return time.Time{}, false
	}
	return time.UnixMilli(ms).UTC(), true
}

// firstSentAt returns when the message was sent before it was moved back from a
// dead letter queue. An attribute can make that earlier, not later.
func firstSentAt(m *types.Message) (time.Time, bool) {
	at, ok := sentAt(m)
	first, _ := attributeText(m.MessageAttributes[AttrSentAt])
	if t, err := time.Parse(time.RFC3339Nano, first); err == nil && t.Before(at) && t.Year() > 2000 {
		return t.UTC(), ok
	}
	return at, ok
}

// fault formats a metadata.Fault.
func fault(format string, args ...any) string { return fmt.Sprintf("SNS envelope: "+format, args...) }
