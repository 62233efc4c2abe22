package sqs_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/tests"
	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/sqs"
	"github.com/approval-relay/approval-relay/test/emulator"
)

// A standard queue keeps messages for later subscribers, without order, and delivers them at least once, to a single
// group. goaws is the slower emulator and gets the suite's small numbers.
var (
	standardQueue      = tests.Features{Persistent: true}
	smallStandardQueue = tests.Features{Persistent: true, ForceShort: true}
)

// TestPubSub runs Watermill's own suite for every Pub/Sub, against two emulators, because neither of them is SQS.
func TestPubSub(t *testing.T) {
	t.Parallel()
	t.Run("goaws", func(t *testing.T) {
		t.Parallel()
		suite(t, smallStandardQueue, goaws)
	})
	t.Run("emulator", func(t *testing.T) {
		t.Parallel()
		server, err := emulator.Start()
		require.NoError(t, err)
		t.Cleanup(func() { _ = server.Close() })
		suite(t, standardQueue, server.URL())
	})
}

func suite(t *testing.T, features tests.Features, endpoint string) {
	t.Helper()
	tests.TestPubSub(t, features, func(t *testing.T) (message.Publisher, message.Subscriber) {
		t.Helper()
		api := client(t, endpoint)
		s, err := sqs.New(api, sqs.Config{
			Limits:          sqs.Limits{Visibility: 30 * time.Second},
			WaitTime:        time.Second,
			CloseTimeout:    300 * time.Millisecond,
			Backoff:         func(int) time.Duration { return 0 }, // as soon as SQS can: a second
			PlainAttributes: true,
		})
		require.NoError(t, err)
		queues := &queues{api: api, urls: map[string]string{}}
		return queues, creating{s, queues}
	}, nil)
}

// queues publishes as Watermill's publishers do, and creates queues.
type queues struct {
	api *awssqs.Client

	mu   sync.Mutex
	urls map[string]string
}

func (q *queues) Publish(topic string, messages ...*message.Message) error {
	url, err := q.create(topic)
	if err != nil {
		return err
	}
	for _, m := range messages {
		attributes := map[string]types.MessageAttributeValue{sqs.UUIDAttribute: text(m.UUID)}
		for k, v := range m.Metadata {
			attributes[k] = text(v)
		}
		_, err := q.api.SendMessage(context.Background(), &awssqs.SendMessageInput{
			QueueUrl: aws.String(url), MessageBody: aws.String(string(m.Payload)), MessageAttributes: attributes,
		})
		if err != nil {
			return fmt.Errorf("publish: %w", err)
		}
	}
	return nil
}

func (q *queues) Close() error { return nil }

func (q *queues) create(topic string) (string, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if url, ok := q.urls[topic]; ok {
		return url, nil
	}
	out, err := q.api.CreateQueue(context.Background(), &awssqs.CreateQueueInput{QueueName: aws.String(topic)})
	if err != nil {
		return "", fmt.Errorf("create queue: %w", err)
	}
	q.urls[topic] = aws.ToString(out.QueueUrl)
	return q.urls[topic], nil
}

// creating is a subscriber that creates its queues on demand, as the suite requires.
type creating struct {
	*sqs.Subscriber
	queues *queues
}

func (c creating) SubscribeInitialize(topic string) error {
	_, err := c.queues.create(topic)
	return err
}

func text(s string) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(s)}
}
