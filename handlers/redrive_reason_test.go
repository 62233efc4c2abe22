package handlers_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/store"
)

// Failures with one reason code are one group, although their texts differ. They are redriven by this code in all three
// places: callbacks, the store's table and dead letter queues.
func TestRedriveByReasonCode(t *testing.T) {
	t.Parallel()
	h := newHouse()
	h.storeExhausted(t, 2, approval.ReasonThrottled, 0)
	h.storeExhausted(t, 1, approval.ReasonDenied, 0)
	d := &fakeDeadLetters{letters: []store.DeadLetter{
		{
			ID:         "1",
			Source:     "requests",
			ReasonCode: approval.ReasonThrottled,
			Reason:     "slow down A",
			Body:       []byte(`{"orderId":"A","taskToken":"x"}`),
		},
		{
			ID:         "2",
			Source:     "requests",
			ReasonCode: approval.ReasonDenied,
			Reason:     "no right",
			Body:       []byte(`{"orderId":"B","taskToken":"x"}`),
		},
		{
			ID:         "3",
			Source:     "requests",
			ReasonCode: approval.ReasonThrottled,
			Reason:     "slow down C",
			Body:       []byte(`{"orderId":"C","taskToken":"x"}`),
		},
	}}
	p := &fakeQueue{counts: counts{approval.ReasonThrottled: 3, approval.ReasonReceivedTooOften: 1}}
	r := h.newRedriver(d, map[string]handlers.DeadLetterQueue{"p": p})

	dry := r.Redrive(t.Context(), store.RedriveRequest{DryRun: true})
	require.Equal(t, counts{approval.ReasonThrottled: 7, approval.ReasonDenied: 2, approval.ReasonReceivedTooOften: 1}, countsOf(dry))
	for _, group := range dry.Found {
		require.NotEmpty(t, group.Example, group.ReasonCode)
	}
	require.Equal(t, 10, dry.Found.Total())

	report := r.Redrive(t.Context(), store.RedriveRequest{ReasonCode: approval.ReasonThrottled})
	require.Empty(t, report.Errors)
	require.Equal(t, 7, report.Redriven)
	require.Equal(t, []string{"1", "3"}, d.taken)
	require.Equal(t, approval.ReasonThrottled, p.asked.ReasonCode)
	require.Equal(t, approval.CallbackPending, h.approval(t, "throttled-0-1").Callback.State)
	require.Equal(t, approval.CallbackExhausted, h.approval(t, "denied-0-0").Callback.State)
}

// Records of older versions have no code: they are one group of their own, which can be selected.
func TestRedriveOfRecordsWithoutReasonCode(t *testing.T) {
	t.Parallel()
	h := newHouse()
	h.storeExhausted(t, 2, "", 0)
	h.storeExhausted(t, 1, approval.ReasonDenied, 0)
	require.Empty(t, h.approval(t, "-0-0").Callback.LastReasonCode)
	d := &fakeDeadLetters{letters: []store.DeadLetter{{
		ID:     "1",
		Source: "requests",
		Reason: "old",
		Body:   []byte(`{"orderId":"A","taskToken":"x"}`),
	}}}
	r := h.newRedriver(d, nil)
	dry := r.Redrive(t.Context(), store.RedriveRequest{DryRun: true})
	require.Equal(t, counts{approval.ReasonUnknown: 3, approval.ReasonDenied: 1}, countsOf(dry))
	require.Equal(t, 3, r.Redrive(t.Context(), store.RedriveRequest{ReasonCode: approval.ReasonUnknown}).Redriven)
}

// A dead letter that fails again gets the code of its new error.
func TestRedriveStoresNewReasonCode(t *testing.T) {
	t.Parallel()
	h := newHouse()
	d := &fakeDeadLetters{letters: []store.DeadLetter{{
		ID:         "1",
		Source:     "requests",
		ReasonCode: "odd",
		Reason:     "odd",
		Body:       []byte(`{"taskToken":"x"}`),
	}}}
	require.Equal(t, 1, h.newRedriver(d, nil).Redrive(t.Context(), store.RedriveRequest{}).Failed)
	require.Len(t, d.marked, 1)
	require.Equal(t, approval.ReasonCode("invalid_field:order"), d.marked[0].ReasonCode)
}
