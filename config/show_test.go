package config_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/config"
)

// TestShow checks that the effective values can be read again, and are then the same.
func TestShow(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/files/*")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		first, err := loadFile(t, filepath.Base(file)).ShowYAML()
		require.NoError(t, err)
		require.NotContains(t, string(first), "0e4f9b8a")
		c, _, err := config.Parse("shown.yaml", []byte(fillSecrets(first)), environment)
		require.NoError(t, err, file)
		second, err := c.ShowYAML()
		require.NoError(t, err)
		require.Equal(t, string(first), string(second), file)

		asJSON, err := c.ShowJSON()
		require.NoError(t, err)
		c, _, err = config.Parse("shown.json", []byte(fillSecrets(asJSON)), environment)
		require.NoError(t, err)
		third, err := c.ShowYAML()
		require.NoError(t, err)
		require.Equal(t, string(first), string(third), file)
	}
}

// fillSecrets replaces hidden secrets, each by another one.
func fillSecrets(shown []byte) string {
	text := strings.NewReplacer(
		`url: "[secret]"`, "url: https://example.com",
		`url": "[secret]"`, `url": "https://example.com"`,
	).Replace(string(shown))
	for n := 10; strings.Contains(text, "[secret]"); n++ {
		text = strings.Replace(text, "[secret]", fmt.Sprintf("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMT%d", n), 1)
	}
	return text
}
