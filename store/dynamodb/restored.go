package dynamodb

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/approval-relay/approval-relay/store"
)

// Restoration implements store.Restored. DynamoDB remembers that a table was made from a backup or from a point in time.
func (s *Store) Restoration(ctx context.Context) (r store.Restoration, isRestored bool, err error) {
	table, err := s.describeTable(ctx)
	if err != nil || table.RestoreSummary == nil {
		return r, false, err
	}
	return store.Restoration{
		Copied:   aws.ToTime(table.RestoreSummary.RestoreDateTime),
		Restored: aws.ToTime(table.CreationDateTime),
	}, true, nil
}
