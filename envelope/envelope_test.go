package envelope_test

import (
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/envelope"
	"github.com/approval-relay/approval-relay/metadata"
)

const (
	topic   = "arn:aws:sns:eu-west-1:111122223333:approvals"
	request = `{"orderId":"A-1","taskToken":"t"}`
)

// quote returns a text as JSON.
func quote(text string) string {
	b, _ := json.Marshal(text)
	return string(b)
}

func notification(more string) string {
	return `{"Type":"Notification","MessageId":"m-1","TopicArn":"` + topic + `","Message":` + quote(request) + more + `}`
}

func TestOpen(t *testing.T) {
	t.Parallel()
	httpEvent := `{"resource":"/requests","httpMethod":"POST","headers":{"Host":"x"},"requestContext":{"stage":"prod"},`
	destination := `{"version":"1.0","requestContext":{"functionArn":"arn:aws:lambda:x","condition":"Success"},`
	sqsRecord := `{"messageId":"m","receiptHandle":"r","body":` + quote(request) + `,"eventSource":"aws:sqs",` +
		`"messageAttributes":{"TaskToken":{"stringValue":"t","dataType":"String"},"odd":{"binaryValue":"x"}}}`
	for name, c := range map[string]struct {
		text, wrapper string
		contents      []string
		meta          map[string]string
		unread        []string
		uncertain     bool
	}{
		"no wrapper":    {text: request},
		"no JSON":       {text: "Task for orderId 7 is check"},
		"empty":         {text: ""},
		"a list":        {text: "[" + request + "]"},
		"an empty list": {text: "[]"},
		"SNS": {
			text:     notification(`,"Timestamp":"2026-11-26T09:00:00.000Z","MessageAttributes":{"TaskToken":{"Type":"String","Value":"t"}}`),
			wrapper:  "SNS envelope",
			contents: []string{request},
			meta: map[string]string{
				metadata.TopicARN: topic, metadata.SNSMessageID: "m-1", metadata.SNSSentAt: "2026-11-26T09:00:00.000Z",
				metadata.Attribute + "TaskToken": "t",
			},
		},
		"CloudEvents": {
			text: `{"specversion":"1.0","id":"e-1","source":"/orders","type":"Approval","time":"2026-11-26T09:00:00Z","data":` +
				request + `}`,
			wrapper:  "CloudEvents event",
			contents: []string{request},
			meta:     map[string]string{metadata.DetailType: "Approval", metadata.EventSource: "/orders", metadata.EventID: "e-1"},
		},
		"CloudEvents with a text": {
			text:     `{"specversion":"1.0","id":"e-1","source":"/o","type":"A","data":` + quote(request) + `}`,
			wrapper:  "CloudEvents event",
			contents: []string{request},
			meta:     map[string]string{metadata.DetailType: "A", metadata.EventSource: "/o", metadata.EventID: "e-1"},
		},
		"CloudEvents in base64": {
			text: `{"specversion":"1.0","id":"e-1","source":"/o","type":"A","data_base64":"` +
				base64.StdEncoding.EncodeToString([]byte(request)) + `"}`,
			wrapper:  "CloudEvents event",
			contents: []string{request},
			meta:     map[string]string{metadata.DetailType: "A", metadata.EventSource: "/o", metadata.EventID: "e-1"},
		},
		"EventBridge": {
			text:     `{"version":"0","id":"e-1","detail-type":"Approval","source":"orders","resources":[],"detail":` + request + `}`,
			wrapper:  "EventBridge event",
			contents: []string{request},
			meta:     map[string]string{metadata.DetailType: "Approval", metadata.EventSource: "orders", metadata.EventID: "e-1"},
		},
		"Scheduler": {
			text:     `{"version":"0","id":"e-1","detail-type":"Scheduled Event","source":"aws.scheduler","detail":` + quote(request) + `}`,
			wrapper:  "EventBridge event",
			contents: []string{request},
			meta:     map[string]string{metadata.DetailType: "Scheduled Event", metadata.EventSource: "aws.scheduler", metadata.EventID: "e-1"},
		},
		"API Gateway": {
			text:    httpEvent + `"body":` + quote(request) + `,"isBase64Encoded":false}`,
			wrapper: "API Gateway request", contents: []string{request},
		},
		"API Gateway, version 2, in base64": {
			text: `{"version":"2.0","routeKey":"POST /","rawPath":"/","headers":{},"requestContext":{"http":{}},"body":"e30=",` +
				`"isBase64Encoded":true}`,
			wrapper: "API Gateway request", contents: []string{"{}"},
		},
		"API Gateway template": {
			text:    `{"body-json":` + request + `,"params":{"path":{}},"stage-variables":{},"context":{}}`,
			wrapper: "API Gateway template", contents: []string{request},
		},
		"Lambda destination": {
			text:    destination + `"requestPayload":{"a":1},"responsePayload":` + request + `}`,
			wrapper: "Lambda destination", contents: []string{request, `{"a":1}`},
		},
		"Lambda destination after a failure": {
			text:    destination + `"requestPayload":` + request + `,"responsePayload":null}`,
			wrapper: "Lambda destination", contents: []string{request},
		},
		"SQS event": {
			text: `{"Records":[` + sqsRecord + `]}`, wrapper: "SQS record", contents: []string{request},
			meta:   map[string]string{metadata.EventSource: "aws:sqs", metadata.Attribute + "TaskToken": "t"},
			unread: []string{"odd"},
		},
		"SQS record of a pipe": {
			text: sqsRecord, wrapper: "SQS record", contents: []string{request},
			meta:   map[string]string{metadata.EventSource: "aws:sqs", metadata.Attribute + "TaskToken": "t"},
			unread: []string{"odd"},
		},
		"list of a pipe": {
			text: " [" + sqsRecord + "]\n", wrapper: "SQS record", contents: []string{request},
			meta:   map[string]string{metadata.EventSource: "aws:sqs", metadata.Attribute + "TaskToken": "t"},
			unread: []string{"odd"},
		},
		"SNS event": {
			text:    `{"Records":[{"EventSource":"aws:sns","EventVersion":"1.0","Sns":` + notification("") + `}]}`,
			wrapper: "SNS record", contents: []string{request},
			meta: map[string]string{metadata.TopicARN: topic, metadata.SNSMessageID: "m-1"},
		},
		"records of others": {text: `{"Records":[{"eventSource":"aws:s3","s3":{}}]}`},
		"a single member":   {text: `{"body":` + request + `}`, wrapper: "member body", contents: []string{request}, uncertain: true},
		"JSON in a text":    {text: quote(request), wrapper: "JSON text", contents: []string{request}, uncertain: true},
		"a single text":     {text: `{"Payload":` + quote(request) + `}`, wrapper: "member Payload", contents: []string{request}, uncertain: true},
		"a single sentence": {text: `{"Payload":"Task for orderId 7"}`},
		"another member":    {text: `{"customer":` + request + `}`},
		"a body and more":   {text: `{"body":` + request + `,"a":1}`},
		"SNS's other types": {text: `{"Type":"Other","TopicArn":"` + topic + `","Message":"x"}`},
		"an odd detail":     {text: `{"detail-type":7,"source":"orders","detail":{}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contents, err := envelope.Open([]byte(c.text))
			require.NoError(t, err)
			require.Len(t, contents, len(c.contents))
			for i, want := range c.contents {
				require.JSONEq(t, want, string(contents[i].Body))
				require.Equal(t, c.wrapper, contents[i].Wrapper)
				require.Equal(t, !c.uncertain, contents[i].Certain)
				require.Equal(t, c.unread, contents[i].Unread)
				if len(c.meta) > 0 {
					require.Equal(t, c.meta, contents[i].Meta)
				} else {
					require.Empty(t, contents[i].Meta)
				}
			}
		})
	}
}

// A wrapper without a message, or that readers may read differently, is refused. No reason has a value.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	record := `{"messageId":"m","body":"secret","eventSource":"aws:sqs"}`
	for text, reason := range map[string]string{
		`{"Type":"Notification","topicArn":"secret","Message":"secret"}`:                             "SNS envelope: member",
		`{"Type":"Notification","TopicArn":"secret","Message":"secret","message":"x"}`:               "SNS envelope: member",
		`{"Type":"Notification","TopicArn":"secret","Message":{"secret":1}}`:                         "SNS envelope: Message is not a string",
		`{"Type":"SubscriptionConfirmation","TopicArn":"secret","Token":"secret"}`:                   "is a SubscriptionConfirmation",
		`{"detail-type":"secret","source":"secret","detail":"secret","Detail":1}`:                    "EventBridge event: a member",
		`{"detail-type":"secret","source":"secret","detail":["secret"]}`:                             "EventBridge event: its detail",
		`{"specversion":"1.0","type":"secret","source":"secret","id":"1"}`:                           "CloudEvents event: it has no data",
		`{"specversion":"1.0","type":"secret","source":"secret","id":"1","data":["secret"]}`:         "CloudEvents event: it has no data",
		`{"specversion":"1.0","type":"secret","source":"secret","id":"1","data_base64":"secret!"}`:   "is not base64",
		`{"specversion":"1.0","type":"secret","source":"secret","id":"1","data":{},"Data":"secret"}`: "CloudEvents event: a member",
		`{"headers":{},"httpMethod":"POST","requestContext":{},"body":null}`:                         "API Gateway request: it has no body",
		`{"headers":{},"httpMethod":"POST","requestContext":{}}`:                                     "API Gateway request: it has no body",
		`{"headers":{},"rawPath":"/","requestContext":{},"body":"*","isBase64Encoded":true}`:         "is not base64",
		`{"requestContext":{"functionArn":"secret","condition":"x"},"requestPayload":7}`:             "the Lambda destination is empty: neither",
		`{"body-json":["secret"],"params":{}}`:                                                       "API Gateway template: its body-json",
		`{"Records":[` + record + `,` + record + `]}`:                                                "several records",
		`[` + record + `,` + record + `]`:                                                            "several records",
		`{"messageId":"m","body":{"secret":1},"eventSource":"aws:sqs"}`:                              "SQS record: its body is not a text",
	} {
		_, err := envelope.Open([]byte(text))
		require.ErrorContains(t, err, reason, text)
		require.NotContains(t, err.Error(), "secret")
	}
}

func TestReadPointer(t *testing.T) {
	t.Parallel()
	want := envelope.Pointer{Bucket: "large-messages", Key: "b03530d9"}
	for _, text := range []string{
		`["software.amazon.payloadoffloading.PayloadS3Pointer",{"s3BucketName":"large-messages","s3Key":"b03530d9"}]`,
		`["com.amazon.sqs.javamessaging.MessageS3Pointer",{"s3Key":"b03530d9","s3BucketName":"large-messages"}]`,
		` {"s3BucketName":"large-messages","s3Key":"b03530d9"}`,
		`{"S3BucketName":"large-messages","S3Key":"b03530d9"}`,
		`{"S3Payload":{"Id":"x","Bucket":"large-messages","Key":"b03530d9","Location":"https://x"}}`,
	} {
		p, ok := envelope.ReadPointer([]byte(text), noAttributes)
		require.True(t, ok, text)
		require.Equal(t, want, p)
	}
	attribute := func(name, value string) func(string) string {
		return func(asked string) string { return map[string]string{name: value}[asked] }
	}
	p, ok := envelope.ReadPointer([]byte("-"), attribute("S3MessageBodyKey", "(large-messages)b03530d9"))
	require.True(t, ok)
	require.Equal(t, want, p)
	for _, marker := range []string{"ExtendedPayloadSize", "SQSLargePayloadSize"} {
		more := `{"s3BucketName":"large-messages","s3Key":"b03530d9","size":7}`
		p, ok = envelope.ReadPointer([]byte(more), attribute(marker, "424699"))
		require.True(t, ok)
		require.Equal(t, want, p)
		_, ok = envelope.ReadPointer([]byte(request), attribute(marker, "424699"))
		require.False(t, ok, "the attribute alone is no pointer")
	}
	for _, text := range []string{
		``, `[]`, `{}`, request, `["x",{"s3BucketName":"a","s3Key":"b"}]`, `["a.PayloadS3Pointer"]`,
		`["a.PayloadS3Pointer",{"s3BucketName":"a"}]`, `["a.PayloadS3Pointer",{"s3BucketName":"a","s3Key":7}]`,
		`{"s3BucketName":"a","s3Key":"b","orderId":"A-1"}`, `{"s3BucketName":"","s3Key":"b"}`,
		`{"S3Payload":{"Bucket":"a"}}`, `["a.PayloadS3Pointer",{"s3BucketName":"a","s3Key":"b"},{}]`,
	} {
		_, ok := envelope.ReadPointer([]byte(text), noAttributes)
		require.False(t, ok, text)
	}
}

func noAttributes(string) string { return "" }

// No text makes Open or ReadPointer panic, and contents are no longer than the message.
func FuzzOpen(f *testing.F) {
	for _, text := range []string{
		request,
		notification(""),
		`{"detail-type":"a","source":"b","detail":{}}`,
		`{"Records":[{"eventSource":"aws:sqs","messageId":"1","body":""}]}`,
		`{"body":"{}"}`, `["a.S3Pointer",{"s3BucketName":"a","s3Key":"b"}]`,
		`{"requestContext":{},"headers":{},"rawPath":"","body":"e30=","isBase64Encoded":true}`,
		`{"Type":"Notification","TopicArn":"a","Message":"` + "\xff" + `"}`, `{"S3Payload":{"Bucket":"a","Key":"b"}}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		contents, err := envelope.Open(text)
		for _, c := range contents {
			if err == nil && (c.Wrapper == "" || len(c.Body) > 3*len(text)) {
				t.Fatalf("%q: %+v", text, c)
			}
		}
		if p, ok := envelope.ReadPointer(text, noAttributes); ok && (p.Bucket == "" || p.Key == "") {
			t.Fatalf("%q: %+v", text, p)
		}
	})
}
