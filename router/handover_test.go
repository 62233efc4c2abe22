package router

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store/memory"
)

// slowClaims is a store that takes some time for a claim. A claim that is cut off has leased the orders all the same.
type slowClaims struct {
	*memory.Store
	took   time.Duration
	leased []string
	err    error
}

func (s *slowClaims) Claim(ctx context.Context, now time.Time, limit int, lease time.Duration) ([]string, error) {
	ids, err := s.Store.Claim(ctx, now, limit, lease)
	select {
	case <-time.After(s.took):
	case <-ctx.Done():
		s.err = ctx.Err()
		return nil, ctx.Err()
	}
	s.leased = append(s.leased, ids...)
	return ids, err
}

// A sweeper that is stopped within a claim ends the claim, begins nothing more, and returns the leases.
func TestASweeperThatStopsReturnsItsClaims(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &slowClaims{Store: memory.New(), took: 500 * time.Millisecond}
		w := newWatcher()
		s := newSweeper(&counted{Store: c.Store}, w)
		s.Claimer = c
		var returned []string
		s.ReturnClaims = func(ctx context.Context, now time.Time) error {
			require.NoError(t, ctx.Err())
			require.Equal(t, now, s.Transitions.Now())
			returned = append(returned, c.leased...)
			return nil
		}
		ask(t, c.Store, "A-1", time.Now().Add(time.Second))
		time.Sleep(time.Second)
		sweep(t, s, 100*time.Millisecond)
		require.NoError(t, c.err, "nobody would know what it has leased")
		require.Equal(t, []string{"A-1"}, returned)
		require.Equal(t, approval.Pending, get(t, c.Store, "A-1").Approvals[0].Status)
	})
}

// A store that hangs delays the end of the sweeper by a bounded time.
func TestASweeperThatCannotReturnItsClaimsEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, w := &slowClaims{Store: memory.New(), took: time.Hour}, newWatcher()
		s := newSweeper(&counted{Store: c.Store}, w)
		s.Claimer, s.CloseTimeout = c, 2*time.Second
		s.ReturnClaims = func(ctx context.Context, _ time.Time) error {
			<-ctx.Done()
			return ctx.Err()
		}
		began := time.Now()
		sweep(t, s, time.Second)
		require.Equal(t, time.Second+2*s.CloseTimeout, time.Since(began))
		require.Contains(t, w.logged(), "the other workers wait for the leases")
	})
}
