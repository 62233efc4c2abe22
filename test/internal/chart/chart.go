// Package chart reads the configuration that the Helm chart makes from a values file.
package chart

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/config"
)

// defaultValues is the path of the chart's own values, from a suite in test/NAME.
const defaultValues = "../../deploy/helm/approval-relay/values.yaml"

// Config returns the configuration that the chart makes from a values file, laid over the chart's own values.
func Config(t *testing.T, values []byte) (*config.Config, error) {
	t.Helper()
	defaults, err := os.ReadFile(defaultValues)
	require.NoError(t, err)
	var base, over struct{ Config map[string]any }
	require.NoError(t, yaml.Unmarshal(defaults, &base))
	require.NoError(t, yaml.Unmarshal(values, &over))
	mergeValues(base.Config, over.Config)
	text, err := yaml.Marshal(base.Config)
	require.NoError(t, err)
	c, _, err := config.Parse("values", replaceSecretFiles(t, text), func(string) string { return "a value of enough bytes" })
	return c, err
}

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
	require.NoError(t, os.WriteFile(file, []byte("a secret of enough bytes\n"), 0o600))
	return regexp.MustCompile(`/secrets/[^/\s]+/\S+`).ReplaceAll(text, []byte(file))
}
