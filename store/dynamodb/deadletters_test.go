package dynamodb

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// A dead letter of an older version has its sealed content in the head. It is listed, read and deleted like the others.
func TestDeadLetterWithContentInItsHead(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	id, err := s.PutDeadLetter(t.Context(), store.DeadLetter{Body: []byte("body"), At: startTime})
	require.NoError(t, err)
	parts, err := s.queryPartition(t.Context(), "letter#"+id, "0", 2, nil)
	require.NoError(t, err)
	require.Len(t, parts, 1)
	_, err = s.client.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &s.config.Table, Key: partKey(id, 1)})
	require.NoError(t, err)
	_, err = s.client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName:                 &s.config.Table,
		Key:                       itemKey("letters", id),
		UpdateExpression:          aws.String("SET sealed = :sealed, parts = :one"),
		ExpressionAttributeValues: item{":sealed": parts[0]["sealed"], ":one": numberAttr(1)},
	})
	require.NoError(t, err)
	list, err := s.ListDeadLetters(t.Context(), "", 10)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Empty(t, list[0].Body)
	got, err := s.GetDeadLetter(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, "body", string(got.Body))
	require.NoError(t, s.DeleteDeadLetter(t.Context(), id))
}

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
