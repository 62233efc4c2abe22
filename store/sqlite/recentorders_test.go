package sqlite

import (
	"testing"
	"time"

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
	assert.Empty(t, o.JudgedDecisions, "the cache has taken it")
	got := taken(&r, "o", []byte("one"))
	require.NotNil(t, got)
	assert.Equal(t, "d", got.JudgedDecisions[0].ID)
	assert.Nil(t, taken(&r, "o", []byte("one")), "who took it has it to himself")
	r.keepOrder("o", []byte("one"), got, store.NewUnknown())
	r.keepOrder("o", []byte("two"), got, store.NewUnknown())
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
	record, row := r.readRow("o", 2)
	assert.Nil(t, row, "nor does an update read it without the database")
	assert.Nil(t, record)
	r.keepRow("o", []byte("another"), &storedRow{number: 6}, 2)
	r.keepRow("o", []byte("one"), &storedRow{number: 7}, 1)
	_, row = r.readRow("o", 2)
	assert.Nil(t, row, "its transaction has failed")
	_, row = r.readRow("o", 1)
	assert.Equal(t, &storedRow{number: 7}, row, "a later update of the transaction")
	r.markDurable("o", []byte("one"))
	record, row = r.readRow("o", 2)
	assert.Equal(t, "one", string(record))
	assert.Equal(t, &storedRow{number: 7}, row)
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

// An order is kept until its workflow has its answer, and no longer.
func TestRecentHasActiveOrdersOnly(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	mustUpdate(t, s, "o", func(o *approval.Order) error {
		err := addRequest(o)
		o.Approvals[0].CallbackRetry = approval.RetrySchedule{Base: time.Second, Cap: time.Second, MaxAge: time.Hour}
		return err
	})
	require.Contains(t, s.recent.orders, "o", "it is pending")
	var actions []approval.Action
	mustUpdate(t, s, "o", func(o *approval.Order) (err error) {
		env := approval.Environment{Now: startTime.Add(time.Minute), Lease: time.Minute}
		_, actions, err = o.Decide(approval.Decision{ID: "d", By: "ann", Via: approval.ViaAPI, Outcome: approval.Approve}, approval.UnmatchedRetention{}, env)
		return err
	})
	require.Len(t, actions, 1)
	require.Contains(t, s.recent.orders, "o", "its callback is under way")
	mustUpdate(t, s, "o", func(o *approval.Order) error {
		env := approval.Environment{Now: startTime.Add(2 * time.Minute), Lease: time.Minute}
		o.RecordCallbackResult(actions[0], approval.Result{Kind: approval.ResultFailed}, env)
		return nil
	})
	require.Contains(t, s.recent.orders, "o", "its answer is owed")
	mustUpdate(t, s, "o", func(o *approval.Order) error {
		actions = o.Advance(approval.Environment{Now: startTime.Add(3 * time.Minute), Lease: time.Minute})
		return nil
	})
	require.Len(t, actions, 1)
	mustUpdate(t, s, "o", func(o *approval.Order) error {
		env := approval.Environment{Now: startTime.Add(3 * time.Minute), Lease: time.Minute}
		o.RecordCallbackResult(actions[0], approval.Result{Kind: approval.ResultOK}, env)
		return nil
	})
	require.NotContains(t, s.recent.orders, "o", "it is answered")
	require.Zero(t, s.recent.size)
	o, err := s.Get(t.Context(), "o")
	require.NoError(t, err)
	require.Equal(t, approval.Approved, o.Approvals[0].Status)
}

// TestRowsOfRecentOrders changes the row of an order beside its record in each way that there is: the next update of the
// order sees the change, though it need not read the database.
func TestRowsOfRecentOrders(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	mustUpdate(t, s, "o", addRequest)
	due := startTime.Add(time.Hour)
	_, row := s.recent.readRow("o", 0)
	require.Equal(t, nanosOf(due), row.next)
	claimed, err := s.Claim(t.Context(), due, 1, time.Minute)
	require.NoError(t, err)
	require.Len(t, claimed, 1)
	_, row = s.recent.readRow("o", 0)
	require.Nil(t, row)
	mustUpdate(t, s, "o", requestOrVote)
	_, row = s.recent.readRow("o", 0)
	require.Equal(t, nanosOf(due.Add(time.Minute)), row.next, "it keeps its lease")
	require.Equal(t, nanosOf(due), row.claimed)

	execute(t, s.config.Path, "UPDATE orders SET pending = 5, next = NULL")
	require.NoError(t, s.CheckRecords(t.Context(), true, func(f store.Fault) { assert.True(t, f.Fixed) }))
	_, row = s.recent.readRow("o", 0)
	require.Nil(t, row)
	mustUpdate(t, s, "o", func(o *approval.Order) error { o.Approvals = nil; return nil })
	_, err = s.Get(t.Context(), "o")
	require.ErrorIs(t, err, approval.ErrNotFound)
	mustUpdate(t, s, "o", addRequest)
	mustUpdate(t, s, "o", requestOrVote)
	requireOrder(t, s, "o", 1)
	requirePending(t, s, 1)
}
