package app

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/metrics"
)

// awsOfKeys stands in for Secrets Manager and KMS. KMS "seals" in base64.
func awsOfKeys(t *testing.T, secret string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Plaintext, CiphertextBlob []byte }
		body, _ := io.ReadAll(r.Body)
		_ = json.Unmarshal(body, &in)
		answer := map[string]any{
			"secretsmanager.GetSecretValue": map[string]string{"SecretString": secret},
			"TrentService.Encrypt":          map[string][]byte{"CiphertextBlob": in.Plaintext},
			"TrentService.Decrypt":          map[string][]byte{"Plaintext": in.CiphertextBlob},
		}[r.Header.Get("X-Amz-Target")]
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// openTestKeys opens the keys of a configuration.
func openTestKeys(t *testing.T, text string) (*keys.Ring, error) {
	t.Helper()
	c := parseConfig(t, text)
	m := metrics.New(prometheus.NewRegistry(), metrics.Config{AWSOperations: AWSOperations()})
	log := slog.New(slog.DiscardHandler)
	a := &App{config: c, log: log, aws: newAWSClients(t.Context(), c.AWS, m, log)}
	return a.openKeys(t.Context())
}

// The same keys come out of every place.
func TestPlacesOfKeys(t *testing.T) { //nolint:paralleltest // it sets the environment
	ring := keys.NewRing(time.Now())
	url := awsOfKeys(t, string(ring.FileText()))
	t.Setenv("AWS_ACCESS_KEY_ID", "x")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "x")
	t.Setenv("AWS_ENDPOINT_URL", url)
	t.Setenv("RELAY_KEYS", string(ring.FileText()))
	t.Setenv("RELAY_KEYS_64", base64.StdEncoding.EncodeToString(ring.FileText()))
	t.Setenv("RELAY_KEYS_WRONG", "approval-relay keys 1\n"+"12345678 2026-01-01T00:00:00Z c2VjcmV0LXNlY3JldA==")
	sealed, err := SealKeys(t.Context(), ring, "arn:aws:kms:eu-west-1:111122223333:key/1", "")
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "sealed")
	require.NoError(t, os.WriteFile(file, sealed, 0o600))

	const region = "aws: {region: eu-west-1}\n"
	for _, text := range []string{
		"keys: {env: RELAY_KEYS}", "keys: {env: RELAY_KEYS_64}",
		region + "keys: {secrets_manager: {secret: relay/keys}}", region + "keys: {kms: {file: " + file + "}}",
	} {
		got, err := openTestKeys(t, text)
		require.NoError(t, err, text)
		require.Equal(t, ring.PrimaryID(), got.PrimaryID(), text)
	}
	for text, want := range map[string]string{
		"keys: {env: RELAY_KEYS_MISSING}":                      "RELAY_KEYS_MISSING (keys.env) is not set",
		"keys: {env: RELAY_KEYS_WRONG}":                        "RELAY_KEYS_WRONG (keys.env): line 2",
		region + "keys: {kms: {file: " + file + ".missing}}":   "no such file",
		region + "keys: {kms: {file: app_test_no_sealed.txt}}": "no such file",
	} {
		_, err := openTestKeys(t, text)
		require.ErrorContains(t, err, want, text)
		require.NotContains(t, err.Error(), "c2VjcmV0")
	}
}
