package httptarget_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback/httptarget"
	"github.com/approval-relay/approval-relay/webhook"
)

// postedTo returns the signed request that a receiver gets, and its body.
func postedTo(t *testing.T, path string, signer httptarget.Signer, change func(*approval.Answer)) (http.Header, []byte, string) {
	t.Helper()
	var header http.Header
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		header = r.Header.Clone()
		body, _ = io.ReadAll(r.Body)
	}))
	defer server.Close()
	c := private()
	c.Signer = signer
	a := answer(server.URL + path)
	a.Workflow = "orders"
	if change != nil {
		change(&a)
	}
	require.NoError(t, httptarget.NewTarget(c).Deliver(t.Context(), a))
	return header, body, server.URL
}

// A requester with a callback URL of their own gets a signed answer for an order ID that they chose. It does not pass for
// an answer to another receiver: the audience, the workflow and the execution are signed. And the receiver of an answer
// has nothing to sign another one with.
func TestAnswerCannotBeForwarded(t *testing.T) {
	t.Parallel()
	signer, err := webhook.NewSigner(nil, []string{"whsk_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXowMTIzNDU="})
	require.NoError(t, err)
	receiver, err := webhook.NewStandardAsymmetric(signer.PublicKeys(), nil)
	require.NoError(t, err)
	header, body, attacker := postedTo(t, "/attacker?secret=s3cret", signer, func(a *approval.Answer) {
		a.OrderID, a.Execution = "VICTIM-1", "arn:aws:states:eu-west-1:111122223333:execution:orders:1"
	})
	require.NoError(t, receiver.Verify(now, webhook.Request{Header: header, Body: body}))
	var got map[string]any
	require.NoError(t, json.Unmarshal(body, &got))
	require.Equal(t, attacker+"/attacker", got["audience"], "and so it is not for https://victim.example.com/resume")
	require.Equal(t, "orders", got["workflow"])
	require.Equal(t, "arn:aws:states:eu-west-1:111122223333:execution:orders:1", got["execution"])
	require.NotContains(t, string(body), "s3cret")

	got["audience"] = "https://victim.example.com/resume"
	forged, err := json.Marshal(got)
	require.NoError(t, err)
	require.ErrorIs(t, receiver.Verify(now, webhook.Request{Header: header, Body: forged}), webhook.ErrMismatch)
}

// Configured additions, which may come from the request, do not replace the audience.
func TestAdditionsDoNotReplaceTheAudience(t *testing.T) {
	t.Parallel()
	_, body, url := postedTo(t, "/cb", signer{}, func(a *approval.Answer) {
		a.Output = map[string]any{
			"audience": "https://victim.example.com/", "Audience": "https://victim.example.com/", "WORKFLOW": "other",
			"execution": "other", "amount": 480,
		}
	})
	var got map[string]any
	require.NoError(t, json.Unmarshal(body, &got))
	require.Equal(t, url+"/cb", got["audience"])
	require.Equal(t, "orders", got["workflow"])
	require.InDelta(t, 480, got["amount"], 0)
	for _, name := range []string{"Audience", "WORKFLOW", "execution"} {
		require.NotContains(t, got, name)
	}
}
