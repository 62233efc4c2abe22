package preview_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/preview"
)

// quote returns a text as JSON.
func quote(text string) string {
	b, _ := json.Marshal(text)
	return string(b)
}

func inSNS(body string) string {
	return `{"Type":"Notification","MessageId":"0216b511-4ade-5a33-8ebb-ea1b34659891",` +
		`"TopicArn":"arn:aws:sns:eu-west-1:111122223333:approvals","Message":` + quote(body) + `}`
}

func inEvent(body string) string {
	return `{"version":"0","id":"e-1","detail-type":"Approval","source":"orders","detail":` + body + `}`
}

func inDestination(request, response string) string {
	return `{"version":"1.0","requestContext":{"functionArn":"arn:aws:lambda:x","condition":"Success"},"requestPayload":` + request +
		`,"responsePayload":` + response + `}`
}

const plain = `{"orderId":"A-1","taskToken":"{{TOKEN}}","approvers":"ann@example.com"}`

// A request is found within the wrappers of AWS, one in another. The top of the message within is the author's, so it
// may name approvers.
func TestWrappedRequests(t *testing.T) {
	t.Parallel()
	c := loadQueue(t)
	for _, body := range []string{
		plain,
		inSNS(plain),
		inEvent(plain),
		inEvent(quote(plain)),
		inSNS(inEvent(plain)),
		inSNS(inEvent(inDestination(plain, `null`))),
		inDestination(`{"a":1}`, plain),
		inDestination(plain, `{"statusCode":200}`),
		`{"headers":{},"httpMethod":"POST","requestContext":{},"body":` + quote(plain) + `}`,
		`{"body":` + plain + `}`,
		`{"Payload":` + quote(plain) + `}`,
		`{"MessageBody":{"input":` + plain + `}}`,
	} {
		p, err := previewBody(t, c, body, nil)
		require.NoError(t, err, body)
		require.Equal(t, "A-1", p.OrderID, body)
		require.Equal(t, "ann@example.com", p.Approvers[0].ID, body)
	}
}

// Expressions of the configuration keep their meaning: a message that has their order and token stays in its wrapper.
func TestWrittenFieldsAreFoundInTheWrapper(t *testing.T) {
	t.Parallel()
	c, _, err := config.Parse("relay.yaml", []byte(`
workflows:
  orders:
    requests:
      sqs: {queue: requests, dead_letter_queue: dlq}
      fields: {order: body.detail.key, token: body.detail.token, title: 'body["detail-type"]'}
`), func(string) string { return "" })
	require.NoError(t, err)
	p, err := previewBody(t, c, inEvent(`{"key":"A-2","token":"{{TOKEN}}","orderId":"A-1","taskToken":"no"}`), nil)
	require.NoError(t, err)
	require.Equal(t, "A-2", p.OrderID)
	require.Equal(t, "Approval", p.Title)

	p, err = previewBody(t, c, inSNS(inEvent(`{"key":"A-2","token":"{{TOKEN}}"}`)), nil)
	require.NoError(t, err, "only the outer wrapper is taken off")
	require.Equal(t, "Approval", p.Title)
}

// The reason of a wrapped message that is no request has the names within, and the wrappers.
func TestWrappedMessagesThatAreNoRequests(t *testing.T) {
	t.Parallel()
	c := loadQueue(t)
	for body, reason := range map[string]string{
		inSNS(`{"hello":"{{TOKEN}}"}`):                                    "the message has hello, within: SNS envelope",
		inSNS(inEvent(`{"hello":"{{TOKEN}}"}`)):                           "the message has hello, within: SNS envelope, EventBridge event",
		`{"body":{"hello":"{{TOKEN}}"}}`:                                  "the message has body",
		inSNS(inSNS(inSNS(inSNS(plain)))):                                 "body: is in more than 3 wrappers",
		`{"headers":{},"httpMethod":"POST","requestContext":{}}`:          "body: API Gateway request: it has no body",
		inSNS("Task for orderId 7 is check"):                              "body: is not JSON",
		`["a.PayloadS3Pointer",{"s3BucketName":"b","s3Key":"{{TOKEN}}"}]`: "body: is a pointer of the SQS Extended Client",
		inSNS(`{"s3BucketName":"b","s3Key":"{{TOKEN}}"}`):                 "requests.sqs.s3_payloads",
	} {
		_, err := previewBody(t, c, body, nil)
		require.ErrorContains(t, err, reason, body)
		require.NotContains(t, err.Error(), taskToken)
	}
}

// A token in a message attribute is found. A message that is a text is a request if all of it is in attributes.
func TestAttributes(t *testing.T) {
	t.Parallel()
	c := loadQueue(t)
	onlyToken := map[string]string{"TaskToken": taskToken}
	p, err := previewBody(t, c, `{"orderId":"A-1","total":5}`, onlyToken)
	require.NoError(t, err)
	require.Equal(t, "A-1", p.OrderID)

	const sentence = "Task for orderId 7 is check"
	p, err = previewBody(t, c, sentence, map[string]string{"TaskToken": taskToken, "orderId": "7"})
	require.NoError(t, err)
	require.Equal(t, "7", p.OrderID)
	require.Equal(t, []preview.Detail{{Label: "message", Value: sentence}}, p.Details)

	p, err = previewBody(t, c, strings.Replace(inSNS(sentence), `{"Type"`, `{"MessageAttributes":{"TaskToken":{"Type":"String","Value":"`+
		taskToken+`"},"order_id":{"Type":"String","Value":"7"}},"Type"`, 1), nil)
	require.NoError(t, err)
	require.Equal(t, "7", p.OrderID)

	for _, body := range []string{sentence, "", `{"orderId":"A-1"`, `["7"]`, `"7"`} {
		_, err = previewBody(t, c, body, onlyToken)
		require.ErrorContains(t, err, "body: ", body)
		require.NotContains(t, err.Error(), taskToken)
		require.NotContains(t, err.Error(), "check")
	}
	_, err = previewBody(t, c, sentence, onlyToken)
	require.ErrorContains(t, err, "is a text and not JSON: then its order and its token must be in message attributes, "+
		"such as orderId and TaskToken; it has the attributes TaskToken")
	_, err = previewBody(t, c, sentence, nil)
	require.EqualError(t, err, "body: is not JSON (byte 0)")

	withoutQueue, _, err := config.Parse("relay.yaml", []byte("workflows: {orders: {}}"), func(string) string { return "" })
	require.NoError(t, err)
	p, err = previewBody(t, withoutQueue, sentence, map[string]string{"TaskToken": taskToken, "orderId": "7"})
	require.NoError(t, err, "a message with attributes comes from a queue")
	require.Equal(t, "7", p.OrderID)
}

// A decision is found within wrappers too, unless the configuration names its places: then data of others in a wrapper
// must not become a decision.
func TestWrappedDecisions(t *testing.T) {
	t.Parallel()
	c, _, err := config.Parse("relay.yaml", []byte(`
workflows:
  orders: {}
webhooks:
  plain: {bearer: {tokens: ["`+secret+`"]}}
  named: {bearer: {tokens: ["`+secret+`"]}, fields: {outcome: body.state}}
`), func(string) string { return "" })
	require.NoError(t, err)
	body := inEvent(`{"orderId":"A-1","decision":"approve","state":"approve","decidedBy":"ann"}`)
	p, err := preview.ForDecision(t.Context(), c, "plain", message(body, nil))
	require.NoError(t, err)
	require.Equal(t, "A-1", p.OrderID)
	_, err = preview.ForDecision(t.Context(), c, "named", message(body, nil))
	require.ErrorContains(t, err, "order: is missing")
}

// An envelope of another topic is refused, as the queue of the source refuses it.
func TestDecisionOfAnotherTopic(t *testing.T) {
	t.Parallel()
	c, _, err := config.Parse("relay.yaml", []byte(`
workflows: {orders: {}}
decisions: {erp: {topic: "arn:aws:sns:eu-west-1:111122223333:approvals", sqs: {queue: erp, dead_letter_queue: erp-dlq}}}
`), func(string) string { return "" })
	require.NoError(t, err)
	own := inSNS(`{"orderId":"A-1","decision":"approve","decidedBy":"ann"}`)
	p, err := preview.ForDecision(t.Context(), c, "erp", message(own, nil))
	require.NoError(t, err)
	require.Equal(t, "A-1", p.OrderID)
	_, err = preview.ForDecision(t.Context(), c, "erp", message(strings.Replace(own, ":approvals", ":others", 1), nil))
	require.ErrorContains(t, err, "from an unexpected topic")
}

// Whatever wraps a message, reading it does not panic, and no reason has the token.
func FuzzWrappedRequests(f *testing.F) {
	c, _, err := config.Parse("relay.yaml", []byte("workflows: {orders: {requests: {sqs: {queue: requests, dead_letter_queue: dlq}}}}"),
		func(string) string { return "" })
	if err != nil {
		f.Fatal(err)
	}
	for _, body := range []string{
		plain, inSNS(plain), inEvent(plain), inEvent(quote(plain)), inSNS(inEvent(inDestination(plain, "null"))), `{"body":` + plain + `}`,
		"Task for orderId 7 is check", `["a.PayloadS3Pointer",{"s3BucketName":"b","s3Key":"k"}]`, `{"input":` + quote(plain) + `,"token":"x"}`,
		inSNS(inSNS(inSNS(inSNS(plain)))), `{"Records":[]}`, "e30=", "\ufeff" + plain,
	} {
		f.Add(strings.ReplaceAll(body, "{{TOKEN}}", taskToken), taskToken, "A-1")
	}
	f.Fuzz(func(t *testing.T, body, token, order string) {
		p, err := preview.ForRequest(t.Context(), c, "orders", preview.Message{
			Body:       []byte(body),
			Attributes: map[string]string{"TaskToken": token, "orderId": order},
			SentAt:     at,
		})
		if err != nil && strings.Contains(err.Error(), taskToken) {
			t.Fatalf("%q: %v", body, err)
		}
		if err == nil && p.OrderID == "" {
			t.Fatalf("%q: a request without an order", body)
		}
	})
}

// The single member of a message with its token in an attribute is data that is sent along. Whoever has written it chooses
// neither approvers nor times, whatever it calls its order.
func TestDataBesideATokenGivesNoAuthority(t *testing.T) {
	t.Parallel()
	c := loadQueue(t)
	attributes := map[string]string{"TaskToken": taskToken}
	for _, member := range []string{"input", "Payload", "body", "message"} {
		for _, order := range []string{"orderId", "orderNumber", "order_number", "orderid", "businessKey"} {
			data := `{"` + order + `":"A-1","approvers":"mallory@evil.example","timeoutSeconds":60}`
			for _, body := range []string{`{"` + member + `":` + data + `}`, `{"` + member + `":` + inEvent(data) + `}`} {
				p, err := previewBody(t, c, body, attributes)
				if err != nil {
					require.ErrorContains(t, err, "order: is missing", body)
					continue
				}
				require.Empty(t, p.Approvers, body)
			}
		}
	}
	p, err := previewBody(t, c, inSNS(plain), attributes)
	require.NoError(t, err)
	require.Equal(t, "ann@example.com", p.Approvers[0].ID, "a service's wrapper is around the whole message")
}
