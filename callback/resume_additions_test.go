package callback_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
)

// The value with which an agent resumes is not an addition: none can have its name, and it stays where additions are
// removed, because the answer is too long.
func TestResumeIsNoAddition(t *testing.T) {
	t.Parallel()
	a := answer(approval.Approved, vote(1, approval.Approve, strings.Repeat("x", 500)))
	a.Agent = &approval.AgentRequest{Shape: "mcp"}
	a.Output = map[string]any{"department": "finance"}
	text, err := callback.FitAnswer(a, "", 500, true)
	require.NoError(t, err)
	require.NotContains(t, string(text), "finance")
	require.Contains(t, string(text), `"resume"`)

	err = callback.CheckOutput(map[string]any{"Resume": 1})
	require.Error(t, err)
}
