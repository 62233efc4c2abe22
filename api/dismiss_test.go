package api

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// makeUndeliverable makes an approval of an order undeliverable.
func makeUndeliverable(t *testing.T, s store.Store, orderID string) {
	t.Helper()
	require.NoError(t, s.Update(t.Context(), orderID, func(o *approval.Order) error {
		o.Approvals[0].Undeliverable = true
		return nil
	}))
}

// A dismissal is recorded once under the name of the operator's token, and shown.
func TestDismissOrder(t *testing.T) {
	t.Parallel()
	h, s, _ := site(t)
	ask(t, s, "A-1", time.Now().Add(time.Hour))
	dismiss := func(body string) reply {
		return send(t, h.OperatorHandler(), "POST", "/v1/orders/A-1/dismissal", body, "Authorization", "Bearer operator")
	}
	require.Equal(t, http.StatusUnprocessableEntity, dismiss(`{"reason":" "}`).StatusCode)
	makeUndeliverable(t, s, "A-1")
	require.Equal(t, http.StatusOK, dismiss(`{"id":"1","reason":"told by phone","dryRun":true}`).StatusCode)
	require.Empty(t, get(t, s, "A-1").Approvals[0].Dismissed, "a dry run changes nothing")

	require.Equal(t, http.StatusOK, dismiss(`{"id":"1","reason":"told by phone"}`).StatusCode)
	again := dismiss(`{"id":"1","reason":"told by phone"}`)
	require.Equal(t, http.StatusOK, again.StatusCode)
	require.Contains(t, again.text, `"verdict":"repeated"`)
	require.Equal(t, http.StatusConflict, dismiss(`{"id":"1","reason":"another"}`).StatusCode)
	require.Equal(t, http.StatusUnprocessableEntity, dismiss(`{"reason":"once more"}`).StatusCode, "it needs no attention")

	a := get(t, s, "A-1").Approvals[0]
	require.Equal(t, approval.AttentionUndeliverable, a.Dismissed)
	require.Len(t, a.Acts, 1)
	require.Equal(t, approval.Pending, a.Status)
	shown := send(t, h.OperatorHandler(), "GET", "/v1/orders/A-1", "", "Authorization", "Bearer operator")
	require.Contains(t, shown.text, `"dismissed":"undeliverable"`)
	require.Contains(t, shown.text, "told by phone")
}
