package prometheus

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the rules and their tests again")

// The files are what the tables say.
func TestFiles(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"rules.yaml":           Rules(),
		"rules_test.yaml":      scenarioTests(false),
		"rules_long_test.yaml": scenarioTests(true),
	} {
		if *update {
			require.NoError(t, os.WriteFile(name, []byte(want), 0o644))
		}
		have, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, want, string(have), "%s: go test ./deploy/prometheus -update", name)
	}
}
