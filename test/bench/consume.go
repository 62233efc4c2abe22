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
	pollers = 4 // the default of sqs.Config; the plain loop uses it too
	// A round of our subscriber or of the plain loop has manyMessages, a round of watermill-aws has fewMessages. So
	// each round takes some seconds.
	manyMessages = 8000
	fewMessages  = 120
)

// consumer takes messages from a queue until its context ends.
type consumer func(ctx context.Context, s *awsStub, queue string) error

// measureConsuming compares three consumers that empty a queue behind a round trip of 8 ms.
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
	}{
		{consume: ourSubscriber, messages: manyMessages},
		{consume: plainLoop, messages: manyMessages},
		{consume: watermillAWS, messages: fewMessages},
	}
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
	us := ways[0]
	loop := ways[1]
	wm := ways[2]
	b.addRow(atLeast("SQS messages/s, our subscriber and the router, 8 ms round trip", formatRate(median(us.rates)),
		fmt.Sprintf("SDK loop, batched, %d pollers: %s", pollers, formatRate(median(loop.rates))),
		ratio(us.rates, loop.rates), 1.8))
	b.addRow(atLeast("", "", "watermill-aws at its defaults: "+formatRate(median(wm.rates)), ratio(us.rates, wm.rates), 60))
	b.addRow(atMost("SQS calls per message under load", "",
		fmt.Sprintf("floor 0.2; SDK loop %.3f, watermill-aws %.2f", median(loop.calls), median(wm.calls)), median(us.calls), 0.21))
	return nil
}

// consumeAll empties a queue and returns the messages per second, from the start of the consumer to the last delete,
// and the calls per message.
func consumeAll(ctx context.Context, s *awsStub, queue string, messages int, consume consumer) (rate, calls float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	q := s.queueNamed(queue)
	q.putBodies(requestBodies(messages)...)
	before := s.callCounts()
	ended := make(chan error, 1)
	began := time.Now()
	go func() { ended <- consume(ctx, s, queue) }()
	if err := q.waitUntilEmpty(ctx); err != nil {
		return 0, 0, err
	}
	took := time.Since(began)
	n := 0
	for c, after := range s.callCounts() {
		if c.action != "GetQueueUrl" && c.action != "GetQueueAttributes" {
			n += after - before[c]
		}
	}
	cancel()
	return float64(messages) / took.Seconds(), float64(n) / float64(messages), <-ended
}

// requestBodies returns messages of the size that Step Functions sends, with a task token of 700 characters and an
// order.
func requestBodies(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf(`{"taskToken":%q,"orderId":"order-%d","amount":12.5}`, strings.Repeat("t", 700), i)
	}
	return out
}

func awsConfig(s *awsStub) aws.Config {
	return aws.Config{
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("x", "x", ""),
		BaseEndpoint: aws.String(s.url),
		HTTPClient:   &http.Client{Transport: sqs.BufferedBody(&http.Transport{MaxIdleConnsPerHost: 256})},
	}
}

// ourSubscriber consumes with the subscriber of this module under Watermill's router.
func ourSubscriber(ctx context.Context, s *awsStub, queue string) error {
	sub, err := sqs.New(awssqs.NewFromConfig(awsConfig(s)), sqs.Config{Limits: sqs.Limits{Pollers: pollers}})
	if err != nil {
		return err
	}
	return runRouter(ctx, queue, sub)
}

// watermillAWS consumes with Watermill's own subscriber and its defaults.
func watermillAWS(ctx context.Context, s *awsStub, queue string) error {
	sub, err := wmsqs.NewSubscriber(wmsqs.SubscriberConfig{AWSConfig: awsConfig(s)}, watermill.NopLogger{})
	if err != nil {
		return err
	}
	return runRouter(ctx, queue, sub)
}

func runRouter(ctx context.Context, queue string, sub message.Subscriber) error {
	r, err := message.NewRouter(message.RouterConfig{}, watermill.NopLogger{})
	if err != nil {
		return err
	}
	r.AddConsumerHandler("bench", queue, sub, func(*message.Message) error { return nil })
	return r.Run(ctx)
}

// plainLoop consumes with the SDK alone, in the simplest way: each poller receives ten messages, handles them, deletes
// them with a single call, and receives again.
func plainLoop(ctx context.Context, s *awsStub, queue string) error {
	client, url := awssqs.NewFromConfig(awsConfig(s)), aws.String(s.queueURL(queue))
	var group sync.WaitGroup
	for range pollers {
		group.Go(func() {
			for ctx.Err() == nil {
				out, err := client.ReceiveMessage(ctx, &awssqs.ReceiveMessageInput{
					QueueUrl:            url,
					MaxNumberOfMessages: 10,
					WaitTimeSeconds:     20,
				})
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
