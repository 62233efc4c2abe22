package dynamodb

import (
	"bytes"
	"compress/flate"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/storetest"
)

// TestAnOlderWorkerErasesNothing lets this program update an order that a worker of a newer release has written: with
// an attribute and a field that this program does not know. Both are still there afterwards. The record is JSON, where a
// field is easily added; package record has the tests of binary ones.
func TestAnOlderWorkerErasesNothing(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	mustUpdate(t, s, "o", addRequest)
	newer, err := s.getItem(t.Context(), orderKey("o"))
	require.NoError(t, err)
	record := jsonRecordOf(t, s, "o")
	record = bytes.Replace(record, []byte(`{"id":"o"`), []byte(`{"from_the_future":{"n":1.50},"id":"o"`), 1)
	packed, err := compress(record, flate.BestSpeed)
	require.NoError(t, err)
	newer["order_record"] = bytesAttr(packed)
	newer["future_shard"] = stringAttr("7")
	putAsOther(t, s, newer)

	for i := range 3 {
		mustUpdate(t, s, "o", func(o *approval.Order) error {
			o.Approvals[0].Title = fmt.Sprint("changed ", i)
			return nil
		})
	}
	got, err := s.getItem(t.Context(), orderKey("o"))
	require.NoError(t, err)
	require.Equal(t, "7", getString(got, "future_shard"))
	record, err = decompress(getBytes(got, "order_record"))
	require.NoError(t, err)
	require.Contains(t, string(record), `"from_the_future":{"n":1.50}`)
	require.Contains(t, string(record), "changed 2")
}

func jsonRecordOf(t *testing.T, s *Store, orderID string) []byte {
	t.Helper()
	o, err := s.Get(t.Context(), orderID)
	require.NoError(t, err)
	return storetest.JSONRecord(t, o, s.config.Sealer)
}

// TestJSONBecomesBinary reads an order as earlier versions wrote it: its record is JSON. The next update writes it in the
// present form, and loses nothing.
func TestJSONBecomesBinary(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	mustUpdate(t, s, "o", addRequest)
	i, err := s.getItem(t.Context(), orderKey("o"))
	require.NoError(t, err)
	packed, err := compress(jsonRecordOf(t, s, "o"), flate.BestSpeed)
	require.NoError(t, err)
	i["order_record"] = bytesAttr(packed)
	putAsOther(t, s, i)
	want, err := s.Get(t.Context(), "o")
	require.NoError(t, err)
	require.Equal(t, tokenOf("o"), want.Approvals[0].Token.Reveal())

	mustUpdate(t, s, "o", func(*approval.Order) error { return nil })
	i, err = s.getItem(t.Context(), orderKey("o"))
	require.NoError(t, err)
	stored, err := decompress(getBytes(i, "order_record"))
	require.NoError(t, err)
	require.Equal(t, 9, store.VersionsOf(stored).Reader)
	got, err := s.Get(t.Context(), "o")
	require.NoError(t, err)
	require.Equal(t, want, got)
}

// TestOrderAttributesAreListed holds that an attribute which this program writes is never taken for one of a newer
// program, which would stay for ever.
func TestOrderAttributesAreListed(t *testing.T) {
	t.Parallel()
	due := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	o := &approval.Order{ID: "o", Approvals: []*approval.Approval{
		{ID: "p", Status: approval.Pending, RequestedAt: due, Undeliverable: true, Request: approval.Request{Deadline: due}},
		{ID: "x", Status: approval.Approved, Callback: approval.Callback{State: approval.CallbackExhausted}},
		{ID: "r", Status: approval.Approved, Callback: approval.Callback{State: approval.CallbackPending, LastError: "e", Due: due}},
		{ID: "u", Status: approval.Approved, Callback: approval.Callback{State: approval.CallbackUnknown}},
	}}
	written := orderItem(o, nil, "0")
	require.Greater(t, len(written), 10)
	for name := range written {
		require.True(t, slices.Contains(orderAttributes(), name), "orderAttributes lacks %s", name)
	}
}
