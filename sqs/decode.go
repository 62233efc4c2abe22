package sqs

import (
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

// UUIDAttribute is the message attribute in which Watermill's publishers send the message's UUID.
const UUIDAttribute = "_watermill_message_uuid"

// maxUUID is the maximum length of a UUID attribute, in bytes. A longer UUID is ignored.
const maxUUID = 128

// reservedKeys are the keys of the metadata that attributes cannot set.
var reservedKeys = []string{
	metadata.DeliveryID, metadata.SentAt, metadata.ReceiveCount, metadata.Queue, metadata.Fault, metadata.AttributeFault,
	metadata.TraceHeader, metadata.BodyFormat, metadata.TopicARN, metadata.SNSMessageID, metadata.SNSSentAt, metadata.SNSSubject,
}

// decoder makes Watermill messages from SQS messages. It never fails: it reports errors in the metadata, so that the
// handler sees every message.
type decoder struct {
	queue  string
	prefix string // of the keys of attributes
	unwrap bool
	topics []string // the expected topics of envelopes; empty means any
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

func (d decoder) decodeMessage(m *types.Message) *message.Message {
	var unread []string
	meta := message.Metadata{}
	for name, v := range m.MessageAttributes {
		if name == UUIDAttribute {
			continue
		}
		if value, ok := attributeText(v); ok {
			d.setAttribute(meta, name, value)
		} else {
			unread = append(unread, name)
		}
	}
	uuid, ok := uuidOf(m)
	if !ok {
		unread = append(unread, UUIDAttribute)
	}

	setUnlessEmpty(meta, metadata.Queue, d.queue)
	setUnlessEmpty(meta, metadata.DeliveryID, aws.ToString(m.MessageId))
	if n := receiveCountOf(m); n > 0 {
		setUnlessEmpty(meta, metadata.ReceiveCount, strconv.Itoa(n))
	}
	if at, ok := firstSentTime(m); ok {
		setUnlessEmpty(meta, metadata.SentAt, at.Format(time.RFC3339Nano))
	}
	setUnlessEmpty(meta, metadata.TraceHeader, m.Attributes[string(types.MessageSystemAttributeNameAWSTraceHeader)])
	body := []byte(aws.ToString(m.Body))
	if m.Body == nil {
		setUnlessEmpty(meta, metadata.Fault, "the message has no body")
	} else if d.unwrap {
		body, unread = d.unwrapEnvelope(body, meta, unread)
	}
	setUnlessEmpty(meta, metadata.AttributeFault, listNames(unread))
	msg := message.NewMessage(uuid, body)
	msg.Metadata = meta
	return msg
}

// setAttribute sets an attribute under its key, unless the key is reserved.
func (d decoder) setAttribute(meta message.Metadata, name, value string) {
	if key := d.prefix + name; !slices.Contains(reservedKeys, key) {
		meta[key] = value
	}
}

// setUnlessEmpty sets a key, unless the value is empty.
func setUnlessEmpty(meta message.Metadata, key, value string) {
	if value != "" {
		meta[key] = value
	}
}

// listNames returns names of attributes as text for people. It is bounded in length, and has only characters that are
// harmless in a log or a terminal.
func listNames(names []string) string {
	slices.Sort(names)
	const most = 10 // the maximum of SQS
	quoted := make([]string, 0, most)
	for _, n := range names[:min(len(names), most)] {
		quoted = append(quoted, strconv.QuoteToASCII(n[:min(len(n), 64)]))
	}
	return strings.Join(quoted, ", ")
}

// attributeText returns an attribute as text. A data type may have a custom suffix: "String.json". A binary value must
// be UTF-8.
func attributeText(v types.MessageAttributeValue) (string, bool) {
	switch kind, _, _ := strings.Cut(aws.ToString(v.DataType), "."); kind {
	case "String", "Number":
		return aws.ToString(v.StringValue), v.StringValue != nil
	case "Binary":
		return string(v.BinaryValue), v.BinaryValue != nil && utf8.Valid(v.BinaryValue)
	}
	return "", false
}

// uuidOf returns the UUID that a Watermill publisher gave the message, or else the SQS MessageId. It returns false if
// the message has an invalid UUID attribute.
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

// receiveCountOf returns how often the message was received, including this time; 0 if it is unknown.
func receiveCountOf(m *types.Message) int {
	n, err := strconv.Atoi(m.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)])
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// sentTime returns the time at which SQS accepted the message.
func sentTime(m *types.Message) (time.Time, bool) {
	ms, err := strconv.ParseInt(m.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64)
	const year9999 = 253402300799999
	if err != nil || ms <= 0 || ms > year9999 {
		return time.Time{}, false
	}
	return time.UnixMilli(ms).UTC(), true
}

// firstSentTime returns the time at which the message was first sent, before it was moved back from a dead letter
// queue. An attribute can make the time earlier, but not later.
func firstSentTime(m *types.Message) (time.Time, bool) {
	at, ok := sentTime(m)
	first, _ := attributeText(m.MessageAttributes[AttrSentAt])
	if t, err := time.Parse(time.RFC3339Nano, first); err == nil && t.Before(at) && t.Year() > 2000 {
		return t.UTC(), ok
	}
	return at, ok
}
