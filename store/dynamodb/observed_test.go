package dynamodb

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
)

// The units and the conflicts of all calls are observed.
func TestObservedCalls(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var sum Call
	conflicts := 0
	observe := func(c Call) {
		mu.Lock()
		defer mu.Unlock()
		sum.Read += c.Read
		sum.Written += c.Written
		if c.IsConflict {
			conflicts++
		}
	}
	take := func() (read, written float64, inConflict int) {
		mu.Lock()
		defer mu.Unlock()
		read, written, inConflict = sum.Read, sum.Written, conflicts
		sum, conflicts = Call{}, 0
		return read, written, inConflict
	}
	s := open(t, Config{ObserveCall: observe})
	other := open(t, Config{Settings: Settings{Table: s.config.Table}, Sealer: s.config.Sealer})
	take()
	mustUpdate(t, s, "o", addRequest)
	read, written, inConflict := take()
	require.InDelta(t, 0.5, read, 0)
	require.GreaterOrEqual(t, written, 5.0)
	require.Zero(t, inConflict)
	mustUpdate(t, other, "o", func(o *approval.Order) error { addVote(o); return nil })
	mustUpdate(t, s, "o", func(o *approval.Order) error { addVote(o); return nil })
	_, written, inConflict = take()
	require.Equal(t, 1, inConflict, "the item was another one")
	require.Positive(t, written)
	_, err := s.Stats(t.Context())
	require.NoError(t, err)
	read, written, _ = take()
	require.Positive(t, read)
	require.Zero(t, written)
}
