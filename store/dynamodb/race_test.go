package dynamodb

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store"
)

// openTwo returns two stores on the same table, as two processes have them.
func openTwo(t *testing.T) (one, other *Store) {
	t.Helper()
	c := Config{Settings: Settings{Table: newTable(), Create: true}, Sealer: keys.NewRing(time.Now())}
	return open(t, c), open(t, c)
}

// An update starts again as often as others are faster.
func TestUpdateLosesManyRaces(t *testing.T) {
	t.Parallel()
	one, other := openTwo(t)
	mustUpdate(t, one, "o", addRequest)
	const races = 5
	runs := 0
	mustUpdate(t, one, "o", func(o *approval.Order) error {
		if runs++; runs <= races {
			mustUpdate(t, other, "o", func(o *approval.Order) error { addVote(o); return nil })
		}
		addVote(o)
		return nil
	})
	require.Equal(t, races+1, runs)
	o, err := one.Get(t.Context(), "o")
	require.NoError(t, err)
	require.Len(t, o.Approvals[0].Votes, races+1)
}

// The memory for locks does not grow with the orders that were ever updated.
func TestLocksAreForgotten(t *testing.T) {
	t.Parallel()
	l := &orderLocks{locks: map[string]*orderLock{}}
	release, err := l.acquire(t.Context(), "o")
	require.NoError(t, err)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = l.acquire(over, "o")
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, l.locks, 1)
	release()
	require.Empty(t, l.locks)
}

// The answer of a deletion is lost, the next attempt is throttled, and the one after it finds the dead letter gone. It
// was deleted by the first: an error would lose the message.
func TestDeletionOfADeadLetterIsRemembered(t *testing.T) {
	t.Parallel()
	var attempts atomic.Int64
	var isFaulty atomic.Bool
	s := openThrough(t, Config{}, func(r *http.Request) (*http.Response, error) {
		if !isFaulty.Load() || !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".DeleteItem") {
			return http.DefaultTransport.RoundTrip(r)
		}
		switch attempts.Add(1) {
		case 1:
			resp, err := http.DefaultTransport.RoundTrip(r)
			if err == nil {
				_ = resp.Body.Close()
			}
			return nil, errBroken
		case 2:
			return answer(400, `{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException"}`), nil
		}
		return http.DefaultTransport.RoundTrip(r)
	})
	id, err := s.PutDeadLetter(t.Context(), store.DeadLetter{Body: []byte("b"), At: startTime})
	require.NoError(t, err)
	isFaulty.Store(true)
	require.NoError(t, s.DeleteDeadLetter(t.Context(), id))
	require.EqualValues(t, 4, attempts.Load(), "three of the head, one of its part")
}
