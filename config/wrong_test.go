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
	return b.String()
}
