package docs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestArchitectureNamesEveryFolder checks that ARCHITECTURE.md names every folder of the repository's first level, of test/
// and of test/internal/.
func TestArchitectureNamesEveryFolder(t *testing.T) {
	t.Parallel()
	unnamed := []string{"bin", "dist", "docs"}
	text, err := os.ReadFile("../../ARCHITECTURE.md")
	require.NoError(t, err)
	for _, parent := range []string{"", "test/", "test/internal/"} {
		entries, err := os.ReadDir(filepath.Join("../..", parent))
		require.NoError(t, err)
		for _, entry := range entries {
			name := entry.Name()
			if !entry.IsDir() || name[0] == '.' || parent == "" && slices.Contains(unnamed, name) {
				continue
			}
			mention := "`" + parent + name + "/"
			if parent == "test/internal/" { // its row lists the names alone
				mention = "`" + name + "/`"
			}
			if !strings.Contains(string(text), mention) {
				t.Errorf("ARCHITECTURE.md does not name %s%s", parent, name)
			}
		}
	}
}
