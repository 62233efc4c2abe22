package slack_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify/notifytest"
)

// A message to a German reader has no English words, while it waits and when it has ended.
func TestGerman(t *testing.T) {
	t.Parallel()
	s := start(t)
	ch := open(t, bot(s))
	m := notifytest.NewGermanMessage(t)
	m.Button = approval.NewToken("1.button")
	receipt, err := ch.Post(t.Context(), m)
	require.NoError(t, err)
	pending := s.Messages()[0]
	require.Contains(t, texts(pending), "*Entscheiden bis:*")
	require.Contains(t, texts(pending), "eva@example.com")
	m.Kind, m.Status, m.ClosedAt = approval.NotifyOutcome, approval.Approved, time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)
	require.NoError(t, ch.Edit(t.Context(), receipt, m))
	over := s.Messages()[0]
	require.Contains(t, texts(over), "*Genehmigt* <!date^1772539200^{date_short_pretty} {time}|Dienstag, 3. März 2026, 13:00 MEZ (12:00 UTC)>")
	for _, message := range []string{pending.Text + texts(pending), over.Text + texts(over)} {
		notifytest.NoEnglish(t, message)
	}
}
