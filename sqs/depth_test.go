package sqs_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/sqs"
)

// deep is a fake that answers with the depth of its queue.
type deep struct {
	*fake
	answer func() (map[string]string, error)
	asked  []time.Time
}

func (d *deep) GetQueueAttributes(
	_ context.Context, in *awssqs.GetQueueAttributesInput, _ ...func(*awssqs.Options),
) (*awssqs.GetQueueAttributesOutput, error) {
	d.asked = append(d.asked, time.Now())
	if *in.QueueUrl != "https://sqs.test/000000000000/queue" || len(in.AttributeNames) != 3 {
		d.t.Errorf("asked for %v of %s", in.AttributeNames, *in.QueueUrl)
	}
	a, err := d.answer()
	return &awssqs.GetQueueAttributesOutput{Attributes: a}, err
}

func TestWatchDepth(t *testing.T) {
	t.Parallel()
	full := map[string]string{
		"ApproximateNumberOfMessages": "7", "ApproximateNumberOfMessagesNotVisible": "120000", "ApproximateNumberOfMessagesDelayed": "0",
	}
	denied := errors.New("denied")
	synctest.Test(t, func(t *testing.T) {
		d := &deep{fake: newFake(t)}
		answers := []func() (map[string]string, error){
			func() (map[string]string, error) { return full, nil },
			func() (map[string]string, error) { return nil, denied },
			func() (map[string]string, error) {
				return map[string]string{"ApproximateNumberOfMessages": "many"}, nil
			},
			func() (map[string]string, error) { return full, nil },
		}
		d.answer = func() (map[string]string, error) { next := answers[0]; answers = answers[1:]; return next() }
		type told struct {
			sqs.Depth
			err error
		}
		var all []told
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		sqs.WatchDepth(ctx, d, "queue", time.Minute, func(depth sqs.Depth, err error) {
			all = append(all, told{depth, err})
			if len(answers) == 0 {
				cancel()
			}
		})
		require.Len(t, all, 4)
		require.Equal(t, told{sqs.Depth{Visible: 7, InFlight: 120000}, nil}, all[0])
		require.ErrorIs(t, all[1].err, denied)
		require.ErrorContains(t, all[2].err, `read the depth of queue "queue": ApproximateNumberOfMessages is not a number`)
		require.Zero(t, all[2].Depth)
		require.Equal(t, all[0], all[3])
		require.Equal(t, 3*time.Minute, time.Since(began), "at once, and once a minute")
	})
}

// A queue that cannot be found is looked up again, and the end of the context is not reported.
func TestWatchDepthOfNone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Second)
		defer cancel()
		n := 0
		sqs.WatchDepth(ctx, &deep{fake: newFake(t)}, "gone", time.Minute, func(_ sqs.Depth, err error) {
			n++
			require.ErrorIs(t, err, sqs.ErrNoQueue)
		})
		require.Equal(t, 3, n)
	})
}
