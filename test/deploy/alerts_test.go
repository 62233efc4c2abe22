package deploy

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/metrics"
)

// runbookURL is the address of docs/runbook.md.
const runbookURL = "https://github.com/approval-relay/approval-relay/blob/main/docs/runbook.md"

// TestAlerts checks that every series in the alert rules exists, and that every alert has a test and a section of the
// runbook.
func TestAlerts(t *testing.T) {
	t.Parallel()
	rules := read(t, "../../deploy/prometheus/rules.yaml")
	known := map[string]string{}
	for _, r := range metrics.Rows() {
		known[r.Name] = r.Type
	}
	for _, name := range regexp.MustCompile(`\bapproval_relay_[a-z0-9_]+`).FindAllString(rules, -1) {
		base := name
		for _, suffix := range []string{"_bucket", "_count", "_sum"} {
			if trimmed, ok := strings.CutSuffix(name, suffix); ok && known[trimmed] == "histogram" {
				base = trimmed
			}
		}
		require.Contains(t, known, base, "unknown series")
	}

	runbook := read(t, "../../docs/runbook.md")
	tests := read(t, "../../deploy/prometheus/rules_test.yaml") + read(t, "../../deploy/prometheus/rules_long_test.yaml")
	alerts := regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(rules, -1)
	require.NotEmpty(t, alerts)
	for _, a := range alerts {
		require.Contains(t, runbook, "\n## "+a[1]+"\n", "the runbook lacks a section")
		require.Contains(t, rules, "runbook_url: "+runbookURL+"#"+strings.ToLower(a[1])+"\n")
		require.Contains(t, tests, `{alertname="`+a[1]+`", `, "the alert lacks a test")
	}
	require.Len(t, alerts, strings.Count(runbook, "\n## "), "a section of the runbook without an alert")
}
