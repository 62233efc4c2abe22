// Package sqstarget is the target of event-driven workflows: it answers them by a message to a queue of Amazon SQS. The
// configuration names the queues, and the token of an approval chooses among them.
package sqstarget

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/setup"
)

// API is the part of sqs.Client that a target uses.
type API interface {
	GetQueueUrl(context.Context, *sqs.GetQueueUrlInput, ...func(*sqs.Options)) (*sqs.GetQueueUrlOutput, error)
	SendMessage(context.Context, *sqs.SendMessageInput, ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
}

// Config configures a Target: its settings, and the environment.
type Config struct {
	Settings
	// Limit is the rate limit of the target.
	Limit setup.Limiter
	// Timeout bounds the wait for the rate limit, and then the call. Zero means callback.DefaultTimeout.
	Timeout time.Duration
}

// Target sends answers to queues. It is safe for concurrent use.
type Target struct {
	api     API
	config  Config
	service outbound.Service[sqs.Options]

	mu   sync.Mutex
	urls map[string]string // the URLs that SQS returned, by queue name
}

// NewTarget returns a Target that sends through api.
func NewTarget(api API, c Config) *Target {
	if c.Timeout <= 0 {
		c.Timeout = callback.DefaultTimeout
	}
	return &Target{api: api, config: c, urls: map[string]string{}, service: outbound.Service[sqs.Options]{
		Prepare: func(o *sqs.Options, call *outbound.Call) {
			o.Retryer = aws.NopRetryer{}
			o.HTTPClient = call.ObserveClient(o.HTTPClient)
		},
		// InvalidParameterValue is the code of a message that is too long for the queue.
		Codes: outbound.Codes{Permanent: []string{
			"InvalidMessageContents", "InvalidParameterValue", "SerializationException", "ValidationException",
		}},
		Timeout: c.Timeout,
	}}
}

// Deliver sends the answer to the queue that the token chooses. A queue keeps order and discards a repeated answer
// only if it is a FIFO queue: receivers of other queues recognise a repeated answer by its approval ID. See
// outbound.SendOnce for the meaning of the errors: a queue that does not exist, and a missing permission, are retried.
func (t *Target) Deliver(ctx context.Context, a approval.Answer) error {
	return callback.ForOrder("send the answer to the queue", a, t.sendAnswer(ctx, a))
}

func (t *Target) sendAnswer(ctx context.Context, a approval.Answer) error {
	queue, correlation, err := t.chooseQueue(a.Token.Reveal())
	if err != nil {
		return err
	}
	body, err := newBody(a, correlation)
	if err != nil {
		return err
	}
	url, err := t.queueURL(ctx, queue)
	if err != nil {
		return approval.NotApplied(err)
	}
	in := newInput(ctx, a, url, body)
	return callback.SendWithinLimit(ctx, t.config.Limit, t.service, t.api.SendMessage, in)
}

// chooseQueue splits a token into the queue that it chooses, and the text by which the workflow recognises the answer.
// The token is NAME:TEXT for the queue with this name in the settings. Any other token is the text alone, for the
// default queue: a token cannot name a queue that the settings do not have.
func (t *Target) chooseQueue(token string) (queue, correlation string, err error) {
	name, text, named := strings.Cut(token, ":")
	if queue, known := t.config.Queues[name]; named && known {
		if text == "" {
			return "", "", callback.InvalidToken("the token has no text after the name of the queue")
		}
		return queue, text, nil
	}
	queue, hasDefault := t.config.Queues[t.config.Default]
	switch {
	case token == "":
		return "", "", callback.InvalidToken("the token is empty")
	case !hasDefault:
		return "", "", callback.InvalidToken("the token begins with no name of a queue, and there is no default queue")
	}
	return queue, token, nil
}

// ValidateToken implements callback.TokenTarget. Any text can tell the workflow its answer, but a queue must be chosen.
func (t *Target) ValidateToken(token string) error {
	_, _, err := t.chooseQueue(token)
	return err
}

// queueURL returns the URL of a queue. SQS is asked for the URL of a name once.
func (t *Target) queueURL(ctx context.Context, queue string) (string, error) {
	if strings.Contains(queue, "/") {
		return queue, nil
	}
	t.mu.Lock()
	url, known := t.urls[queue]
	t.mu.Unlock()
	if known {
		return url, nil
	}
	out, err := outbound.SendOnce(ctx, t.service, t.api.GetQueueUrl, &sqs.GetQueueUrlInput{QueueName: &queue})
	if err != nil {
		return "", err
	}
	url = aws.ToString(out.QueueUrl)
	t.mu.Lock()
	t.urls[queue] = url
	t.mu.Unlock()
	return url, nil
}
