package handlers_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/metadata"
)

// Queues deliver out of order and repeatedly. The time of sending states the last attempt of a state, and the attempt
// that a decision is about.
func TestMessagesThatWereOvertaken(t *testing.T) {
	t.Parallel()
	h := newHouse()
	minute := func(n int) string { return began.Add(time.Duration(n) * time.Minute).Format(time.RFC3339Nano) }
	h.now = began.Add(time.Hour)
	ask := func(token, sent string) *approval.Approval {
		t.Helper()
		require.NoError(t, h.requests().Handle(msg(t, `{"orderId":"A-1","taskToken":"`+token+`"}`, metadata.SentAt, sent)))
		return h.approval(t, "A-1")
	}
	status := func(id string) approval.Status {
		o, err := h.store.Get(t.Context(), "A-1")
		require.NoError(t, err)
		return o.FindApproval(id).Status
	}
	live := ask("second", minute(10))
	require.Equal(t, approval.Superseded, ask("first", minute(0)).Status)
	require.Equal(t, approval.Pending, status(live.ID))

	for name, sent := range map[string][]string{
		"by its topic": {metadata.SNSSentAt, minute(9), metadata.SentAt, minute(11)},
		"by its queue": {metadata.SentAt, minute(9), metadata.SNSSentAt, "?"},
	} {
		require.NoError(t, h.decisions(approval.ViaSNS).Handle(msg(t, `{"orderId":"A-1","decision":"approve","by":"`+name+`"}`, sent...)))
		require.Equal(t, approval.Pending, status(live.ID), name)
	}
	require.NoError(t, h.decisions(approval.ViaSNS).Handle(msg(t, `{"orderId":"A-1","decision":"reject"}`, metadata.SentAt, minute(10))))
	require.Equal(t, approval.Rejected, status(live.ID))
}

// The senders' clock states the last attempt, also if our clock is behind.
func TestTheOrderOfTriesIsByTheirClock(t *testing.T) {
	t.Parallel()
	h := newHouse()
	for i, token := range []string{"second", "first"} {
		sent := began.Add(time.Minute - time.Duration(i)*time.Second).Format(time.RFC3339Nano)
		require.NoError(t, h.requests().Handle(msg(t, `{"orderId":"A-1","taskToken":"`+token+`"}`, metadata.SentAt, sent)))
		h.now = h.now.Add(time.Second)
	}
	o, err := h.store.Get(t.Context(), "A-1")
	require.NoError(t, err)
	require.Equal(
		t,
		[]approval.Status{approval.Pending, approval.Superseded},
		[]approval.Status{o.Approvals[0].Status, o.Approvals[1].Status},
	)
	require.Equal(t, began.Add(24*time.Hour), o.Approvals[0].Deadline.UTC(), "the deadline is by ours")
}

// If the queue accepts envelopes from everybody, senders can forge the time of the topic. The decision can be stored with
// every time.
func TestWhateverTimeAnEnvelopeSays(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"2026-03-01T08:00:00+24:00", "0000-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "?"} {
		h := newHouse()
		require.NoError(
			t,
			h.decisions(approval.ViaSNS).Handle(msg(t, `{"orderId":"A-1","decision":"approve"}`, metadata.SNSSentAt, at)),
			at,
		)
		require.NoError(t, h.requests().Handle(msg(t, `{"orderId":"A-1","taskToken":"x"}`)), at)
		require.Equal(t, approval.Approved, h.approval(t, "A-1").Status, at)
	}
}
