package handlers_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/role"
	"github.com/approval-relay/approval-relay/store"
)

func newLetterRedriver(letters *fakeDeadLetters) *handlers.Redriver {
	return &handlers.Redriver{
		Transitions: &handlers.Transitions{Now: time.Now, Log: slog.New(slog.DiscardHandler)},
		DeadLetters: letters,
	}
}

func addLetters(d *fakeDeadLetters, source string, count int, body []byte) {
	for range count {
		id := store.FormatDeadLetterID(int64(len(d.letters) + 1))
		d.letters = append(d.letters, store.DeadLetter{ID: id, Source: source, ReasonCode: "malformed", Body: body})
	}
}

// A dismissal by reason reaches the letters of its source, however many letters of others come before them, and ends.
func TestDismissalIsNotHeldUpByLettersOfOthers(t *testing.T) {
	t.Parallel()
	limited := role.WithScope(t.Context(), role.Scope{Workflows: []string{"orders"}})
	for name, tc := range map[string]struct {
		dismissal store.Dismissal
		limited   bool
	}{
		"scope":  {store.Dismissal{ReasonCode: "malformed"}, true},
		"source": {store.Dismissal{ReasonCode: "malformed", Source: "request-orders"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &fakeDeadLetters{}
			addLetters(d, "request-refunds", 1500, nil)
			addLetters(d, "request-orders", 1000, nil)
			addLetters(d, "request-orders", 1, nil)
			ctx := t.Context()
			if tc.limited {
				ctx = limited
			}
			h := newLetterRedriver(d)
			report := h.DismissLetters(ctx, tc.dismissal)
			require.Equal(t, 1000, report.Dismissed)
			require.True(t, report.HasMore)
			report = h.DismissLetters(ctx, tc.dismissal)
			require.Equal(t, 1, report.Dismissed)
			require.False(t, report.HasMore)
			require.Len(t, d.taken, 1001)
		})
	}
}

// A page of dead letters with bodies ends before the bodies fill the memory, and the next page goes on after it.
func TestPageOfBodiesIsBounded(t *testing.T) {
	t.Parallel()
	d := &fakeDeadLetters{}
	addLetters(d, "request-orders", 40, make([]byte, 1<<20))
	h := newLetterRedriver(d)
	seen := map[string]bool{}
	for q := (store.LetterQuery{Limit: 1000, WithBodies: true}); ; {
		page, err := h.ListLetters(t.Context(), q)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page.Stored), 9)
		for _, l := range page.Stored {
			require.Len(t, l.Body, 1<<20)
			require.False(t, seen[l.ID], l.ID)
			seen[l.ID] = true
		}
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	require.Len(t, seen, 40)
}
