package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	wmsqs "github.com/ThreeDotsLabs/watermill-aws/sqs"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/approval-relay/approval-relay/sqs"
)

const (
	pollers = 4 // the default of sqs.Config, and of the plain loop
	// bulk is how many messages one round of our subscriber and of the plain loop
	// has, few how many one of watermill-aws: some seconds each.
	bulk = 8000
	few  = 120
)

// consumer takes all messages of a queue until its context ends.
type consumer func(ctx context.Context, s *stub, queue string) error

// measureConsuming compares ways to empty a queue behind an 8 ms round trip.
func (b *bench) measureConsuming(ctx context.Context) error {
	s, err := startStub()
	if err != nil {
		return err
	}
	defer s.server.Close()
	ways := []struct {
		consume  consumer
		messages int
		rates    []float64
		calls    []float64
	}{{consume: ours, messages: bulk}, {consume: plainLoop, messages: bulk}, {consume: watermillAWS, messages: few}}
	for round := range b.rounds {
		for i := range ways {
			w := &ways[i]
			rate, calls, err := consumeAll(ctx, s, fmt.Sprintf("queue-%d-%d", round, i), w.messages, w.consume)
			if err != nil {
				return err
			}
			w.rates, w.calls = append(w.rates, rate), append(w.calls, calls)
		}
	}
	us, loop, wm := ways[0], ways[1], ways[2]
	what := "SQS messages/s, our subscriber and the router, 8 ms round trip"
	b.add(atLeast(what, perSecond(median(us.rates)), fmt.Sprintf("SDK loop, batched, %d pollers: %s", pollers, perSecond(median(loop.rates))),
		ratio(us.rates, loop.rates), 1.8))
	b.add(atLeast("", "", "watermill-aws at its defaults: "+perSecond(median(wm.rates)), ratio(us.rates, wm.rates), 60))
	b.add(atMost("SQS calls per message under load", "", fmt.Sprintf("floor 0.2; SDK loop %.3f, watermill-aws %.2f", median(loop.calls), median(wm.calls)),
		median(us.calls), 0.21))
	return nil
}

// consumeAll returns the messages a second and the calls a message that it takes
// to empty a queue: from the start of the consumer to the last delete.
func consumeAll(ctx context.Context, s *stub, queue string, messages int, consume consumer) (rate, calls float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	q := s.queue(queue)
	q.put(bodies(messages)...)
	before := s.counted()
	ended := make(chan error, 1)
	began := time.Now()
	go func() { ended <- consume(ctx, s, queue) }()
	if err := q.emptied(ctx); err != nil {
		return 0, 0, err
	}
	took := time.Since(began)
	n := 0
	for c, after := range s.counted() {
		if c.action != "GetQueueUrl" && c.action != "GetQueueAttributes" {
			n += after - before[c]
		}
	}
	cancel()
	return float64(messages) / took.Seconds(), float64(n) / float64(messages), <-ended
}

// bodies are messages of the size that Step Functions sends: a task token of 700
// characters, and an order.
func bodies(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf(`{"taskToken":%q,"orderId":"order-%d","amount":12.5}`, strings.Repeat("t", 700), i)
	}
	return out
}

func cloud(s *stub) aws.Config {
	return aws.Config{
		Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("x", "x", ""), BaseEndpoint: aws.String(s.url),
		HTTPClient: &http.Client{Transport: sqs.BufferedBody(&http.Transport{MaxIdleConnsPerHost: 256})},
	}
}

// ours is the subscriber of this module, under Watermill's router.
func ours(ctx context.Context, s *stub, queue string) error {
	sub, err := sqs.New(awssqs.NewFromConfig(cloud(s)), sqs.Config{Pollers: pollers})
	if err != nil {
		return err
	}
	return route(ctx, queue, sub)
}

// watermillAWS is Watermill's own subscriber as its defaults make it.
func watermillAWS(ctx context.Context, s *stub, queue string) error {
	sub, err := wmsqs.NewSubscriber(wmsqs.SubscriberConfig{AWSConfig: cloud(s)}, watermill.NopLogger{})
	if err != nil {
		return err
	}
	return route(ctx, queue, sub)
}

func route(ctx context.Context, queue string, sub message.Subscriber) error {
	r, err := message.NewRouter(message.RouterConfig{}, watermill.NopLogger{})
	if err != nil {
		return err
	}
	r.AddConsumerHandler("bench", queue, sub, func(*message.Message) error { return nil })
	return r.Run(ctx)
}

// plainLoop is what one writes with the SDK alone: each poller receives ten,
// handles them, deletes them with one call, and receives again.
func plainLoop(ctx context.Context, s *stub, queue string) error {
	client, url := awssqs.NewFromConfig(cloud(s)), aws.String(s.queueURL(queue))
	var group sync.WaitGroup
	for range pollers {
		group.Go(func() {
			for ctx.Err() == nil {
				out, err := client.ReceiveMessage(ctx, &awssqs.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: 10, WaitTimeSeconds: 20})
				if err != nil || len(out.Messages) == 0 {
					continue
				}
				entries := make([]types.DeleteMessageBatchRequestEntry, len(out.Messages))
				for i, m := range out.Messages {
					entries[i] = types.DeleteMessageBatchRequestEntry{Id: m.MessageId, ReceiptHandle: m.ReceiptHandle}
				}
				_, _ = client.DeleteMessageBatch(ctx, &awssqs.DeleteMessageBatchInput{QueueUrl: url, Entries: entries})
			}
		})
	}
	group.Wait()
	return nil
}
