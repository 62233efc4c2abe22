package dynamodb

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// An order is returned for exactly its record, and once.
func TestDecodedOrderIsOfItsRecord(t *testing.T) {
	t.Parallel()
	var d decodedOrders
	taken := func(record string) bool {
		o, _ := d.take("o", []byte(record))
		return o != nil
	}
	keep := func(record string) {
		d.keep("o", []byte(record), &approval.Order{ID: "o"}, store.NewUnknown())
	}
	require.False(t, taken(""))
	keep("one")
	require.NotNil(t, d.copyOf("o", []byte("one")))
	require.Nil(t, d.copyOf("o", []byte("two")))
	require.True(t, taken("one"))
	require.False(t, taken("one"))
	keep("one")
	keep("two")
	require.False(t, taken("one"))
	require.False(t, taken("two"), "the failed attempt has removed it")
	require.Zero(t, d.size)
}

// The memory is bounded, and the orders that were kept last are there.
func TestDecodedOrdersAreBounded(t *testing.T) {
	t.Parallel()
	var d decodedOrders
	record := make([]byte, decodedBytes/20)
	for i := range 100 {
		id := fmt.Sprint(i)
		d.keep(id, record, &approval.Order{ID: id}, store.NewUnknown())
		require.NotNil(t, d.copyOf(id, record))
		require.LessOrEqual(t, d.size, decodedBytes)
		require.Len(t, d.orders, d.size/len(record))
	}
	d.keep("large", make([]byte, decodedBytes/16+1), &approval.Order{ID: "large"}, store.NewUnknown())
	require.NotContains(t, d.orders, "large")
}

// Readers and updates of an order at the same time never share memory, and a change that was not stored is not seen.
func TestDecodedOrdersShareNoMemory(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	mustUpdate(t, s, "o", addRequest)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 20 {
				o, err := s.GetRecent(t.Context(), "o")
				assert.NoError(t, err)
				addVote(o)
				o.Approvals[0].Votes[0].By = "changed by a reader"
			}
		})
	}
	const votes = 10
	for range votes {
		require.ErrorIs(t, s.Update(t.Context(), "o", func(o *approval.Order) error {
			addVote(o)
			return store.ErrNotEmpty
		}), store.ErrNotEmpty)
		mustUpdate(t, s, "o", func(o *approval.Order) error { addVote(o); return nil })
	}
	group.Wait()
	for _, get := range []func() (*approval.Order, error){
		func() (*approval.Order, error) { return s.GetRecent(t.Context(), "o") },
		func() (*approval.Order, error) { return s.Get(t.Context(), "o") },
	} {
		o, err := get()
		require.NoError(t, err)
		require.Len(t, o.Approvals[0].Votes, votes)
		for _, v := range o.Approvals[0].Votes {
			require.Equal(t, "ann", v.By)
		}
	}
}
