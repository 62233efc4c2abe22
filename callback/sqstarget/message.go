package sqstarget

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/http"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/outbound"
)

// MaxBody is the longest body, in bytes: the 262,144 that every queue accepts by default, less the attributes
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html).
const MaxBody = 262_144 - 1024

// messageType is the attribute "type" of every message.
const messageType = "approval.answer"

// newBody returns the answer as JSON, as the target http posts it, with the correlation text as callbackId. If the
// answer is too long, callback.FitAnswer removes comments first.
func newBody(a approval.Answer, correlation string) (string, error) {
	name, err := callback.ErrorName(a)
	if err != nil {
		return "", err
	}
	a.Output = maps.Clone(a.Output)
	if a.Output == nil {
		a.Output = map[string]any{}
	}
	a.Output["callbackId"] = correlation
	for limit := MaxBody; ; {
		fitted, err := callback.FitAnswer(a, name, limit, false)
		if err != nil {
			return "", approval.Permanent(err)
		}
		body := escapeNonCharacters(string(fitted))
		if len(body) <= MaxBody {
			return body, nil
		}
		limit -= len(body) - MaxBody // the escapes need the space
	}
}

// escapeNonCharacters writes the two characters as escapes that JSON allows and SQS refuses
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html).
func escapeNonCharacters(body string) string {
	return strings.NewReplacer("\uFFFE", `\ufffe`, "\uFFFF", `\uffff`).Replace(body)
}

// newInput returns the call that sends a body. In a FIFO queue, the answers of an order keep their order, and SQS
// discards a repeated answer within five minutes.
func newInput(ctx context.Context, a approval.Answer, url, body string) *sqs.SendMessageInput {
	in := &sqs.SendMessageInput{
		QueueUrl:    &url,
		MessageBody: &body,
		MessageAttributes: map[string]types.MessageAttributeValue{
			"type":       newAttribute(messageType),
			"workflow":   newAttribute(a.Workflow),
			"status":     newAttribute(string(a.Status)),
			"approvalId": newAttribute(a.ApprovalID),
		},
	}
	header := http.Header{}
	outbound.SetTrace(ctx, header)
	if trace := header.Get("Traceparent"); trace != "" {
		in.MessageAttributes["traceparent"] = newAttribute(trace)
	}
	if strings.HasSuffix(url, ".fifo") {
		in.MessageGroupId = aws.String(groupOf(a.OrderID))
		in.MessageDeduplicationId = &a.ApprovalID
	}
	return in
}

func newAttribute(value string) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &value}
}

// groupForm is the form of a message group ID: letters, digits and punctuation.
var groupForm = regexp.MustCompile(`^[!-~]{1,128}$`)

// groupOf returns the message group of an order: its ID, or a hash of an ID that SQS does not accept.
func groupOf(orderID string) string {
	if groupForm.MatchString(orderID) {
		return orderID
	}
	sum := sha256.Sum256([]byte(orderID))
	return hex.EncodeToString(sum[:])
}
