package approval

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/language"
)

func TestOffered(t *testing.T) {
	t.Parallel()
	var none DecisionRules
	var labels []string
	for _, c := range none.Offered() {
		require.False(t, c.NeedsInput())
		labels = append(labels, c.LabelIn("en"), c.LabelIn("de"))
	}
	require.Equal(t, []string{"Approve", "Genehmigen", "Reject", "Ablehnen"}, labels)
	own := DecisionRules{Choices: []Choice{
		{ID: "up_to", Means: Approve, Fields: []string{"limit"}, Label: language.Text{"de": "Bis zu"}},
		{ID: "return", Means: Return, Comment: CommentRequired},
	}}
	require.Equal(t, own.Choices, own.Offered())
	require.True(t, own.Choices[0].NeedsInput())
	require.True(t, own.Choices[1].NeedsInput())
	require.Equal(t, "Bis zu", own.Choices[0].LabelIn("de-AT"))
	require.Equal(t, "Send back", own.Choices[1].LabelIn("en"))
	require.Equal(t, "hold", Choice{ID: "hold", Means: Abstain}.LabelIn("de"))
}
