package sqlite

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

func TestRecentIsOfExactlyTheseBytes(t *testing.T) {
	t.Parallel()
	var r recentOrders
	o := &approval.Order{ID: "o", JudgedDecisions: []approval.JudgedDecision{{ID: "d"}}}
	assert.Nil(t, taken(&r, "o", nil), "before there is anything")
	r.keepOrder("o", []byte("one"), o, store.NewUnknown())
	o.JudgedDecisions[0].ID = "changed"
	got := taken(&r, "o", []byte("one"))
	require.NotNil(t, got)
	assert.Equal(t, "d", got.JudgedDecisions[0].ID)
	assert.Nil(t, taken(&r, "o", []byte("one")), "who took it has it to himself")
	r.keepOrder("o", []byte("one"), o, store.NewUnknown())
	r.keepOrder("o", []byte("two"), o, store.NewUnknown())
	assert.Nil(t, taken(&r, "o", []byte("one")))
	assert.Nil(t, taken(&r, "o", []byte("two")), "it was another's")
	assert.Zero(t, r.size)
}

func taken(r *recentOrders, orderID string, record []byte) *approval.Order {
	o, _ := r.takeOrder(orderID, record)
	return o
}

func TestOnlyWhatIsDurableIsRead(t *testing.T) {
	t.Parallel()
	var r recentOrders
	assert.Nil(t, r.copyDurable("o"))
	r.keepOrder("o", []byte("one"), &approval.Order{ID: "o", JudgedDecisions: []approval.JudgedDecision{{ID: "d"}}}, store.NewUnknown())
	assert.Nil(t, r.copyDurable("o"), "its transaction goes on")
	r.markDurable("o", []byte("another"))
	assert.Nil(t, r.copyDurable("o"))
	r.markDurable("o", []byte("one"))
	got := r.copyDurable("o")
	require.NotNil(t, got)
	got.JudgedDecisions[0].ID = "changed"
	assert.Equal(t, "d", r.copyDurable("o").JudgedDecisions[0].ID)
	r.keepOrder("o", []byte("two"), got, store.NewUnknown())
	assert.Nil(t, r.copyDurable("o"))
}

func TestRecentIsBounded(t *testing.T) {
	t.Parallel()
	var r recentOrders
	for i := range 3 * recentBytes / 1000 {
		r.keepOrder(orderName(i), make([]byte, 1000), &approval.Order{}, store.NewUnknown())
		require.LessOrEqual(t, r.size, recentBytes)
		require.Equal(t, r.size, 1000*len(r.orders))
	}
	r.keepOrder("long", make([]byte, recentBytes), &approval.Order{}, store.NewUnknown())
	assert.NotContains(t, r.orders, "long")
}
