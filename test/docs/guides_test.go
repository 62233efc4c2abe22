package docs

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/test/internal/chart"
)

// readGuides returns the documents whose configurations and links must be correct.
func readGuides(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pattern := range []string{
		"../../docs/*.md",
		"../../README.md",
		"../../deploy/*/README.md",
		"../../examples/README.md",
		"../../examples/*/README.md",
		"../../deploy/helm/approval-relay/templates/NOTES.txt",
	} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, files, pattern)
		for _, f := range files {
			text, err := os.ReadFile(f)
			require.NoError(t, err)
			out[f] = string(text)
		}
	}
	return out
}

// TestGuidesConfigurations loads every configuration in the guides, without faults and warnings. Values of the chart have the line "# chart values".
func TestGuidesConfigurations(t *testing.T) {
	t.Parallel()
	seen := 0
	for file, text := range readGuides(t) {
		if strings.HasSuffix(file, "channels.md") {
			continue // TestChannelsPage loads its examples
		}
		for _, m := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(text, -1) {
			var warnings []config.Finding
			var err error
			if strings.HasPrefix(m[1], "# chart values\n") {
				_, warnings, err = chart.Config(t, []byte(m[1]))
			} else {
				_, warnings, err = config.Parse(file, []byte(m[1]), exampleEnvironment)
			}
			require.NoError(t, err, "%s:\n%s", file, m[1])
			require.Empty(t, warnings, "%s:\n%s", file, m[1])
			seen++
		}
	}
	require.GreaterOrEqual(t, seen, 4)
}

// TestGuidesFields looks every field that the guides name up in the table of the configuration.
func TestGuidesFields(t *testing.T) {
	t.Parallel()
	table := configurationTables()
	field := regexp.MustCompile(
		"`((?:operator|public|store|keys|aws|shutdown|unmatched|workflows|decisions|webhooks|channels|targets)\\.[a-zA-Z_.]+)`",
	)
	for file, text := range readGuides(t) {
		if strings.HasSuffix(file, "channels.md") {
			continue // TestChannelsPage loads its examples
		}
		for _, m := range field.FindAllStringSubmatch(text, -1) {
			name := strings.Replace(m[1], "targets.stepfunctions.", "targets.NAME.", 1)
			require.Regexp(t, "(?m)^\\| `"+regexp.QuoteMeta(name)+"(\\.[^`]+)?` ", table, "%s: there is no %s", file, m[1])
		}
	}
}

// TestGuidesLinks follows the links between the guides.
func TestGuidesLinks(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
	for file, text := range readGuides(t) {
		if strings.HasSuffix(file, "channels.md") {
			continue // TestChannelsPage loads its examples
		}
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			_, err := os.Stat(filepath.Join(filepath.Dir(file), m[1]))
			require.NoError(t, err, file)
		}
	}
}

// exampleEnvironment returns the environment variables of the examples. Their names end in the purpose of the value.
func exampleEnvironment(name string) string {
	switch {
	case strings.HasSuffix(name, "_URL"):
		return "https://example.com/" + name + "?key=k&token=t"
	case strings.HasSuffix(name, "_SECRET"): // of Standard Webhooks, and long enough for any other scheme
		return "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
	case strings.HasSuffix(name, "_SIGNING_KEY"):
		return "whsk_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXowMTIzNDU="
	}
	sum := sha256.Sum256([]byte(name)) // tokens must differ
	return hex.EncodeToString(sum[:16])
}
