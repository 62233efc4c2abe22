package preview_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/preview"
)

const taskToken = "AQCEAAAAKgAAAAMAAAAAAAAAAXk+q/Zs8=="

// loadQueue returns a configuration with one workflow and its queue, and without any fields.
func loadQueue(t *testing.T) *config.Config {
	t.Helper()
	c, _, err := config.Parse("relay.yaml", []byte(`
workflows:
  orders: {requests: {sqs: {queue: requests, dead_letter_queue: dlq}}}
`), func(string) string { return "" })
	require.NoError(t, err)
	return c
}

func previewBody(t *testing.T, c *config.Config, body string, attributes map[string]string) (*preview.Request, error) {
	t.Helper()
	return preview.ForRequest(t.Context(), c, "orders", preview.Message{
		Body:       []byte(strings.ReplaceAll(body, "{{TOKEN}}", taskToken)),
		Attributes: attributes,
		SentAt:     time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC),
	})
}

// The bodies of state machines of other people are read without configuration.
func TestOtherPeoplesBodies(t *testing.T) {
	t.Parallel()
	c := loadQueue(t)
	for body, order := range map[string]string{
		`{"Input": {"orderId": "A-1"}, "TaskToken": "{{TOKEN}}"}`:                                         "A-1", // AWS's documentation
		`{"OrderID": "A-1", "TaskToken": "{{TOKEN}}"}`:                                                    "A-1", // a Go struct without tags
		`{"orderId": "A-1", "state_machine_token": "{{TOKEN}}"}`:                                          "A-1", // a Terraform module
		`{"token": "{{TOKEN}}", "requestId": "R-1"}`:                                                      "R-1",
		`{"input": {"orderId": "A-1"}, "token": "{{TOKEN}}"}`:                                             "A-1", // CDK: TaskInput.fromObject
		`{"input": {"order": {"id": 7}}, "token": "{{TOKEN}}"}`:                                           "7",
		`{"id": "app-1", "flagType": "REVIEW", "taskToken": "{{TOKEN}}"}`:                                 "app-1",
		`{"order": "A-1", "token": "{{TOKEN}}"}`:                                                          "A-1",
		`{"order": 17, "token": "{{TOKEN}}"}`:                                                             "17",
		`{"executionId": "arn:aws:states:x", "taskToken": "{{TOKEN}}", "businessKey": "B-1"}`:             "B-1",
		`{"MessageTitle": "Waiting", "TaskToken": "{{TOKEN}}", "ExecutionName": "run-1"}`:                 "run-1",
		`{"input": "{\"orderId\": \"A-1\"}", "TaskToken": "{{TOKEN}}"}`:                                   "A-1",
		`{"Payload": " {\"id\": 19.50}", "id": "x", "TaskToken": "{{TOKEN}}"}`:                            "x",
		`{"payload": "{\"id\": 7, \"a\": \"{\"}", "Payload": "{", "token": "{{TOKEN}}"}`:                  "7",
		`{"data": {"order_id": "A-1", "id": "x"}, "MyTaskToken": "{{TOKEN}}"}`:                            "A-1",
		`{"Payload": {"id": "x"}, "orderNumber": 12, "task_token": "{{TOKEN}}"}`:                          "12",
		`{"orderId": "A-1", "callbackToken": "{{TOKEN}}", "token": "the session's", "id": 3, "input": 4}`: "A-1",
	} {
		p, err := previewBody(t, c, body, nil)
		require.NoError(t, err, body)
		require.Equal(t, order, p.OrderID, body)
		require.Empty(t, p.Approvers, body)
	}
}

// A body without an order or a token is refused with the places that were tried and the names that it has.
func TestBodiesThatAreNoRequests(t *testing.T) {
	t.Parallel()
	c := loadQueue(t)
	for body, has := range map[string]string{
		`{"input": {"requester_arn": "arn:aws:iam::111122223333:user/ann", "reason": "deploy"}, "TaskToken": "{{TOKEN}}"}`: "TaskToken, input",
		`{"MessageTitle": "Task started by Step Functions.", "TaskToken": "{{TOKEN}}"}`:                                    "MessageTitle, TaskToken",
		`{"task_token": "{{TOKEN}}"}`:                                     "task_token",
		`{"billId": "B-1", "invoiceId": "I-1", "TaskToken": "{{TOKEN}}"}`: "TaskToken, billId, invoiceId",
	} {
		_, err := previewBody(t, c, body, nil)
		require.ErrorContains(t, err, "order: is missing; the message has "+has+"; looked for in body.orderId (also orderID, order_id", body)
		require.ErrorContains(t, err, "requestId", body)
		require.NotContains(t, err.Error(), "…", body)
		require.Less(t, len(err.Error()), 1000, "dead letter queues keep so much")
		require.NotContains(t, err.Error(), taskToken)
		require.NotContains(t, err.Error(), "ann")
	}
	_, err := previewBody(t, c, `{"orderId": "A-1", "input": {"taskToken": "{{TOKEN}}"}}`, nil)
	require.ErrorContains(t, err, "token: is missing, and so is a callback URL; the message has input, orderId; looked for in "+
		"body.taskToken (also TaskToken,", "a token within data is not one of the workflow")
	require.ErrorContains(t, err, "token, Token, callbackUrl, ")
}

// Approvers, requesters and times are never found within the data that a state machine sends along.
func TestAuthorityIsNotInData(t *testing.T) {
	t.Parallel()
	c := loadQueue(t)
	for _, object := range []string{"input", "Input", "payload", "Payload", "data", "order", "approvalRequest"} {
		body := `{"orderId":"A-1","taskToken":"{{TOKEN}}","` + object + `":{"approvers":["eve@example.com"],"requester":"eve",` +
			`"deadline":"2026-03-01T10:00:00Z","timeoutSeconds":60}}`
		p, err := previewBody(t, c, body, nil)
		require.NoError(t, err, object)
		require.Empty(t, p.Approvers, object)
		require.Empty(t, p.Requester, object)
		require.Nil(t, p.TaskExpires, object)
		require.Len(t, p.Notes, 4, "%s: %q", object, p.Notes)
	}
}
