package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/webhook"
)

// exampleTime is a minute after the time in the requests of the examples.
const exampleTime = "2026-03-02T09:31:00Z"

// examplesEnvironment returns the environment variables of the examples. All of them can be secrets of Standard Webhooks.
func examplesEnvironment(name string) string {
	if strings.HasSuffix(name, "_URL") {
		return "https://hooks.example.com/" + name
	}
	sum := sha256.Sum256([]byte(name))
	return "whsec_" + base64.StdEncoding.EncodeToString(sum[:])
}

// runForExample runs a command with the environment of the examples, which must succeed, and returns its output.
func runForExample(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status := run(t.Context(), args, examplesEnvironment, strings.NewReader(stdin), &stdout, &stderr)
	require.Equal(t, 0, status, "%s: %s", args, stderr.String())
	return stdout.String()
}

// TestExamplesChecks runs the checks of configurations and requests on every example.
func TestExamplesChecks(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../examples/*/relay.yaml")
	require.NoError(t, err)
	require.Len(t, files, 5)
	for _, file := range files {
		runForExample(t, "", "check", "config", "--strict", file)
		body := filepath.Join(filepath.Dir(file), "request.json")
		preview := runForExample(t, "", "check", "request", "--config.file="+file, "--at="+exampleTime, body)
		require.Contains(t, preview, "asked ")
		require.NotContains(t, preview, "not found: title")
		require.NotContains(t, preview, "not found: details")
	}
}

// TestExamplesDecisions checks the decision of every example that has one, with its signature.
func TestExamplesDecisions(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../examples/*/decision.json")
	require.NoError(t, err)
	require.Len(t, files, 2)

	body := read(t, "../../examples/deployments/decision.json")
	mac := hmac.New(sha256.New, []byte(examplesEnvironment("GITHUB_WEBHOOK_SECRET")))
	mac.Write([]byte(body))
	preview := checkExampleDecision(t, "deployments", "github", body, http.Header{
		"X-Github-Event":      {"deployment_review"},
		"X-Hub-Signature-256": {"sha256=" + hex.EncodeToString(mac.Sum(nil))},
	})
	require.Regexp(t, `outcome +approve\n`, preview)
	require.Regexp(t, `decided by +octocat\n`, preview)

	// Without a request, a decision that names an approval is about an unknown approval.
	body = strings.Replace(read(t, "../../examples/model-review/decision.json"), `"approvalId"`, `"unused"`, 1)
	signer, err := webhook.NewStandard(examplesEnvironment("LABELS_SECRET"))
	require.NoError(t, err)
	at, err := time.Parse(time.RFC3339, exampleTime)
	require.NoError(t, err)
	preview = checkExampleDecision(t, "model-review", "labels", body, signer.Sign("1", at, []byte(body)))
	require.Regexp(t, `choice +correct\n`, preview)
	require.Regexp(t, `takes the choice and its values\n`, preview)
	require.Regexp(t, `decided by +mia@example\.com\n`, preview)
}

// checkExampleDecision runs check decision on a body, and returns its output.
func checkExampleDecision(t *testing.T, example, source, body string, header http.Header) string {
	t.Helper()
	args := []string{
		"check", "decision", "--source=" + source, "--config.file=../../examples/" + example + "/relay.yaml", "--at=" + exampleTime,
	}
	for name := range header {
		args = append(args, "--header="+name+": "+header.Get(name))
	}
	preview := runForExample(t, body, append(args, "-")...)
	require.Regexp(t, `signature +accepted\n`, preview)
	return preview
}
