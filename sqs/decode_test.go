package sqs

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/assert"

	"github.com/approval-relay/approval-relay/metadata"
)

const topic = "arn:aws:sns:us-east-1:000000000000:decisions"

func attribute(kind, s string) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: aws.String(kind), StringValue: aws.String(s)}
}

func TestUUID(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		attribute types.MessageAttributeValue
		want      string
	}{
		"good":         {attribute("String", "0197f3a0-1b2c"), "0197f3a0-1b2c"},
		"longest":      {attribute("String", strings.Repeat("u", 128)), strings.Repeat("u", 128)},
		"binary":       {types.MessageAttributeValue{DataType: aws.String("Binary"), BinaryValue: []byte("u")}, ""},
		"nothing":      {types.MessageAttributeValue{}, ""},
		"no value":     {types.MessageAttributeValue{DataType: aws.String("String")}, ""},
		"no type":      {types.MessageAttributeValue{StringValue: aws.String("u")}, ""},
		"number":       {attribute("Number", "1"), ""},
		"custom":       {attribute("String.x", "u"), ""},
		"empty":        {attribute("String", ""), ""},
		"oversized":    {attribute("String", strings.Repeat("u", 129)), ""},
		"line feed":    {attribute("String", "u\nlevel=ERROR"), ""},
		"space":        {attribute("String", "u u"), ""},
		"not UTF-8":    {attribute("String", "\xff\xfe"), ""},
		"not ASCII":    {attribute("String", "ü"), ""},
		"escape codes": {attribute("String", "\x1b[31m"), ""},
	} {
		msg := newDecoder("queue", Config{}).decodeMessage(&types.Message{
			MessageId: aws.String("id-1"), Body: aws.String("{}"),
			MessageAttributes: map[string]types.MessageAttributeValue{UUIDAttribute: test.attribute},
		})
		want := message.Metadata{metadata.Queue: "queue", metadata.DeliveryID: "id-1"}
		if test.want == "" {
			test.want, want[metadata.AttributeFault] = "id-1", `"_watermill_message_uuid"`
		}
		assert.Equal(t, test.want, msg.UUID, name)
		assert.Equal(t, want, msg.Metadata, name)
	}
	assert.NotEmpty(t, newDecoder("queue", Config{}).decodeMessage(&types.Message{}).UUID, "without any ID")
}

func TestAttributes(t *testing.T) {
	t.Parallel()
	m := &types.Message{
		MessageId: aws.String("id-1"), Body: aws.String("{}"),
		Attributes: map[string]string{
			"SentTimestamp":           "1700000000123",
			"ApproximateReceiveCount": "4",
			"AWSTraceHeader":          "Root=1-5759e988-bd862e3fe1be46a994272793",
		},
		MessageAttributes: map[string]types.MessageAttributeValue{
			"plain":              attribute("String", "x"),
			"custom":             attribute("String.json", "{}"),
			"number":             attribute("Number", "17"),
			"binary":             {DataType: aws.String("Binary"), BinaryValue: []byte("text")},
			"not":                {DataType: aws.String("Binary"), BinaryValue: []byte{0xff}},
			"no\ntype":           {StringValue: aws.String("x")},
			metadata.Queue:       attribute("String", "other"),
			metadata.SentAt:      attribute("String", "1999"),
			metadata.Fault:       attribute("String", "x"),
			metadata.TraceHeader: attribute("String", "another's"),
		},
	}
	want := message.Metadata{
		metadata.Queue:          "queue",
		metadata.DeliveryID:     "id-1",
		metadata.SentAt:         "2023-11-14T22:13:20.123Z",
		metadata.ReceiveCount:   "4",
		metadata.TraceHeader:    "Root=1-5759e988-bd862e3fe1be46a994272793",
		metadata.AttributeFault: `"no\ntype", "not"`,
		"plain":                 "x",
		"custom":                "{}",
		"number":                "17",
		"binary":                "text",
	}
	assert.Equal(t, want, newDecoder("queue", Config{PlainAttributes: true}).decodeMessage(m).Metadata, "none of ours is set by an attribute")

	prefixed := newDecoder("queue", Config{}).decodeMessage(m).Metadata
	assert.Equal(t, "x", prefixed["attribute.plain"])
	assert.Equal(t, "other", prefixed["attribute.queue"])
	assert.Equal(t, "queue", prefixed[metadata.Queue])
}

func TestSentTimestamp(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ sent, first, want string }{
		"as sent":        {"1700000000123", "", "2023-11-14T22:13:20.123Z"},
		"redriven":       {"1700000000123", "2023-11-14T12:00:00.5Z", "2023-11-14T12:00:00.5Z"},
		"zone":           {"1700000000123", "2023-11-14T12:00:00+01:00", "2023-11-14T11:00:00Z"},
		"never later":    {"1700000000123", "2030-01-01T00:00:00Z", "2023-11-14T22:13:20.123Z"},
		"never absurd":   {"1700000000123", "0001-01-01T00:00:00Z", "2023-11-14T22:13:20.123Z"},
		"no date":        {"1700000000123", "yesterday", "2023-11-14T22:13:20.123Z"},
		"missing":        {"", "2023-11-14T12:00:00Z", ""},
		"zero":           {"0", "", ""},
		"negative":       {"-1", "", ""},
		"not a number":   {"1e9", "", ""},
		"beyond a year":  {"9999999999999999", "", ""},
		"beyond 64 bits": {"99999999999999999999", "", ""},
	} {
		m := &types.Message{Body: aws.String("{}"), Attributes: map[string]string{"SentTimestamp": test.sent}}
		if test.first != "" {
			m.MessageAttributes = map[string]types.MessageAttributeValue{AttrSentAt: attribute("String", test.first)}
		}
		assert.Equal(t, test.want, newDecoder("queue", Config{}).decodeMessage(m).Metadata.Get(metadata.SentAt), name)
	}
}

// The decoder does not panic, the payload is the body or the message that a strict reader finds in its envelope, and no
// attribute sets a reserved key.
func FuzzDecode(f *testing.F) {
	for _, s := range envelopes() {
		f.Add([]byte(s.body), UUIDAttribute, "String", "uuid-1", []byte(nil), "1700000000123", "1")
	}
	f.Add([]byte(`{"taskToken":"t"}`), UUIDAttribute, "Binary", "", []byte{0xff}, "x", "-1")
	f.Add([]byte(""), metadata.Queue, "String", "other", []byte(nil), "99999999999999999999", "99999999999999999999")
	f.Add([]byte(`{"Type":`+strings.Repeat("[", 20000)), "a", "Number.x", "1", []byte("b"), "", "")
	d := newDecoder("queue", Config{UnwrapSNS: true, TopicARNs: []string{topic}, PlainAttributes: true})
	f.Fuzz(func(t *testing.T, body []byte, name, kind, value string, binary []byte, sent, count string) {
		msg := d.decodeMessage(&types.Message{
			MessageId: aws.String("id-1"), Body: aws.String(string(body)),
			Attributes:        map[string]string{"SentTimestamp": sent, "ApproximateReceiveCount": count},
			MessageAttributes: map[string]types.MessageAttributeValue{name: {DataType: &kind, StringValue: &value, BinaryValue: binary}},
		})
		if msg.UUID == "" || len(msg.UUID) > maxUUID || !utf8.ValidString(msg.UUID) {
			t.Fatalf("UUID %q", msg.UUID)
		}
		if msg.Metadata[metadata.Queue] != "queue" || msg.Metadata[metadata.DeliveryID] != "id-1" {
			t.Fatalf("metadata %v", msg.Metadata)
		}
		if string(msg.Payload) == string(body) {
			return
		}
		var exact map[string]any // as unlike our reader as can be
		if err := json.Unmarshal(body, &exact); err != nil {
			t.Fatalf("unwrapped what is no JSON: %q", body)
		}
		if exact["Type"] != "Notification" || exact["TopicArn"] != topic || exact["Message"] != string(msg.Payload) {
			t.Fatalf("unwrapped %q of %q", msg.Payload, body)
		}
		if msg.Metadata[metadata.Fault] != "" {
			t.Fatal("unwrapped and refused")
		}
	})
}
