package sqs

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"
)

// silent does not answer the first look-ups.
type silent struct {
	API
	times, calls int
}

func (s *silent) GetQueueUrl(
	ctx context.Context, _ *sqs.GetQueueUrlInput, _ ...func(*sqs.Options),
) (*sqs.GetQueueUrlOutput, error) {
	if s.calls++; s.calls <= s.times {
		<-ctx.Done()
		return nil, &aws.RequestCanceledError{Err: ctx.Err()}
	}
	return &sqs.GetQueueUrlOutput{QueueUrl: aws.String("https://sqs/q")}, nil
}

func TestLookUpWithoutAnswerIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &silent{times: 2}
		url, err := resolveQueueURL(t.Context(), api, "q")
		require.NoError(t, err)
		require.Equal(t, "https://sqs/q", url)
		require.Equal(t, 3, api.calls)

		api = &silent{times: 100}
		_, err = resolveQueueURL(t.Context(), api, "q")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, resolveAttempts, api.calls)
	})
}
