package sqs

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/approval-relay/approval-relay/metadata"
	"github.com/approval-relay/approval-relay/store"
)

// Message attributes of a dead letter.
const (
	// AttrReasonCode is the reason code of the error. It is missing on dead letters of older versions.
	AttrReasonCode = "ApprovalRelayReasonCode"
	// AttrReason is the text of the error.
	AttrReason = "ApprovalRelayReason"
	// AttrSource is the source of the message.
	AttrSource = "ApprovalRelaySource"
	// AttrRedrives is the number of times that the message was moved back to its queue. It stays on a message that was
	// moved back.
	AttrRedrives = "ApprovalRelayRedrives"
	// AttrRedrive is the ID of the last Move that moved the message back. If the message becomes a dead letter again
	// while that Move still runs, it is not moved back again.
	AttrRedrive = "ApprovalRelayRedrive"
	// AttrSentAt is the time at which the message was first sent, RFC 3339. It stays on a message that was moved back,
	// and becomes its metadata.SentAt, so that its deadline does not start again.
	AttrSentAt = "ApprovalRelaySentAt"
	// AttrEncoding is "base64" if the body had to be encoded, because SQS refuses a body that is empty or has control
	// characters. Such a message is not moved back.
	AttrEncoding = "ApprovalRelayEncoding"
)

// Limits of message attributes (Developer Guide, "Amazon SQS message metadata").
const (
	maxAttributes = 10
	maxName       = 256  // bytes
	maxReason     = 1024 // bytes; our limit, because attributes count towards the size of a message
)

// QueueAPI is the slice of the SDK's SQS client that a DeadLetterQueue uses.
//
// IAM: that of API and DepthAPI, and sqs:SendMessage.
type QueueAPI interface {
	DepthAPI
	SendMessage(context.Context, *sqs.SendMessageInput, ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
	ChangeMessageVisibilityBatch(
		context.Context, *sqs.ChangeMessageVisibilityBatchInput, ...func(*sqs.Options),
	) (*sqs.ChangeMessageVisibilityBatchOutput, error)
}

// DeadLetterQueue stores the dead letters of a queue in another queue, and moves them back. Its methods may be called
// from many goroutines.
type DeadLetterQueue struct {
	api    QueueAPI
	queue  string
	source string

	mu   sync.Mutex
	urls map[string]string // by topic
}

// NewDeadLetterQueue returns the dead letter queue of a source queue; both are names or URLs. It does not call SQS.
func NewDeadLetterQueue(api QueueAPI, queue, source string) *DeadLetterQueue {
	return &DeadLetterQueue{
		api:    api,
		queue:  queue,
		source: source,
		urls:   map[string]string{},
	}
}

// PutDeadLetter sends a message to the dead letter queue, with its reason, its source and the time at which it was
// first sent, and returns the ID that SQS gave it. The message keeps as many of its own attributes as SQS allows beside
// these, unless Config.PlainAttributes hid them. It is durable when the error is nil.
//
// SQS refuses a body of nearly 1 MiB, because the attributes count too. The caller then nacks the message, and the
// queue's own redrive policy moves it.
func (q *DeadLetterQueue) PutDeadLetter(ctx context.Context, d store.DeadLetter) (string, error) {
	attributes := map[string]string{}
	for k, v := range d.Metadata {
		if name, ok := strings.CutPrefix(k, metadata.Attribute); ok {
			attributes[name] = v
		}
	}
	attributes[AttrReasonCode] = string(d.ReasonCode.OrUnknown())
	attributes[AttrReason] = d.Reason
	attributes[AttrSource] = d.Source
	attributes[AttrSentAt] = d.Metadata[metadata.SentAt]
	return q.PutBody(ctx, d.Body, attributes)
}

// PutBody sends a body to the dead letter queue, with at most ten attributes, and returns the message's ID. The
// attributes of this package come first, the others follow by name. Characters that SQS refuses in a value are
// replaced, and a reason is cut after 1 KiB.
func (q *DeadLetterQueue) PutBody(ctx context.Context, body []byte, attributes map[string]string) (string, error) {
	url, err := q.queueURL(ctx, q.queue)
	if err != nil {
		return "", err
	}
	attributes = maps.Clone(attributes)
	text := string(body)
	if text == "" || replaceForbidden(text) != text {
		if attributes == nil {
			attributes = map[string]string{}
		}
		text, attributes[AttrEncoding] = base64.StdEncoding.EncodeToString(body), "base64"
		if text == "" {
			text = "=" // SQS refuses an empty body, and this is not valid base64
		}
	}
	values := map[string]types.MessageAttributeValue{}
	for name, v := range attributes {
		if v = replaceForbidden(v); name == AttrReason {
			v = truncateText(v, maxReason)
		}
		if v != "" { // an attribute of the sender is not cut: it may be the task token
			values[name] = stringValue(v)
		}
	}
	out, err := q.api.SendMessage(ctx, newSendInput(url, text, values, ""))
	if err != nil {
		return "", fmt.Errorf("send to dead letter queue %q: %w", q.queue, err)
	}
	return aws.ToString(out.MessageId), nil
}

// newSendInput returns the input that sends a message with at most ten attributes. In a FIFO queue the message is a
// group of its own, and the ID deduplicates it.
func newSendInput(url, body string, values map[string]types.MessageAttributeValue, id string) *sqs.SendMessageInput {
	fits := map[string]types.MessageAttributeValue{}
	ours := []string{AttrReasonCode, AttrReason, AttrRedrives, AttrSentAt, AttrSource, AttrEncoding, AttrRedrive}
	for _, name := range slices.Concat(ours, slices.Sorted(maps.Keys(values))) {
		v, found := values[name]
		if _, twice := fits[name]; found && !twice && isValidName(name) && len(fits) < maxAttributes {
			fits[name] = v
		}
	}
	in := &sqs.SendMessageInput{QueueUrl: aws.String(url), MessageBody: aws.String(body), MessageAttributes: fits}
	if strings.HasSuffix(url, ".fifo") {
		if id == "" {
			id = rand.Text() // two letters of the same nanosecond would be one
		}
		in.MessageGroupId, in.MessageDeduplicationId = aws.String(id), aws.String(id)
	}
	return in
}

func stringValue(s string) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(s)}
}

// isValidName reports whether SQS accepts the name of an attribute.
func isValidName(name string) bool {
	odd := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-' && r != '.'
	}
	lower := strings.ToLower(name)
	return name != "" && len(name) <= maxName && !strings.ContainsFunc(name, odd) &&
		!strings.HasPrefix(lower, "aws.") && !strings.HasPrefix(lower, "amazon.") &&
		!strings.HasPrefix(name, ".") && !strings.HasSuffix(name, ".") && !strings.Contains(name, "..")
}

// replaceForbidden replaces the characters that SQS refuses in bodies and attributes. It accepts tab, line feed,
// carriage return and U+0020 to U+10FFFF without surrogates, U+FFFE and U+FFFF (API Reference, SendMessage).
func replaceForbidden(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r == '\r' || (r >= ' ' && r != 0xFFFE && r != 0xFFFF) {
			return r
		}
		return utf8.RuneError
	}, strings.ToValidUTF8(s, string(utf8.RuneError)))
}

// truncateText cuts a text to a number of bytes, between characters.
func truncateText(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

// CountAll returns the queue's name or URL, as it is configured, and the number of its messages as SQS counts them,
// approximately. Messages in flight count too.
func (q *DeadLetterQueue) CountAll(ctx context.Context) (queue string, messages int, err error) {
	url, err := q.queueURL(ctx, q.queue)
	if err != nil {
		return q.queue, 0, err
	}
	d, err := readDepth(ctx, q.api, q.queue, &url)
	return q.queue, d.Visible + d.InFlight + d.Delayed, err
}

// queueURL returns the URL of a queue. It looks each URL up once.
func (q *DeadLetterQueue) queueURL(ctx context.Context, topic string) (string, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if url, ok := q.urls[topic]; ok {
		return url, nil
	}
	url, err := resolveQueueURL(ctx, q.api, topic)
	if err != nil {
		return "", fmt.Errorf("queue %q: %w", topic, err)
	}
	q.urls[topic] = url
	return url, nil
}
