package sqs_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// look looks at messages of the queue.
func (l *letters) look(r store.QueueLook) (found []store.QueuedLetter, hasMore bool) {
	r.Until = time.Now().Add(time.Minute)
	found, hasMore, err := l.dlq.Look(l.Context(), r)
	require.NoError(l, err)
	return found, hasMore
}

func TestLookTakesNothing(t *testing.T) {
	onEmulators(t, func(l *letters) {
		l.put(12, "a", nil)
		l.put(3, "b", nil)
		for range 2 {
			found, hasMore := l.look(store.QueueLook{Max: 20})
			assert.Len(l, found, 15)
			assert.False(l, hasMore)
			for _, m := range found {
				assert.NotEmpty(l, m.ID)
				assert.Empty(l, m.Body)
				assert.False(l, m.At.IsZero())
			}
		}
		found, hasMore := l.look(store.QueueLook{Max: 5, WithBodies: true})
		assert.Len(l, found, 5)
		assert.True(l, hasMore)
		assert.NotEmpty(l, found[0].Body)
		found, hasMore = l.look(store.QueueLook{Max: 5, ReasonCode: "b"})
		assert.Len(l, found, 3)
		assert.False(l, hasMore)
		assert.Equal(l, approval.ReasonCode("b"), found[0].ReasonCode)
		assert.Equal(l, map[approval.ReasonCode]int{"a": 12, "b": 3}, l.counts())
	})
}

func TestDismiss(t *testing.T) {
	onEmulators(t, func(l *letters) {
		l.put(12, "a", nil)
		l.put(3, "b", nil)
		dismiss := func(d store.Dismissal) []string {
			d.Until = time.Now().Add(time.Minute)
			ids, hasMore, err := l.dlq.Dismiss(l.Context(), d)
			require.NoError(l, err)
			assert.False(l, hasMore)
			return ids
		}
		found, _ := l.look(store.QueueLook{Max: 20, ReasonCode: "a"})
		two := []string{found[3].ID, found[7].ID}
		ids := dismiss(store.Dismissal{MessageIDs: append(slices.Clone(two), "unknown")})
		assert.ElementsMatch(l, two, ids)
		assert.ElementsMatch(l, two[:0], dismiss(store.Dismissal{MessageIDs: two}), "they are gone")
		assert.Equal(l, map[approval.ReasonCode]int{"a": 10, "b": 3}, l.counts())
		assert.Len(l, dismiss(store.Dismissal{ReasonCode: "b"}), 3)
		assert.Empty(l, dismiss(store.Dismissal{ReasonCode: "c"}))
		assert.Equal(l, map[approval.ReasonCode]int{"a": 10}, l.counts())
		assert.Empty(l, l.take(l.source), "nothing is sent back")
	})
}

// A message that could not be deleted stays, and is not reported as dismissed.
func TestDismissThatFails(t *testing.T) {
	onEmulators(t, func(l *letters) {
		l.put(3, "a", nil)
		l.failDelete = func() error { return errors.New("no") }
		ids, _, err := l.dlq.Dismiss(l.Context(), store.Dismissal{ReasonCode: "a", Until: time.Now().Add(time.Minute)})
		require.Error(l, err)
		assert.Empty(l, ids)
	})
}
