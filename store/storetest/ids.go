package storetest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

func idTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){
		"any text will do":            anyTextWillDo,
		"what is no text is refused":  noTextIsRefused,
		"what was never stored is no": neverStored,
	}
}

// hostile lists order IDs that a workflow may choose, in the order of their bytes.
func hostile() []string {
	out := []string{
		"a", "A", "a ", " a", "a\x00", "a\x00b", "\x00", "a\n", "a\r\nb", "\t", "'", `"`, `\`, "a'; DROP TABLE orders; --", "%", "_", "*",
		"null", "0", "00", "1e3", "a/b", "../../etc/passwd", "a#b", "a%00", "<script>alert(1)</script>", "ü", "u\u0308", "\ufeff", "\u202e",
		"\u2028", "\ufffd", "😀", "👩‍👩‍👧", "İ", "ß", "ss", strings.Repeat("x", 1024), strings.Repeat("x", 1023), strings.Repeat("😀", 256),
	}
	slices.Sort(out)
	return out
}

// ofAnyID makes an approval without the domain's limit on IDs: a store has none.
func ofAnyID(o *approval.Order) error {
	short := approval.Order{ID: "short"}
	err := request(ask("token of "+o.ID[:min(100, len(o.ID))], time.Hour))(&short)
	o.Approvals = short.Approvals
	return err
}

func anyTextWillDo(t *testing.T, s store.Store) {
	all := hostile()
	for _, id := range all {
		update(t, s, id, ofAnyID)
	}
	for _, id := range all {
		o := get(t, s, id)
		require.Equal(t, id, o.ID)
		require.Equal(t, "token of "+id[:min(100, len(id))], o.Approvals[0].Token.Reveal())
		update(t, s, id, func(o *approval.Order) error {
			assert.Equal(t, id, o.ID)
			vote(o)
			return nil
		})
		require.Len(t, get(t, s, id).Approvals[0].Votes, 1)
	}
	require.Equal(t, all, ids(list(t, s, store.Query{Limit: 3})))
	claimed, err := s.Claim(t.Context(), at(2*time.Hour), 1000, time.Minute)
	require.NoError(t, err)
	require.ElementsMatch(t, all, claimed)
	for i, id := range all {
		update(t, s, id, forget)
		requireNone(t, s, id)
		require.Equal(t, all[i+1:], ids(list(t, s, store.Query{})))
	}
}

func noTextIsRefused(t *testing.T, s store.Store) {
	update(t, s, "\ufffd", dueAt(time.Hour)) // what bad UTF-8 is often turned into
	for _, id := range []string{"", "\xff", "a\xc3", "\xed\xa0\x80", "\xc0\x80"} {
		err := s.Update(t.Context(), id, dueAt(time.Hour))
		require.Error(t, err)
		require.True(t, approval.IsPermanent(err), "%q: %v", id, err)
		err = s.Update(t.Context(), id, func(o *approval.Order) error { // the domain would refuse it too
			o.Approvals = []*approval.Approval{{ID: "x", Status: approval.Pending}}
			return nil
		})
		require.Error(t, err)
		require.True(t, approval.IsPermanent(err), "%q: %v", id, err)
		requireNone(t, s, id)
	}
	require.Equal(t, []string{"\ufffd"}, ids(list(t, s, store.Query{})))
}

func neverStored(t *testing.T, s store.Store) {
	update(t, s, "o", dueAt(time.Hour))
	for _, id := range []string{"p", "O", "o ", "o\x00", "", strings.Repeat("o", 1024)} {
		requireNone(t, s, id)
	}
}
