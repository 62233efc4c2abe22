package storetest

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

func deadLetterTests() map[string]func(*testing.T, store.Store) {
	out := map[string]func(*testing.T, store.Store){}
	for name, test := range map[string]func(*testing.T, store.Store, store.DeadLetters){
		"come back complete":             deadLettersComeBack,
		"are listed in order":            deadLettersSorted,
		"are listed without bodies":      deadLettersListedWithoutBodies,
		"are marked in their place":      deadLettersMarked,
		"are taken once":                 deadLettersTakenOnce,
		"are put from many goroutines":   deadLettersPutConcurrently,
		"share no memory with the store": deadLettersShareNoMemory,
	} {
		out[name] = func(t *testing.T, s store.Store) {
			letters, ok := s.(store.DeadLetters)
			if !ok {
				t.Skip("the store has no dead letters")
			}
			test(t, s, letters)
		}
	}
	return out
}

func newDeadLetter(body string) store.DeadLetter {
	return store.DeadLetter{
		Source:     "request-payments",
		ReasonCode: "invalid_field:order",
		Reason:     "order: is missing",
		Body:       []byte(body),
		Metadata:   map[string]string{"k": "v"},
		At:         start,
	}
}

func mustPut(t *testing.T, s store.DeadLetters, d store.DeadLetter) string {
	t.Helper()
	id, err := s.PutDeadLetter(t.Context(), d)
	require.NoError(t, err)
	require.NotEmpty(t, id)
	return id
}

func mustListDeadLetters(t *testing.T, s store.DeadLetters, after string, limit int) []store.DeadLetter {
	t.Helper()
	out, err := s.ListDeadLetters(t.Context(), after, limit)
	require.NoError(t, err)
	return out
}

func mustGetDeadLetter(t *testing.T, s store.DeadLetters, id string) store.DeadLetter {
	t.Helper()
	d, err := s.GetDeadLetter(t.Context(), id)
	require.NoError(t, err)
	return d
}

func deadLettersComeBack(t *testing.T, _ store.Store, s store.DeadLetters) {
	big := bytes.Repeat([]byte{0, 1, 0xff, '\n', '"'}, 60_000) // SQS takes 256 KiB
	for _, d := range []store.DeadLetter{
		newDeadLetter("{}"), newDeadLetter("\x00\xff\xfe not text"), newDeadLetter(string(big)), newDeadLetter(""), {At: start},
		{
			Source:   "ü",
			Reason:   "quote ' and \x00",
			Body:     []byte("b"),
			Metadata: map[string]string{"": "", "ü": "\n"},
			At:       at(1),
			Redrives: 3,
			ID:       "not used",
		},
	} {
		id := mustPut(t, s, d)
		got := mustGetDeadLetter(t, s, id)
		require.True(t, d.At.Equal(got.At))
		require.True(t, bytes.Equal(d.Body, got.Body))
		got.Body, got.At = d.Body, d.At
		d.ID = id
		d.ReasonCode = d.ReasonCode.OrUnknown()
		require.Equal(t, d, got)
	}
}

func deadLettersListedWithoutBodies(t *testing.T, _ store.Store, s store.DeadLetters) {
	for i := range 3 {
		d := newDeadLetter(fmt.Sprint("body ", i))
		d.ID = mustPut(t, s, d)
		d.Body, d.Metadata = nil, nil
		require.Equal(t, d, mustListDeadLetters(t, s, "", 10)[i])
	}
}

// deadLettersMarked marks a dead letter, once more as after a lost answer, and then a dead letter that is gone.
func deadLettersMarked(t *testing.T, _ store.Store, s store.DeadLetters) {
	var ids []string
	for i := range 3 {
		ids = append(ids, mustPut(t, s, newDeadLetter(fmt.Sprint(i))))
	}
	want := mustGetDeadLetter(t, s, ids[1])
	want.ReasonCode, want.Reason, want.Redrives = "other", "another reason", 2
	for range 2 {
		require.NoError(t, s.MarkDeadLetter(t.Context(), store.DeadLetter{
			ID:         ids[1],
			Source:     "not used",
			ReasonCode: "other",
			Reason:     "another reason",
			Body:       []byte("not used"),
			Redrives:   2,
		}))
	}
	require.Equal(t, want, mustGetDeadLetter(t, s, ids[1]))
	var listed []string
	for _, d := range mustListDeadLetters(t, s, "", 10) {
		listed = append(listed, d.ID)
	}
	require.Equal(t, ids, listed)
	require.NoError(t, s.MarkDeadLetter(t.Context(), store.DeadLetter{ID: ids[0]}))
	require.Equal(t, approval.ReasonUnknown, mustGetDeadLetter(t, s, ids[0]).ReasonCode)
	require.NoError(t, s.DeleteDeadLetter(t.Context(), ids[1]))
	for _, id := range []string{ids[1], "", "x", "-1", ids[2] + "0"} {
		require.ErrorIs(t, s.MarkDeadLetter(t.Context(), store.DeadLetter{ID: id}), approval.ErrNotFound, "%q", id)
		_, err := s.GetDeadLetter(t.Context(), id)
		require.ErrorIs(t, err, approval.ErrNotFound, "%q", id)
	}
	require.Len(t, mustListDeadLetters(t, s, "", 10), 2, "a mark creates nothing")
}

func deadLettersSorted(t *testing.T, s store.Store, l store.DeadLetters) {
	require.Empty(t, mustListDeadLetters(t, l, "", 10))
	var all []string
	for i := range 12 {
		d := newDeadLetter(fmt.Sprint(i))
		d.At = at(-time.Duration(i) * time.Hour) // the list is sorted by ID, not by time
		all = append(all, mustPut(t, l, d))
	}
	require.True(t, slices.IsSorted(all), "%v", all)
	for from := range all {
		for _, limit := range []int{0, 1, 5, 100} {
			after := ""
			if from > 0 {
				after = all[from-1]
			}
			var got []string
			for _, d := range mustListDeadLetters(t, l, after, limit) {
				got = append(got, d.ID)
			}
			want := all[from:min(from+limit, len(all))]
			require.Equal(t, append([]string(nil), want...), got)
		}
	}
	stats, err := s.Stats(t.Context())
	require.NoError(t, err)
	require.Equal(t, 12, stats.DeadLetters)
	_, err = l.ListDeadLetters(t.Context(), "no ID", 10)
	require.ErrorIs(t, err, approval.ErrNotFound)
}

func deadLettersTakenOnce(t *testing.T, s store.Store, l store.DeadLetters) {
	first, second := mustPut(t, l, newDeadLetter("1")), mustPut(t, l, newDeadLetter("2"))
	require.NoError(t, l.DeleteDeadLetter(t.Context(), second))
	require.ErrorIs(t, l.DeleteDeadLetter(t.Context(), second), approval.ErrNotFound)
	for _, id := range []string{"", "x", "-1", "0", second + "0", "99999999999999999999"} {
		require.ErrorIs(t, l.DeleteDeadLetter(t.Context(), id), approval.ErrNotFound, "%q", id)
	}
	require.Len(t, mustListDeadLetters(t, l, "", 10), 1)
	third := mustPut(t, l, newDeadLetter("3"))
	require.Greater(t, third, second, "an ID is used once")
	require.NoError(t, l.DeleteDeadLetter(t.Context(), first))
	taken := make([]bool, 8)
	runConcurrently(len(taken), func(i int) { taken[i] = l.DeleteDeadLetter(t.Context(), third) == nil })
	require.Len(t, slices.DeleteFunc(taken, func(ok bool) bool { return !ok }), 1, "a single goroutine takes it")
	stats, err := s.Stats(t.Context())
	require.NoError(t, err)
	require.Zero(t, stats.DeadLetters)
}

// deadLettersPutConcurrently puts dead letters while orders are updated.
func deadLettersPutConcurrently(t *testing.T, s store.Store, l store.DeadLetters) {
	const workers, each = 8, 20
	runConcurrently(workers, func(w int) {
		for i := range each {
			_, err := l.PutDeadLetter(t.Context(), newDeadLetter(fmt.Sprint(w, ".", i)))
			assert.NoError(t, err)
			assert.NoError(t, s.Update(t.Context(), fmt.Sprint(w), dueAt(time.Hour)))
		}
	})
	seen := map[string]bool{}
	for _, d := range mustListDeadLetters(t, l, "", workers*each+1) {
		seen[string(mustGetDeadLetter(t, l, d.ID).Body)] = true
	}
	require.Len(t, seen, workers*each)
}

func deadLettersShareNoMemory(t *testing.T, _ store.Store, s store.DeadLetters) {
	d := newDeadLetter("body")
	id := mustPut(t, s, d)
	d.Body[0], d.Metadata["k"] = 'X', "X"
	for range 2 {
		got := mustGetDeadLetter(t, s, id)
		require.Equal(t, "body", string(got.Body))
		require.Equal(t, map[string]string{"k": "v"}, got.Metadata)
		got.Body[0], got.Metadata["k"] = 'X', "X"
	}
}
