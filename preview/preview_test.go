package preview_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/preview"
)

const secret = "0123456789abcdef0123456789abcdef"

const file = `
people:
  ann@example.com: {away: [{from: 2026-01-01, until: 2027-01-01, substitutes: [zoe@example.com]}]}
groups: {finance: [ann@example.com, bob@example.com]}
targets: {http: {http: {secrets: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]}}}
workflows:
  refunds: {approvers: [ann@example.com], requests: {sqs: {queue: refunds, dead_letter_queue: refunds-dlq}}}
  orders:
    approvers: ["group:finance"]
    reminders: [4h]
    escalations: [{after: 8h, to: [boss@example.com]}]
    requests:
      fields: {approvers: body.approvers}
      details: {Amount: body.amount, Zip: body.zip}
    callback: {output: {region: eu}}
webhooks:
  hub: {github: {secrets: ["` + secret + `"]}, filter: "body.kind == 'review'"}
`

var at = time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)

// message returns a message with this body and these headers.
func message(body string, headers http.Header) preview.Message {
	return preview.Message{Body: []byte(body), Headers: headers, SentAt: at}
}

func parse(t *testing.T) *config.Config {
	t.Helper()
	c, _, err := config.Parse("relay.yaml", []byte(file), func(string) string { return "" })
	require.NoError(t, err)
	return c
}

func TestForRequest(t *testing.T) {
	t.Parallel()
	body := `{"taskToken":"AQC-secret","orderId":"A-1","amount":12.5,"items":[{"sku":"x1"}],"note":"","approvers":["cid@example.com"]}`
	p, err := preview.ForRequest(t.Context(), parse(t), "orders", message(body, nil))
	require.NoError(t, err)
	require.Equal(t, "A-1", p.OrderID)
	require.Equal(t, at.Add(24*time.Hour), p.Deadline.UTC())
	require.Equal(t, []time.Time{at.Add(4 * time.Hour)}, p.Reminders)
	require.Equal(t, []preview.Detail{{Label: "Amount", Value: "12.5"}, {Label: "Zip", Value: "(not given)"}}, p.Details)
	require.Equal(t, []string{"body.items[0].sku"}, p.NotShown, "neither the token nor values that are shown")

	reasons := map[string]string{}
	for _, a := range p.Approvers {
		reasons[a.ID] = a.Reason
		require.Equal(t, []string{"log"}, a.Channels)
	}
	require.Equal(t, map[string]string{
		"ann@example.com": "approvers of the workflow: group:finance",
		"bob@example.com": "approvers of the workflow: group:finance",
		"cid@example.com": "the request",
		"zoe@example.com": "substitute for ann@example.com",
	}, reasons)
	require.Equal(t, "boss@example.com", p.Escalations[0].Approvers[0].ID)

	missing := map[string][]string{}
	for _, f := range p.NotFound {
		missing[f.Name] = f.Expressions
	}
	require.Equal(t, []string{"body.zip"}, missing["details.Zip"])
	require.NotContains(t, missing, "order")

	require.Len(t, p.Answers, 2)
	require.Equal(t, "approve", p.Answers[0].Outcome)
	require.Empty(t, p.Answers[0].Error)
	require.Contains(t, string(p.Answers[0].Body), `"region":"eu"`)
	require.Equal(t, "ApprovalDenied", p.Answers[1].Error)
	require.NotContains(t, string(p.Answers[1].Body), "AQC-secret")
}

// The error is the one that the sender of the request gets.
func TestForRequestRefused(t *testing.T) {
	t.Parallel()
	c := parse(t)
	for body, want := range map[string]string{
		`{"taskToken":"x"}`: "order: is missing",
		`[]`:                "body",
		`{"orderId":"A-1","callbackUrl":"http://10.0.0.1/"}`: "callback",
		`{"orderId":"A-1","taskToken":"AQC EAAA"}`:           "token: is not a token: it has a space",
		`{"orderId":"..","taskToken":"AQC"}`:                 "order",
	} {
		_, err := preview.ForRequest(t.Context(), c, "orders", message(body, nil))
		require.ErrorContains(t, err, want, body)
	}
	_, err := preview.ForRequest(t.Context(), c, "returns", message("", nil))
	require.ErrorContains(t, err, `no workflow "returns"`)
}

func TestForDecision(t *testing.T) {
	t.Parallel()
	c := parse(t)
	sign := func(body string) http.Header {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(body))
		return http.Header{"X-Hub-Signature-256": {"sha256=" + hex.EncodeToString(mac.Sum(nil))}}
	}
	body := `{"kind":"review","orderId":"A-1","decision":"approved","by":"ann@example.com","comment":"ok"}`
	p, err := preview.ForDecision(t.Context(), c, "hub", message(body, sign(body)))
	require.NoError(t, err)
	require.False(t, p.Refused)
	require.Equal(t, "accepted", p.Signature)
	require.Equal(t, "A-1", p.OrderID)
	require.Equal(t, "approve", p.Outcome)
	require.Equal(t, "ann@example.com", p.DecidedBy)
	require.Equal(t, "id", p.NotFound[0].Name)

	named := `{"kind":"review","orderId":"A-1","approvalId":"a1b2","decision":"approved"}`
	p, err = preview.ForDecision(t.Context(), c, "hub", message(named, sign(named)))
	require.NoError(t, err)
	require.Equal(t, "a1b2", p.ApprovalID)
	require.Equal(t, "approve", p.Outcome)

	p, err = preview.ForDecision(t.Context(), c, "hub", message(body, sign("another body")))
	require.NoError(t, err)
	require.True(t, p.Refused)
	require.Contains(t, p.Signature, "X-Hub-Signature-256")
	require.NotContains(t, p.Signature, secret)

	other := `{"kind":"ping"}`
	p, err = preview.ForDecision(t.Context(), c, "hub", message(other, sign(other)))
	require.NoError(t, err)
	require.True(t, p.Filtered)

	wrong := `{"kind":"review","orderId":"A-1","decision":"maybe"}`
	p, err = preview.ForDecision(t.Context(), c, "hub", message(wrong, sign(wrong)))
	require.ErrorContains(t, err, "outcome")
	require.NotNil(t, p)
	_, err = preview.ForDecision(t.Context(), c, "erp", message("", nil))
	require.ErrorContains(t, err, `no decision source "erp"`)
}

// TestForDecisionOfOtherSources reads the envelope of SNS, the ID of a standard webhook, and the order in a path.
func TestForDecisionOfOtherSources(t *testing.T) {
	t.Parallel()
	c, _, err := config.Parse("relay.yaml", []byte(`
webhooks:
  topic: {sns: {topics: ["arn:aws:sns:eu-west-1:111122223333:decisions"]}}
  shop: {standard: {secrets: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]}}
workflows: {orders: {requests: {fields: {step: "meta['attribute.step']"}}}}
`), func(string) string { return "" })
	require.NoError(t, err)
	decision := `{"orderId":"A-1","decision":"approve"}`
	envelope := `{"Type":"Notification","MessageId":"m-1","Timestamp":"2026-03-02T09:29:00Z","Message":"{\"orderId\":\"A-1\",\"decision\":\"no\"}"}`
	p, err := preview.ForDecision(t.Context(), c, "topic", message(envelope, nil))
	require.NoError(t, err)
	require.Equal(t, "reject", p.Outcome)
	require.Equal(t, "m-1", p.DecisionID)
	require.Contains(t, p.Signature, "not checked")

	p, err = preview.ForDecision(t.Context(), c, "shop", message(decision, http.Header{"Webhook-Id": {"msg-7"}}))
	require.NoError(t, err)
	require.Equal(t, "msg-7", p.DecisionID)
	require.True(t, p.Refused)

	m := message(`{"decision":"approve"}`, nil)
	m.OrderID = "A-2"
	p, err = preview.ForDecision(t.Context(), c, "api", m)
	require.NoError(t, err)
	require.Equal(t, "A-2", p.OrderID)

	m = message(`{"orderId":"A-1","taskToken":"AQC"}`, nil)
	m.Attributes = map[string]string{"step": "manager"}
	request, err := preview.ForRequest(t.Context(), c, "orders", m)
	require.NoError(t, err)
	require.Equal(t, "manager", request.Step)
}

// TestForRequestAfterDeadline reads a request whose deadline has passed on its way.
func TestForRequestAfterDeadline(t *testing.T) {
	t.Parallel()
	m := message(`{"taskToken":"AQC","orderId":"A-1","startedAt":"2026-02-01T09:30:00Z","retryCount":0}`, nil)
	p, err := preview.ForRequest(t.Context(), parse(t), "orders", m)
	require.NoError(t, err)
	require.Equal(t, "timed_out", p.Status)
	require.Empty(t, p.Answers)
}

// The preview states what of a message is not used, and which of its fields give authority.
func TestForRequestStatesAuthority(t *testing.T) {
	t.Parallel()
	m := message(`{"taskToken":"AQC","orderId":"A-1","approvers":["mallory@evil.example"],"requester":"dan@example.com",
		"enteredTime":"2026-02-01T09:30:00Z","approvalRequest":{"approvers":["mallory@evil.example"]}}`, nil)
	p, err := preview.ForRequest(t.Context(), parse(t), "refunds", m)
	require.NoError(t, err)
	require.Len(t, p.Notes, 3, "%v", p.Notes)
	require.Contains(t, p.Notes[0], "body.approvalRequest.approvers is not used")
	require.Contains(t, p.Notes[1], "the approvers in body.approvers were not added")
	require.Contains(t, p.Notes[2], "started is not used")
	require.NotContains(t, p.Notes[0]+p.Notes[1]+p.Notes[2], "mallory")
	require.Equal(t, []preview.Authority{
		{Field: "approvers", Source: "configuration"},
		{Field: "requester", Source: "body.requester"},
		{Field: "policy", Source: "configuration"},
		{Field: "deadline", Source: "configuration"},
		{Field: "timeout"},
		{Field: "target", Source: "configuration"},
		{Field: "token", Source: "body.taskToken"},
		{Field: "callback"},
	}, p.Authority)

	p, err = preview.ForRequest(t.Context(), parse(t), "orders", m)
	require.NoError(t, err)
	require.Equal(t, preview.Authority{Field: "approvers", Source: "configuration, body.approvers"}, p.Authority[0])
}

// Without configured details, approvers see the content of a request, and not the fields that are about the workflow.
func TestDetailsHaveNoFieldsOfTheWorkflow(t *testing.T) {
	t.Parallel()
	m := message(`{"taskToken":"AQC","orderId":"A-1","executionArn":"arn:aws:states:x","stateName":"Approve","retryCount":0,
		"enteredTime":"2026-03-02T09:29:59Z","timeoutSeconds":600,"title":"Order A-1","step":"manager",
		"requester":"dan@example.com","total":12.50,"order":{"title":"a title within the order"}}`, nil)
	p, err := preview.ForRequest(t.Context(), parse(t), "refunds", m)
	require.NoError(t, err)
	require.Empty(t, p.Notes)
	var names []string
	for _, d := range p.Details {
		names = append(names, d.Label)
	}
	require.Equal(t, []string{"title", "total"}, names)
}
