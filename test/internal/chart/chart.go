// Package chart reads the configuration that the Helm chart makes from a values file.
package chart

import (
	"crypto/sha256"
	"encoding/hex"
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
	c, warnings, err := config.Parse("values", replaceSecretFiles(t, text), secretOf)
	if c != nil && base.Config["channels"] == nil {
		warnings = slices.DeleteFunc(warnings, func(w config.Finding) bool { return w.Field == "channels.log" })
	}
	return c, warnings, err
}

// secretOf returns the value of a secret: one of its own for each name.
func secretOf(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:16])
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

// replaceSecretFiles replaces the paths of mounted secrets by the paths of files that exist.
func replaceSecretFiles(t *testing.T, text []byte) []byte {
	t.Helper()
	dir := t.TempDir()
	return regexp.MustCompile(`/secrets/[^/\s,}]+/[^\s,}]+`).ReplaceAllFunc(text, func(path []byte) []byte {
		secret := secretOf(string(path))
		file := filepath.Join(dir, secret)
		require.NoError(t, os.WriteFile(file, []byte(secret+"\n"), 0o600))
		return []byte(file)
	})
}
