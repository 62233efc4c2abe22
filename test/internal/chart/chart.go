// Package chart reads the configuration that the Helm chart makes from a values file.
package chart

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/config"
)

// defaultValues is the path of the chart's own values, from a suite in test/NAME.
const defaultValues = "../../deploy/helm/approval-relay/values.yaml"

// Config returns the configuration that the chart makes from a values file, laid over the chart's own values. It leaves
// out the warning about the log channel, which the chart's own values have, because they name no channels.
func Config(t *testing.T, values []byte) (*config.Config, []config.Finding, error) {
	t.Helper()
	defaults, err := os.ReadFile(defaultValues)
	require.NoError(t, err)
	var base, over struct{ Config map[string]any }
	require.NoError(t, yaml.Unmarshal(defaults, &base))
	require.NoError(t, yaml.Unmarshal(values, &over))
	mergeValues(base.Config, over.Config)
	text, err := yaml.Marshal(base.Config)
	require.NoError(t, err)
	c, warnings, err := config.Parse("values", replaceSecretFiles(t, text), func(string) string { return secretText })
	if c != nil && base.Config["channels"] == nil {
		warnings = slices.DeleteFunc(warnings, func(w config.Finding) bool { return w.Field == "channels.log" })
	}
	return c, warnings, err
}

// secretText is the value of every secret.
const secretText = "0e4f9b8a7c6d5e3f2a1b0c9d8e7f6a5b" //nolint:gosec // for tests

// mergeValues lays values over others as Helm does.
func mergeValues(to, from map[string]any) {
	for name, value := range from {
		below, isMap := value.(map[string]any)
		if present, ok := to[name].(map[string]any); ok && isMap {
			mergeValues(present, below)
			continue
		}
		to[name] = value
	}
}

// replaceSecretFiles replaces the paths of mounted secrets by the path of a file that exists.
func replaceSecretFiles(t *testing.T, text []byte) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(file, []byte(secretText+"\n"), 0o600))
	return regexp.MustCompile(`/secrets/[^/\s]+/\S+`).ReplaceAll(text, []byte(file))
}
