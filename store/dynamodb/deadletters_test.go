package dynamodb

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// A dead letter of an older version has no attribute for the reason code.
func TestDeadLetterWithoutReasonCode(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	id, err := s.PutDeadLetter(t.Context(), store.DeadLetter{ReasonCode: approval.ReasonDenied, Reason: "old", At: startTime})
	require.NoError(t, err)
	_, err = s.client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName:        &s.config.Table,
		Key:              itemKey("letters", id),
		UpdateExpression: aws.String("REMOVE reason_code"),
	})
	require.NoError(t, err)
	got, err := s.ListDeadLetters(t.Context(), "", 10)
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.Equal(t, approval.ReasonUnknown, got[0].ReasonCode)
}
