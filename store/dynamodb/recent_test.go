package dynamodb

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
)

// callCounter counts the calls of a store that read an item, and those that write one.
type callCounter struct{ reads, writes atomic.Int64 }

func (c *callCounter) roundTrip(r *http.Request) (*http.Response, error) {
	switch target := r.Header.Get("X-Amz-Target"); {
	case strings.HasSuffix(target, ".GetItem"):
		c.reads.Add(1)
	case strings.HasSuffix(target, ".PutItem"), strings.HasSuffix(target, ".DeleteItem"):
		c.writes.Add(1)
	}
	return http.DefaultTransport.RoundTrip(r)
}

// take returns the calls since the last take.
func (c *callCounter) take() (reads, writes int64) { return c.reads.Swap(0), c.writes.Swap(0) }

// A process does not read what it has just written.
func TestOwnWritesAreNotReadAgain(t *testing.T) {
	t.Parallel()
	calls := &callCounter{}
	s := openThrough(t, Config{}, calls.roundTrip)
	mustUpdate(t, s, "o", addRequest)
	calls.take()
	for i := range 3 {
		mustUpdate(t, s, "o", func(o *approval.Order) error { addVote(o); return nil })
		o, err := s.GetRecent(t.Context(), "o")
		require.NoError(t, err)
		require.Len(t, o.Approvals[0].Votes, i+1)
		require.Equal(t, tokenOf("o"), o.Approvals[0].Token.Reveal())
	}
	reads, writes := calls.take()
	require.Zero(t, reads)
	require.EqualValues(t, 3, writes)
}

// Another process has written an order that this one keeps. A read returns the latest record, an update is made on it, and
// no refusal of a transition is about the kept record.
func TestKeptItemsMayBeOld(t *testing.T) {
	t.Parallel()
	errRefused := errors.New("refused")
	refuseUntil := func(votes int) func(*approval.Order) error {
		return func(o *approval.Order) error {
			if len(o.Approvals[0].Votes) < votes {
				return errRefused
			}
			return nil
		}
	}
	for name, use := range map[string]func(t *testing.T, s *Store){
		"a read": func(t *testing.T, s *Store) {
			o, err := s.Get(t.Context(), "o")
			require.NoError(t, err)
			require.Len(t, o.Approvals[0].Votes, 1)
		},
		"an update": func(t *testing.T, s *Store) {
			votes := 0
			mustUpdate(t, s, "o", func(o *approval.Order) error { votes = addVote(o); return nil })
			require.Equal(t, 2, votes)
		},
		"a refusal of the kept record": func(t *testing.T, s *Store) {
			require.NoError(t, s.Update(t.Context(), "o", refuseUntil(1)))
		},
		"a refusal of both records": func(t *testing.T, s *Store) {
			require.Equal(t, errRefused, s.Update(t.Context(), "o", refuseUntil(2)))
		},
		"a removal": func(t *testing.T, s *Store) {
			mustUpdate(t, s, "o", removeOrder)
			_, err := s.Get(t.Context(), "o")
			require.ErrorIs(t, err, approval.ErrNotFound)
			_, err = s.GetRecent(t.Context(), "o")
			require.ErrorIs(t, err, approval.ErrNotFound)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, other := openTwo(t)
			mustUpdate(t, one, "o", addRequest)
			mustUpdate(t, other, "o", func(o *approval.Order) error { addVote(o); return nil })
			use(t, one)
		})
	}
}

// An order that another process has removed is not kept alive.
func TestKeptItemOfARemovedOrder(t *testing.T) {
	t.Parallel()
	one, other := openTwo(t)
	mustUpdate(t, one, "o", addRequest)
	mustUpdate(t, other, "o", removeOrder)
	runs := 0
	mustUpdate(t, one, "o", func(o *approval.Order) error {
		runs++
		if o.IsEmpty() {
			return nil
		}
		addVote(o)
		return nil
	})
	require.Equal(t, 2, runs)
	_, err := one.Get(t.Context(), "o")
	require.ErrorIs(t, err, approval.ErrNotFound)
}

// After a write that failed, it is not known what is stored. The item is read again.
func TestFailedWritesAreNotKept(t *testing.T) {
	t.Parallel()
	calls := &callCounter{}
	var isRefused atomic.Bool
	s := openThrough(t, Config{}, func(r *http.Request) (*http.Response, error) {
		if isRefused.Load() && strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutItem") {
			return answer(400, `{"__type":"com.amazonaws.dynamodb.v20120810#AccessDeniedException"}`), nil
		}
		return calls.roundTrip(r)
	})
	mustUpdate(t, s, "o", addRequest)
	isRefused.Store(true)
	require.Error(t, s.Update(t.Context(), "o", func(o *approval.Order) error { addVote(o); return nil }))
	isRefused.Store(false)
	calls.take()
	o, err := s.GetRecent(t.Context(), "o")
	require.NoError(t, err)
	require.Empty(t, o.Approvals[0].Votes)
	reads, _ := calls.take()
	require.EqualValues(t, 1, reads)
}

// The kept items are bounded. Those that are used stay.
func TestKeptItemsAreBounded(t *testing.T) {
	t.Parallel()
	r := newRecentItems(64 << 10)
	one := item{"order_record": bytesAttr(make([]byte, 1000))}
	for i := range 10_000 {
		r.keep(fmt.Sprint(i), one, startTime)
		_, ok := r.find("0")
		require.True(t, ok, "%d", i)
		require.LessOrEqual(t, len(r.young)+len(r.old), 64)
	}
	_, ok := r.find("1")
	require.False(t, ok)
	r.keep("large", item{"order_record": bytesAttr(make([]byte, 10_000))}, startTime)
	_, ok = r.find("large")
	require.False(t, ok)
	for i := range 10_000 {
		r.forget(fmt.Sprint(i))
	}
	require.Zero(t, r.bytesOfYoung)
}

// A kept item that is older than the lease of an action is read again.
func TestKeptItemsAreTrustedForSeconds(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	mustUpdate(t, s, "o", addRequest)
	synctest.Test(t, func(t *testing.T) {
		kept, _ := s.recent.find("o")
		s.recent.keep("o", kept.item, time.Now())
		_, err := s.GetRecent(t.Context(), "o")
		require.NoError(t, err)
		time.Sleep(recentTrust)
		client := s.client
		defer func() { s.client = client }()
		s.client = deadAPI{}
		require.Panics(t, func() { _, _ = s.GetRecent(t.Context(), "o") }, "it makes a call")
	})
}

// deadAPI is a client without any method.
type deadAPI struct{ API }
