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

func letterTests() map[string]func(*testing.T, store.Store) {
	out := map[string]func(*testing.T, store.Store){}
	for name, test := range map[string]func(*testing.T, store.Store, store.DeadLetters){
		"come back as they were":    lettersComeBack,
		"come in order and in part": lettersInOrder,
		"are taken once":            lettersTakenOnce,
		"are put from many sides":   lettersAtOnce,
		"share nothing":             lettersShareNothing,
	} {
		out[name] = func(t *testing.T, s store.Store) {
			letters, ok := s.(store.DeadLetters)
			if !ok {
				t.Skip("the store keeps no dead letters")
			}
			test(t, s, letters)
		}
	}
	return out
}

func letter(body string) store.DeadLetter {
	return store.DeadLetter{
		Source:     "request-payments",
		ReasonCode: "invalid_field:order",
		Reason:     "order: is missing",
		Body:       []byte(body),
		Metadata:   map[string]string{"k": "v"},
		At:         start,
	}
}

func put(t *testing.T, s store.DeadLetters, d store.DeadLetter) string {
	t.Helper()
	id, err := s.PutDeadLetter(t.Context(), d)
	require.NoError(t, err)
	require.NotEmpty(t, id)
	return id
}

func letters(t *testing.T, s store.DeadLetters, after string, limit int) []store.DeadLetter {
	t.Helper()
	out, err := s.ListDeadLetters(t.Context(), after, limit)
	require.NoError(t, err)
	return out
}

func lettersComeBack(t *testing.T, _ store.Store, s store.DeadLetters) {
	big := bytes.Repeat([]byte{0, 1, 0xff, '\n', '"'}, 60_000) // SQS takes 256 KiB
	for i, d := range []store.DeadLetter{
		letter("{}"), letter("\x00\xff\xfe not text"), letter(string(big)), letter(""), {At: start},
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
		id := put(t, s, d)
		got := letters(t, s, "", 100)[i]
		require.True(t, d.At.Equal(got.At))
		require.True(t, bytes.Equal(d.Body, got.Body))
		got.Body, got.At = d.Body, d.At
		d.ID = id
		d.ReasonCode = d.ReasonCode.OrUnknown()
		require.Equal(t, d, got)
	}
}

func lettersInOrder(t *testing.T, s store.Store, l store.DeadLetters) {
	require.Empty(t, letters(t, l, "", 10))
	var all []string
	for i := range 12 {
		d := letter(fmt.Sprint(i))
		d.At = at(-time.Duration(i) * time.Hour) // the order is that of putting
		all = append(all, put(t, l, d))
	}
	require.True(t, slices.IsSorted(all), "%v", all)
	for from := range all {
		for _, limit := range []int{0, 1, 5, 100} {
			after := ""
			if from > 0 {
				after = all[from-1]
			}
			var got []string
			for _, d := range letters(t, l, after, limit) {
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

func lettersTakenOnce(t *testing.T, s store.Store, l store.DeadLetters) {
	first, second := put(t, l, letter("1")), put(t, l, letter("2"))
	require.NoError(t, l.TakeDeadLetter(t.Context(), second))
	require.ErrorIs(t, l.TakeDeadLetter(t.Context(), second), approval.ErrNotFound)
	for _, id := range []string{"", "x", "-1", "0", second + "0", "99999999999999999999"} {
		require.ErrorIs(t, l.TakeDeadLetter(t.Context(), id), approval.ErrNotFound, "%q", id)
	}
	require.Len(t, letters(t, l, "", 10), 1)
	third := put(t, l, letter("3"))
	require.Greater(t, third, second, "an ID is given once")
	require.NoError(t, l.TakeDeadLetter(t.Context(), first))
	taken := make([]bool, 8)
	together(len(taken), func(i int) { taken[i] = l.TakeDeadLetter(t.Context(), third) == nil })
	require.Len(t, slices.DeleteFunc(taken, func(ok bool) bool { return !ok }), 1, "one of many")
	stats, err := s.Stats(t.Context())
	require.NoError(t, err)
	require.Zero(t, stats.DeadLetters)
}

// lettersAtOnce puts letters beside a stream of updates.
func lettersAtOnce(t *testing.T, s store.Store, l store.DeadLetters) {
	const workers, each = 8, 20
	together(workers, func(w int) {
		for i := range each {
			_, err := l.PutDeadLetter(t.Context(), letter(fmt.Sprint(w, ".", i)))
			assert.NoError(t, err)
			assert.NoError(t, s.Update(t.Context(), fmt.Sprint(w), dueAt(time.Hour)))
		}
	})
	seen := map[string]bool{}
	for _, d := range letters(t, l, "", workers*each+1) {
		seen[string(d.Body)] = true
	}
	require.Len(t, seen, workers*each)
}

func lettersShareNothing(t *testing.T, _ store.Store, s store.DeadLetters) {
	d := letter("body")
	put(t, s, d)
	d.Body[0], d.Metadata["k"] = 'X', "X"
	for range 2 {
		got := letters(t, s, "", 1)[0]
		require.Equal(t, "body", string(got.Body))
		require.Equal(t, map[string]string{"k": "v"}, got.Metadata)
		got.Body[0], got.Metadata["k"] = 'X', "X"
	}
}
