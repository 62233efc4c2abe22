package clients

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/approval"
)

// send sends a body and requires a status.
func (w *world) send(t *testing.T, method, path, token string, body any, status int) []byte {
	t.Helper()
	text, err := json.Marshal(body)
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), method, w.url+path, strings.NewReader(string(text)))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, status, resp.StatusCode, "%s", answer)
	return answer
}

// A program without configuration reads each property that the description has, and the description has no others.
func TestDefaultNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	entered := time.Now().Add(-time.Minute).UTC().Truncate(time.Second)
	deadline := entered.Add(time.Hour)
	request := map[string]any{
		"orderId":          "N-1",
		"callbackUrl":      w.callbackURL + "/N-1",
		"step":             "finance",
		"title":            "Refund of 480 EUR",
		"requester":        "grace@example.com",
		"executionArn":     "arn:run",
		"approvers":        []string{"ann@example.com"},
		"enteredTime":      entered,
		"approvalDeadline": deadline,
		"timeoutSeconds":   7200,
	}
	properties := append(slices.Sorted(maps.Keys(request)), "taskToken") // instead of callbackUrl
	require.ElementsMatch(t, properties, w.description.Properties("ApprovalRequest"))
	w.send(t, "POST", "/v1/requests", programToken, request, http.StatusAccepted)

	var order api.Order
	require.NoError(t, json.Unmarshal(w.send(t, "GET", "/v1/orders/N-1", operatorToken, nil, http.StatusOK), &order))
	a := order.Approvals[0]
	require.Equal(t, []string{"N-1", "finance", "Refund of 480 EUR", "grace@example.com", "arn:run", "ann@example.com"},
		[]string{order.OrderID, a.Step, a.Title, a.Requester, a.Execution, a.Approvers[0].ID})
	require.Equal(t, []time.Time{entered, deadline, entered.Add(2 * time.Hour)},
		[]time.Time{a.StateEnteredAt, a.Deadline, a.TaskExpiresAt})

	decision := map[string]any{
		"decisionId":   "d-1",
		"orderId":      "N-1",
		"decision":     "approve",
		"step":         "finance",
		"approvalId":   a.ApprovalID,
		"decidedBy":    "ann@example.com",
		"comment":      "fine",
		"executionArn": "arn:run",
	}
	require.ElementsMatch(t, slices.Sorted(maps.Keys(decision)), w.description.Properties("Decision"))
	w.send(t, "POST", "/v1/orders/N-1/decisions", programToken, decision, http.StatusOK)
	require.NoError(t, json.Unmarshal(w.send(t, "GET", "/v1/orders/N-1", operatorToken, nil, http.StatusOK), &order))
	vote := order.Approvals[0].Votes[0]
	require.Equal(t, []string{"d-1", "ann@example.com", "fine"}, []string{vote.DecisionID, vote.DecidedBy, vote.Comment})
	require.Equal(t, approval.Approved, order.Approvals[0].Status)
}
