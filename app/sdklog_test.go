package app

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/metrics"
	"github.com/approval-relay/approval-relay/setup"
)

// A warning of the SDK is a line of our log: here the client of DynamoDB misses a checksum in an answer.
func TestWarningsOfTheSDKAreLogged(t *testing.T) { //nolint:paralleltest // it sets the environment
	t.Setenv("AWS_ACCESS_KEY_ID", "x")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "x")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amz-Crc32", "not a number")
		_, _ = io.WriteString(w, `{"TableNames":[]}`)
	}))
	t.Cleanup(server.Close)
	var lines bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&lines, nil))
	shared := config.AWS{Region: "eu-west-1", Endpoint: server.URL}
	m := metrics.New(prometheus.NewRegistry(), metrics.Config{AWSOperations: AWSOperations()})
	cfg, err := newAWSClients(t.Context(), shared, m, log).configFor(setup.AWS{})
	require.NoError(t, err)
	_, _ = dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) {
		o.RetryMaxAttempts = 1
		o.Logger.Logf("WARN", "a %s", "warning")
		o.Logger.Logf("DEBUG", "a detail")
	}).ListTables(t.Context(), &dynamodb.ListTablesInput{})

	for line := range strings.Lines(lines.String()) {
		var fields map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &fields))
		require.Equal(t, "WARN", fields["level"])
		require.Equal(t, "message of the AWS SDK", fields["msg"])
		require.NotEmpty(t, fields["text"])
	}
	require.Contains(t, lines.String(), `"text":"a warning"`)
	require.NotContains(t, lines.String(), "a detail")
}
