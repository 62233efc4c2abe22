package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/metrics"
)

// Every series that an alert asks for exists, and every alert has its paragraph,
// which names no command that there is not.
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
		require.Contains(t, known, base, "no such series")
	}

	runbook := read(t, "../../docs/runbook.md")
	tests := read(t, "../../deploy/prometheus/rules_test.yaml")
	alerts := regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(rules, -1)
	require.NotEmpty(t, alerts)
	for _, a := range alerts {
		require.Contains(t, runbook, "\n## "+a[1]+"\n", "no paragraph")
		require.Contains(t, rules, "runbook_url: docs/runbook.md#"+strings.ToLower(a[1])+"\n")
		require.Contains(t, tests, "alertname: "+a[1]+"\n", "no test")
	}
	require.Len(t, alerts, strings.Count(runbook, "\n## "), "a paragraph without its alert")
	for _, c := range regexp.MustCompile("`approval-relay ([a-z]+)").FindAllStringSubmatch(runbook, -1) {
		_, help, _ := command(t, "--help")
		require.Regexp(t, "(?m)^  "+c[1]+" ", help, "no such command")
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(b)
}
