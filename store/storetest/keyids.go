package storetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/store"
)

// TestKeyRegister tests a store that remembers by which keys its records were sealed. The function reopen closes the
// store and opens it again.
func TestKeyRegister(t *testing.T, s store.KeyRegister, reopen func() store.KeyRegister) {
	t.Helper()
	ids, err := s.KeyIDs(t.Context())
	require.NoError(t, err)
	require.Empty(t, ids)
	for _, id := range []string{"bbbbbbbb", "aaaaaaaa", "bbbbbbbb"} {
		require.NoError(t, s.AddKeyID(t.Context(), id))
	}
	for range 2 {
		ids, err = s.KeyIDs(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"aaaaaaaa", "bbbbbbbb"}, ids)
		s = reopen()
	}
}
