package dynamodb

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/store"
)

// restoredTable is a table whose description has a restoration: DynamoDB Local restores nothing.
type restoredTable struct {
	API
	summary *types.RestoreSummary
	created time.Time
}

func (r restoredTable) DescribeTable(
	context.Context, *dynamodb.DescribeTableInput, ...func(*dynamodb.Options),
) (*dynamodb.DescribeTableOutput, error) {
	return &dynamodb.DescribeTableOutput{Table: &types.TableDescription{
		CreationDateTime: &r.created,
		RestoreSummary:   r.summary,
	}}, nil
}

func TestRestoration(t *testing.T) {
	t.Parallel()
	copied := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	created := copied.Add(time.Hour)
	for _, c := range []struct {
		summary    *types.RestoreSummary
		want       store.Restoration
		isRestored bool
	}{
		{nil, store.Restoration{}, false},
		{&types.RestoreSummary{RestoreDateTime: &copied}, store.Restoration{Copied: copied, Restored: created}, true},
		{&types.RestoreSummary{}, store.Restoration{Restored: created}, true},
	} {
		s := &Store{client: restoredTable{summary: c.summary, created: created}}
		got, isRestored, err := s.Restoration(t.Context())
		require.NoError(t, err)
		require.Equal(t, c.want, got)
		require.Equal(t, c.isRestored, isRestored)
	}
}
