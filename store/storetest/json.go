package storetest

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// JSONRecord returns the record of an order as programs wrote it up to record version 8.
func JSONRecord(t *testing.T, o *approval.Order, s store.Sealer) []byte {
	t.Helper()
	tokens := map[string][]byte{}
	for _, a := range o.Approvals {
		if !a.Token.IsZero() {
			sealed, err := s.Seal([]byte(a.Token.Reveal()), o.ID, a.ID)
			require.NoError(t, err)
			tokens[a.ID] = sealed
		}
	}
	order, err := json.Marshal(o)
	require.NoError(t, err)
	sealed, err := json.Marshal(tokens)
	require.NoError(t, err)
	return []byte(`{"v":5,"w":8,"order":` + string(order) + `,"tokens":` + string(sealed) + `}`)
}
