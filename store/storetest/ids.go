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
		"any text is an ID":       anyTextIsAnID,
		"invalid IDs are refused": invalidIDsAreRefused,
		"other IDs are not found": otherIDsAreNotFound,
	}
}

// unusualIDs lists unusual order IDs that a workflow may choose, sorted by their bytes.
func unusualIDs() []string {
	out := []string{
		"a", "A", "a ", " a", "a\x00", "a\x00b", "\x00", "a\n", "a\r\nb", "\t", "'", `"`, `\`, "a'; DROP TABLE orders; --", "%", "_", "*",
		"null", "0", "00", "1e3", "a/b", "../../etc/passwd", "a#b", "a%00", "<script>alert(1)</script>", "ü", "u\u0308", "\ufeff", "\u202e",
		"\u2028", "\ufffd", "😀", "👩‍👩‍👧", "İ", "ß", "ss", strings.Repeat("x", 1024), strings.Repeat("x", 1023), strings.Repeat("😀", 256),
	}
	slices.Sort(out)
	return out
}

// addApproval adds an approval, although the order ID may be longer than package approval allows.
func addApproval(o *approval.Order) error {
	short := approval.Order{ID: "short"}
	err := addRequest(newRequest("token of "+o.ID[:min(100, len(o.ID))], time.Hour))(&short)
	o.Approvals = short.Approvals
	return err
}

func anyTextIsAnID(t *testing.T, s store.Store) {
	all := unusualIDs()
	for _, id := range all {
		mustUpdate(t, s, id, addApproval)
	}
	for _, id := range all {
		o := mustGet(t, s, id)
		require.Equal(t, id, o.ID)
		require.Equal(t, "token of "+id[:min(100, len(id))], o.Approvals[0].Token.Reveal())
		mustUpdate(t, s, id, func(o *approval.Order) error {
			assert.Equal(t, id, o.ID)
			addVote(o)
			return nil
		})
		require.Len(t, mustGet(t, s, id).Approvals[0].Votes, 1)
	}
	require.Equal(t, all, orderIDs(listAll(t, s, store.OrderQuery{Limit: 3})))
	claimed, err := s.Claim(t.Context(), at(2*time.Hour), 1000, time.Minute)
	require.NoError(t, err)
	require.ElementsMatch(t, all, claimed)
	for i, id := range all {
		mustUpdate(t, s, id, removeOrder)
		requireNotStored(t, s, id)
		require.Equal(t, all[i+1:], orderIDs(listAll(t, s, store.OrderQuery{})))
	}
}

func invalidIDsAreRefused(t *testing.T, s store.Store) {
	for _, id := range []string{"", "\xff", "a\xc3", "\xed\xa0\x80", "\xc0\x80"} {
		err := s.Update(t.Context(), id, dueAt(time.Hour))
		require.Error(t, err)
		require.True(t, approval.IsPermanent(err), "%q: %v", id, err)
		err = s.Update(t.Context(), id, func(o *approval.Order) error { // without the check of package approval
			o.Approvals = []*approval.Approval{{ID: "x", Status: approval.Pending}}
			return nil
		})
		require.Error(t, err)
		require.True(t, approval.IsPermanent(err), "%q: %v", id, err)
		requireNotStored(t, s, id)
	}
	require.Empty(t, listAll(t, s, store.OrderQuery{}), "nothing is stored under a replaced ID either")
}

func otherIDsAreNotFound(t *testing.T, s store.Store) {
	mustUpdate(t, s, "o", dueAt(time.Hour))
	for _, id := range []string{"p", "O", "o ", "o\x00", "", strings.Repeat("o", 1024)} {
		requireNotStored(t, s, id)
	}
}
