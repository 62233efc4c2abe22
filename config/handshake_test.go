package config

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/webhook"
)

// TestSecretOfAnOracle holds that the signatures that the handshake crc tells anybody are none of a message, also for
// another webhook with the same secret.
func TestSecretOfAnOracle(t *testing.T) {
	t.Parallel()
	const shared, own = "k7Qw2ZxB9mTf4RpLs8VnYc", "u8Yb4SgJe6Tw1QmZ3fHxKo"
	c, _, err := Parse("relay.yaml", []byte(`
webhooks:
  x: {hmac: {encoding: base64, secrets: [`+shared+`]}, handshake: crc}
  alerts: {pagerduty: {secrets: [`+own+`, `+shared+`]}}
  other: {pagerduty: {secrets: [`+own+`]}}
`), func(string) string { return "" })
	require.NoError(t, err)
	verify := func(name, secret, body string) error {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(body))
		header := http.Header{"X-Pagerduty-Signature": {"v1=" + hex.EncodeToString(mac.Sum(nil))}}
		return c.Compiled.Schemes[name].Verify(time.Now(), webhook.Request{Method: http.MethodPost, Header: header, Body: []byte(body)})
	}
	const message = `{"orderId":"A-1","decision":"approve"}`
	encoded := base64.StdEncoding.EncodeToString([]byte(message))
	require.ErrorIs(t, verify("alerts", shared, encoded), webhook.ErrMismatch)
	require.NoError(t, verify("alerts", shared, message))
	require.NoError(t, verify("other", own, encoded), "nobody learns a signature by this secret")
}
