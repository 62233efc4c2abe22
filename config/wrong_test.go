package config_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/config"
)

var update = flag.Bool("update", false, "write the golden files")

// TestWrongFiles reads every file of testdata/wrong. Beside it is a text with all that is reported about it: each fault
// and warning with line and field, and never a value that may be a secret.
func TestWrongFiles(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/wrong/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			got := report(filepath.Base(file), text)
			golden := strings.TrimSuffix(file, ".yaml") + ".txt"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o600))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
			require.NotContains(t, got, "s3cret")
		})
	}
}

// report returns the findings about a file, as text.
func report(name string, text []byte) string {
	_, warnings, err := config.Parse(name, text, func(string) string { return "" })
	var b strings.Builder
	if err != nil {
		b.WriteString(err.Error() + "\n")
	}
	for _, w := range warnings {
		b.WriteString("  warning: " + w.String() + "\n")
	}
	return withoutKinds(b.String())
}

// withoutKinds replaces the lists of all kinds, so that a new kind changes no golden file.
func withoutKinds(text string) string {
	for list, choices := range map[string][]config.Choice{
		"(all channels)": new(config.Channel).Choices(),
		"(all targets)":  new(config.Target).Choices(),
		"(all schemes)":  new(config.Scheme).Choices(),
	} {
		var names []string
		for _, c := range choices {
			names = append(names, c.Name)
		}
		text = strings.ReplaceAll(text, strings.Join(names, ", "), list)
	}
	return text
}
