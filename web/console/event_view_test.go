package console

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// TestEventsOfTruths holds that the timeline tells each truth in words of its own.
func TestEventsOfTruths(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, truth := range approval.AllTruths() {
		v := describeEvent(approval.Event{Kind: approval.EventReconciled, Code: string(truth)})
		require.NotContains(t, v.Text, string(truth)+"_", truth)
		require.False(t, seen[v.Text], truth)
		seen[v.Text] = true
	}
}

// TestAttentionCountsEveryStateOfItsList holds that the number in the menu has all states that the list behind it has.
func TestAttentionCountsEveryStateOfItsList(t *testing.T) {
	t.Parallel()
	stats := store.Stats{Exhausted: 1, Undeliverable: 20, Unanswered: 300, Retrying: 4000}
	require.Equal(t, 4321, countAttention(&stats))
}
