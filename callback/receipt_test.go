package callback_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
)

// TestTheReceiptOfAnAnswerGoesLast makes an answer shorter and shorter: everything that may be cut goes before the
// receipt, and an answer fits also without it.
func TestTheReceiptOfAnAnswerGoesLast(t *testing.T) {
	t.Parallel()

	a := approval.Answer{
		OrderID:  "A-1",
		Status:   approval.Rejected,
		ClosedAt: time.Unix(0, 0),
		Receipt:  strings.Repeat("r", 20_000),
		Output:   map[string]any{"costs": strings.Repeat("o", 1000)},
		Votes:    []approval.Vote{{Outcome: approval.Reject, Comment: strings.Repeat("c", 4000)}},
	}
	for limit, want := range map[int]struct{ receipt, truncated bool }{
		32 << 10: {receipt: true},
		22_000:   {receipt: true, truncated: true},
		5_000:    {receipt: false, truncated: true},
	} {
		text, err := callback.FitAnswer(a, "", limit, true)
		require.NoError(t, err)
		assert.LessOrEqual(t, len(text), limit)
		assert.Equal(t, want.receipt, strings.Contains(string(text), `"receipt":"rrr`), limit)
		assert.Equal(t, want.truncated, strings.Contains(string(text), `"truncated":true`), limit)
	}
}
