package sqs_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/sqs"
)

// lateQueue is an SQS whose queue cannot be found until it is made.
type lateQueue struct {
	sqs.API
	err      error
	made     atomic.Bool
	lookups  atomic.Int32
	received atomic.Int32
}

func (q *lateQueue) GetQueueUrl(context.Context, *awssqs.GetQueueUrlInput, ...func(*awssqs.Options)) (*awssqs.GetQueueUrlOutput, error) {
	q.lookups.Add(1)
	if !q.made.Load() {
		return nil, q.err
	}
	return &awssqs.GetQueueUrlOutput{QueueUrl: aws.String("https://sqs.test/000000000000/queue")}, nil
}

func (q *lateQueue) ReceiveMessage(
	ctx context.Context, _ *awssqs.ReceiveMessageInput, _ ...func(*awssqs.Options),
) (*awssqs.ReceiveMessageOutput, error) {
	q.received.Add(1)
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(20 * time.Second):
		return &awssqs.ReceiveMessageOutput{}, nil
	}
}

// A queue that is missing, forbidden or out of reach at the start is looked for until it can be used. The cause is in the
// log at once, and each failure is counted.
func TestQueueIsAwaited(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		hint string
	}{
		"missing":      {&types.QueueDoesNotExist{}, "no queue has this name"},
		"unknown host": {errors.New("dial tcp: no such host"), "look at the credentials"},
		"silent":       {context.DeadlineExceeded, "SQS did not answer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				api, seen := &lateQueue{err: c.err}, &events{n: map[string]int{}}
				var prepared atomic.Int32
				log, logger := newLog()
				s, err := sqs.New(api, sqs.Config{
					AwaitQueue: true,
					Observer:   seen,
					Logger:     logger,
					Prepare:    func(context.Context) error { prepared.Add(1); return nil },
				})
				require.NoError(t, err)
				_, err = s.Subscribe(t.Context(), "queue")
				require.NoError(t, err, "at once")
				synctest.Wait()
				require.Positive(t, log.count(c.hint), "the first attempt says why")
				time.Sleep(10 * time.Minute)
				require.Greater(t, api.lookups.Load(), int32(15))
				require.Less(t, api.lookups.Load(), int32(200))
				require.EqualValues(t, api.lookups.Load(), seen.get("receive failed"))
				require.Equal(t, api.lookups.Load(), prepared.Load())
				require.Zero(t, api.received.Load())

				api.made.Store(true)
				time.Sleep(time.Minute)
				require.Positive(t, api.received.Load())
				require.Positive(t, seen.get("receives"))
				require.Positive(t, log.count("the queue can be used now"))
				require.NoError(t, s.Close())
			})
		})
	}
}

// A shutdown while the queue is awaited is quick, and no failure.
func TestShutdownWhileTheQueueIsAwaited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, logger := newLog()
		s, err := sqs.New(&lateQueue{err: &types.QueueDoesNotExist{}}, sqs.Config{AwaitQueue: true, Logger: logger})
		require.NoError(t, err)
		messages, err := s.Subscribe(t.Context(), "queue")
		require.NoError(t, err)
		time.Sleep(time.Minute)
		began := time.Now()
		require.NoError(t, s.Close())
		require.Zero(t, time.Since(began))
		_, open := <-messages
		require.False(t, open)
		require.Zero(t, log.count("did not finish"))
	})
}

func newLog() (*logs, *slog.Logger) {
	l := &logs{}
	return l, slog.New(slog.NewTextHandler(l, nil))
}
