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

// TestArchitectureNamesEveryPackage checks that ARCHITECTURE.md names every package of the table of imports. It need not
// name the adapters: a channel or a target is in the row of its family.
func TestArchitectureNamesEveryPackage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../ARCHITECTURE.md")
	require.NoError(t, err)
	table, err := os.ReadFile("../../scripts/arrows/table.txt")
	require.NoError(t, err)
	names := 0
	for line := range strings.Lines(string(table)) {
		if strings.ContainsAny(line[:1], "#= \n") {
			continue
		}
		name := strings.Fields(line)[0]
		names++
		family, _, isAdapter := strings.Cut(name, "/")
		isAdapter = isAdapter && (family == "notify" || family == "callback")
		named := strings.Contains(string(text), "`"+name+"/`") || strings.Contains(string(text), "`"+filepath.Base(name)+"/`")
		if !named && !isAdapter {
			t.Errorf("ARCHITECTURE.md does not name %s", name)
		}
	}
	require.Greater(t, names, 50)
}
