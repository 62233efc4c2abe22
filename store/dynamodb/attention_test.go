package dynamodb

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// beOld makes the item of an order as a worker of an older version stores it, which knows exhausted orders only. It changes
// no counts, as that worker.
func beOld(t *testing.T, s *Store, orderID string) {
	t.Helper()
	i, err := s.getItem(t.Context(), orderKey(orderID))
	require.NoError(t, err)
	o, _, err := s.decodeOrder(orderID, i)
	require.NoError(t, err)
	delete(i, "attention")
	delete(i, "exhausted_shard")
	delete(i, "item_version")
	if o.HasExhaustedCallback() {
		i["exhausted_shard"] = stringAttr(shardOf(orderID, firstShards))
	}
	putAsOther(t, s, i)
}

// putAsOther puts the item of an order as another worker does.
func putAsOther(t *testing.T, s *Store, i item) {
	t.Helper()
	i["last_writes"] = bytesAttr(newWriteID())
	require.NoError(t, s.putItem(t.Context(), i))
}

// changeApproval changes the only approval of an order.
func changeApproval(t *testing.T, s *Store, orderID string, change func(*approval.Approval)) {
	t.Helper()
	require.NoError(t, s.Update(t.Context(), orderID, func(o *approval.Order) error {
		if len(o.Approvals) == 0 {
			if err := addRequest(o); err != nil {
				return err
			}
			o.Approvals[0].Undeliverable = false
		}
		change(o.Approvals[0])
		return nil
	}))
}

func exhaust(a *approval.Approval) {
	a.Status = approval.Approved
	a.Callback = approval.Callback{State: approval.CallbackExhausted, EndedAt: startTime}
}

func missAnswer(a *approval.Approval) {
	a.Status = approval.Approved
	a.Callback = approval.Callback{State: approval.CallbackTooLate, EndedAt: startTime}
}

func leave(*approval.Approval) {}

func requireStates(t *testing.T, s *Store, exhausted, undeliverable, unanswered int) {
	t.Helper()
	stats, err := s.Stats(t.Context())
	require.NoError(t, err)
	require.Equal(t, []int{exhausted, undeliverable, unanswered}, []int{stats.Exhausted, stats.Undeliverable, stats.Unanswered})
	for state, want := range map[store.State]int{
		store.StateExhausted:     exhausted,
		store.StateUndeliverable: undeliverable,
		store.StateUnanswered:    unanswered,
	} {
		orders, _, err := s.List(t.Context(), store.OrderQuery{State: state})
		require.NoError(t, err)
		require.Len(t, orders, want, state)
	}
}

// The orders that an older version stored are exhausted as before. In the other states they are from their next update on.
func TestOrdersOfOlderVersions(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	changeApproval(t, s, "exhausted", exhaust)
	changeApproval(t, s, "answered", leave)
	changeApproval(t, s, "nobody", leave)
	// The state without its count, as an older version would store it.
	i, err := s.getItem(t.Context(), orderKey("answered"))
	require.NoError(t, err)
	o, unknown, err := s.decodeOrder("answered", i)
	require.NoError(t, err)
	missAnswer(o.Approvals[0])
	i["order_record"] = bytesAttr(mustEncode(t, s, o, unknown))
	putAsOther(t, s, i)
	for _, id := range []string{"exhausted", "answered", "nobody"} {
		beOld(t, s, id)
	}
	requireStates(t, s, 1, 0, 0)
	changeApproval(t, s, "answered", leave)
	changeApproval(t, s, "exhausted", leave)
	requireStates(t, s, 1, 0, 1)
	changeApproval(t, s, "exhausted", missAnswer)
	requireStates(t, s, 0, 0, 2)
}

func mustEncode(t *testing.T, s *Store, o *approval.Order, unknown store.Unknown) []byte {
	t.Helper()
	record, err := s.encodeOrder(o.ID, o, unknown, false)
	require.NoError(t, err)
	return record
}

// A worker of an older version beside this one takes orders out of the index, but not out of the counts. The counts are
// never above the index.
func TestOlderWorkerBesideThisOne(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	for _, id := range []string{"a", "b", "c"} {
		changeApproval(t, s, id, func(a *approval.Approval) { a.Undeliverable = true })
	}
	requireStates(t, s, 0, 3, 0)
	for _, id := range []string{"a", "b", "c"} {
		beOld(t, s, id) // its worker does not know that the order was in the index
		changeApproval(t, s, id, exhaust)
		changeApproval(t, s, id, func(a *approval.Approval) { a.Callback.State = approval.CallbackDelivered })
	}
	requireStates(t, s, 0, 0, 0)
}
