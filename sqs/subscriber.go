package sqs

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

// callTimeout bounds one API call that is no long poll.
const callTimeout = 5 * time.Second

var (
	// ErrClosed is returned by Subscribe after Close.
	ErrClosed = errors.New("sqs: the subscriber is closed")
	// ErrNoQueue is in the error of Subscribe if the queue does not exist.
	ErrNoQueue = errors.New("sqs: the queue does not exist")
)

// Subscriber receives messages from SQS standard queues. It implements
// Watermill's message.Subscriber. Its methods may be called from many goroutines.
type Subscriber struct {
	api     API
	cfg     Config
	closing chan struct{}
	running sync.WaitGroup

	mu     sync.Mutex
	closed bool
}

var _ message.Subscriber = (*Subscriber)(nil)

// New returns a Subscriber, or all faults of the Config. It makes no call.
func New(api API, cfg Config) (*Subscriber, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("sqs subscriber: %w", err)
	}
	return &Subscriber{api: api, cfg: cfg.withDefaults(), closing: make(chan struct{})}, nil
}

// Subscribe starts to receive from a queue and returns the channel on which its
// messages are handed out, many at once and in any order; each is to be acked or
// nacked. The topic is the queue's name, or its URL. Subscribe returns an error
// that wraps ErrNoQueue if there is no such queue.
//
// It goes on until ctx or the Subscriber is closed, then it settles what is in
// flight as the package comment says and closes the channel. The channel need
// not be drained. Two subscriptions to one queue share its messages.
func (s *Subscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	if s.isClosed() {
		return nil, ErrClosed
	}
	queueURL, err := resolve(ctx, s.api, topic)
	if err != nil {
		return nil, fmt.Errorf("subscribe to queue %q: %w", topic, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	sub := newSubscription(ctx, s.api, s.cfg, topic, queueURL)
	s.running.Go(func() { sub.run(s.closing) })
	return sub.out, nil
}

// Close stops all subscriptions and waits for them: up to CloseTimeout for
// handlers, and 5 s for deletes and returns. It returns nil, and may be called
// again.
func (s *Subscriber) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.closing)
	}
	s.mu.Unlock()
	s.running.Wait()
	return nil
}

func (s *Subscriber) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// resolve returns the URL of a queue. One that is given as a URL is used as it
// is: it is only an error if SQS says that the queue does not exist, as
// sqs:GetQueueUrl may be denied and SQS out of reach just now.
//
// A look-up that gets no answer is made again: a worker that starts in a bad
// moment of the network would take its HTTP routes down with it.
func resolve(ctx context.Context, api API, topic string) (url string, err error) {
	for range resolveAttempts {
		if url, err = lookUp(ctx, api, topic); err == nil || isMissing(err) || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			break
		}
	}
	return url, err
}

// resolveAttempts bounds how long a start waits for SQS: that often callTimeout.
const resolveAttempts = 3

func lookUp(ctx context.Context, api API, topic string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if name, owner, ok := splitURL(topic); ok {
		_, err := api.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(name), QueueOwnerAWSAccountId: owner})
		if isMissing(err) {
			return "", fmt.Errorf("%w: %w", ErrNoQueue, err)
		}
		return topic, nil
	}
	out, err := api.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(topic)})
	switch {
	case isMissing(err):
		return "", fmt.Errorf("%w: %w", ErrNoQueue, err)
	case err != nil:
		return "", fmt.Errorf("look up its URL: %w", err)
	}
	return aws.ToString(out.QueueUrl), nil
}

// splitURL takes a queue URL apart: https://host/account/name. The host is of
// no account: emulators and endpoints differ.
func splitURL(topic string) (name string, owner *string, ok bool) {
	if !strings.HasPrefix(topic, "https://") && !strings.HasPrefix(topic, "http://") {
		return "", nil, false
	}
	u, err := url.Parse(topic)
	if err != nil {
		return "", nil, false
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	name = parts[len(parts)-1]
	if len(parts) > 1 && len(parts[len(parts)-2]) == 12 {
		owner = aws.String(parts[len(parts)-2])
	}
	return name, owner, name != ""
}

// isMissing says whether SQS said that a queue does not exist. The second code
// is that of the older protocol, and of emulators.
func isMissing(err error) bool {
	return hasCode(err, (&types.QueueDoesNotExist{}).ErrorCode(), "AWS.SimpleQueueService.NonExistentQueue")
}

// isGone says whether SQS said that a receipt handle is of no more use. One that
// has expired is an invalid parameter value to it.
func isGone(err error) bool {
	return hasCode(err, (&types.MessageNotInflight{}).ErrorCode(), (&types.ReceiptHandleIsInvalid{}).ErrorCode(),
		"AWS.SimpleQueueService.MessageNotInflight", "InvalidParameterValue")
}

func hasCode(err error, codes ...string) bool {
	var e smithy.APIError
	if !errors.As(err, &e) {
		return false
	}
	for _, c := range codes {
		if e.ErrorCode() == c {
			return true
		}
	}
	return false
}
