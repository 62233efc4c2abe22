package handlers_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/store"
)

// An operator counts by reasons, and picks one: they must not differ by what is
// particular to each order.
func TestReason(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`SendTaskSuccess for order "A-1": AccessDeniedException (HTTP 400, request 0a1b-2c)`:             `SendTaskSuccess: AccessDeniedException (HTTP 400)`,
		`the task has expired: SendTaskFailure for order "say \"x\": y": SlowDown (HTTP 503, request r)`: `the task has expired: SendTaskFailure: SlowDown (HTTP 503)`,
		`post the answer of order "A-1": the receiver answered 404`:                                      `post the answer: the receiver answered 404`,
		`update order "A-1": approvers: name nobody but the requester`:                                   `update: approvers: name nobody but the requester`,
		`no answer: read tcp 10.0.0.1:40312->52.94.133.1:443: read: connection reset by peer`:            `no answer: read tcp: read: connection reset by peer`,
		`not sent: dial tcp [::1]:443: connect: connection refused`:                                      `not sent: dial tcp [::1]:443: connect: connection refused`,
		`order: is missing`: `order: is missing`,
	} {
		require.Equal(t, want, handlers.Reason(text))
		require.Equal(t, want, handlers.Reason(want))
	}
}

func TestRedriveCountsAndPicksByReason(t *testing.T) {
	t.Parallel()
	h := newHouse()
	h.exhausted(t, 1, `SendTaskSuccess for order "A-1": AccessDeniedException (HTTP 400, request a)`, 0)
	h.exhausted(t, 1, `SendTaskSuccess for order "A-2": AccessDeniedException (HTTP 400, request b)`, 0)
	h.exhausted(t, 1, "down", 0)
	const denied = "SendTaskSuccess: AccessDeniedException (HTTP 400)"
	p := &pile{counts: map[string]int{`update order "A-3": title: is odd`: 1, `update order "A-4": title: is odd`: 2}}
	r := h.redrive(&drawer{}, map[string]handlers.DeadLetterQueue{"p": p})
	require.Equal(t, map[string]int{denied: 2, "down": 1, "update: title: is odd": 3}, r.Redrive(t.Context(), store.RedriveRequest{DryRun: true}).Found)
	for _, reason := range []string{denied, `SendTaskSuccess for order "A-2": AccessDeniedException (HTTP 400, request b)`} {
		require.Equal(t, map[string]int{denied: 2}, r.Redrive(t.Context(), store.RedriveRequest{DryRun: true, Reason: reason}).Found)
	}
	require.Equal(t, 2, r.Redrive(t.Context(), store.RedriveRequest{Reason: denied}).Redriven)
	require.Equal(t, denied, p.reason)
}
