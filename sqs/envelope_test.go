package sqs

import (
	"maps"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/assert"

	"github.com/approval-relay/approval-relay/metadata"
)

// wrappedBody is a body and its expected message.
type wrappedBody struct {
	name, body string
	payload    string           // empty: the body as it is
	meta       message.Metadata // beyond what every message has
}

func envelopes() []wrappedBody {
	const arn = `"TopicArn":"` + topic + `"`
	fault := func(s string) message.Metadata { return message.Metadata{metadata.Fault: "SNS envelope: " + s} }
	return []wrappedBody{
		{name: "Step Functions", body: `{"taskToken":"t","order":"7"}`},
		{name: "raw delivery", body: `{"order":"7","outcome":"approve"}`},
		{name: "no JSON", body: `approve 7`},
		{name: "no object", body: `["Type","TopicArn","Message"]`},
		{
			name: "enveloped",
			body: `{"Type":"Notification","MessageId":"m-1",` + arn + `,"Subject":"s","Message":"{\"order\":\"7\"}",
				"Timestamp":"2026-01-02T03:04:05.678Z",
				"SignatureVersion":"1","Signature":"x","SigningCertURL":"https://x","UnsubscribeURL":"https://x",
				"MessageAttributes":{"tenant":{"Type":"String","Value":"acme"},"_watermill_message_uuid":{"Type":"String","Value":"u"},
				"odd":{"Type":"String","Value":7},
				"twice":{"Type":"String","Value":"1","value":"2"},"none":null}}`,
			payload: `{"order":"7"}`,
			meta: message.Metadata{
				metadata.TopicARN:       topic,
				metadata.SNSMessageID:   "m-1",
				metadata.SNSSubject:     "s",
				metadata.SNSSentAt:      "2026-01-02T03:04:05.678Z",
				"attribute.tenant":      "acme",
				metadata.AttributeFault: `"none", "odd", "twice"`,
			},
		},
		{
			name:    "least",
			body:    ` {"Type":"Notification",` + arn + `,"Message":"x"} `,
			payload: "x",
			meta:    message.Metadata{metadata.TopicARN: topic},
		},
		{
			name:    "attributes twice",
			body:    `{"Type":"Notification",` + arn + `,"Message":"x","MessageAttributes":{"a":{"Value":"1"},"A":{"Value":"2"}}}`,
			payload: "x", meta: message.Metadata{metadata.TopicARN: topic, metadata.AttributeFault: `"MessageAttributes"`},
		},
		{name: "another type", body: `{"Type":"SubscriptionConfirmation",` + arn + `,"Message":"x"}`},
		{name: "almost the type", body: `{"Type":"notification",` + arn + `,"Message":"x"}`},
		{name: "type no string", body: `{"Type":1,` + arn + `,"Message":"x"}`},
		{name: "no topic", body: `{"Type":"Notification","Message":"x"}`},
		{name: "no message", body: `{"Type":"Notification",` + arn + `}`},
		{name: "trailing value", body: `{"Type":"Notification",` + arn + `,"Message":"x"}{}`},
		{name: "cut off", body: `{"Type":"Notification",` + arn + `,"Message":"x"`},
		{
			name: "message no string",
			body: `{"Type":"Notification",` + arn + `,"Message":{"order":"7"}}`,
			meta: fault("Message is not a string"),
		},
		{
			name: "topic no string",
			body: `{"Type":"Notification","TopicArn":null,"Message":"x"}`,
			meta: fault("TopicArn is not a string, or empty"),
		},
		{
			name: "topic empty",
			body: `{"Type":"Notification","TopicArn":"","Message":"x"}`,
			meta: fault("TopicArn is not a string, or empty"),
		},
		{
			name: "message twice",
			body: `{"Type":"Notification",` + arn + `,"Message":"x","Message":"y"}`,
			meta: fault(`member "Message" is repeated, or in two cases`),
		},
		{
			name: "topic in two cases",
			body: `{"Type":"Notification",` + arn + `,"Message":"x","topicarn":"y"}`,
			meta: fault(`member "topicarn" is repeated, or in two cases`),
		},
		{
			name: "wrong case",
			body: `{"Type":"Notification",` + arn + `,"message":"x"}`,
			meta: fault(`member "message" is in the wrong case`),
		},
		{
			name: "folded by Unicode",
			body: `{"Type":"Notification",` + arn + `,"Me` + "\u017f" + `sage":"x"}`,
			meta: fault(`member "Meſsage" is in the wrong case`),
		},
		{
			name: "written as escapes",
			body: `{"Type":"Notification",` + arn + `,"Message":"x","\u004dessage":"y"}`,
			meta: fault(`member "Message" is repeated, or in two cases`),
		},
		{
			name: "another topic", body: `{"Type":"Notification","TopicArn":"arn:other","Message":"x"}`,
			meta: message.Metadata{metadata.TopicARN: "arn:other", metadata.Fault: `SNS envelope: from an unexpected topic, "arn:other"`},
		},
	}
}

func TestEnvelope(t *testing.T) {
	t.Parallel()
	d := newDecoder("queue", Config{UnwrapSNS: true, TopicARNs: []string{"arn:first", topic}})
	for _, e := range envelopes() {
		msg := d.decodeMessage(&types.Message{MessageId: aws.String("id-1"), Body: aws.String(e.body)})
		want := message.Metadata{metadata.Queue: "queue", metadata.DeliveryID: "id-1"}
		maps.Copy(want, e.meta)
		if e.payload == "" {
			e.payload = e.body
		}
		assert.Equal(t, e.payload, string(msg.Payload), e.name)
		assert.Equal(t, want, msg.Metadata, e.name)
		assert.Equal(t, "id-1", msg.UUID, e.name)

		plain := newDecoder("queue", Config{}).decodeMessage(&types.Message{Body: aws.String(e.body)})
		assert.Equal(t, e.body, string(plain.Payload), "%s: not asked to unwrap", e.name)
		assert.Empty(t, plain.Metadata.Get(metadata.Fault), e.name)
	}
	anyTopic := newDecoder("queue", Config{UnwrapSNS: true})
	msg := anyTopic.decodeMessage(&types.Message{Body: aws.String(`{"Type":"Notification","TopicArn":"arn:other","Message":"x"}`)})
	assert.Equal(t, "x", string(msg.Payload))
}
