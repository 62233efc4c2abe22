package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	quotedTest  = regexp.MustCompile("`(Test[A-Z]\\w*)`")
	declareTest = regexp.MustCompile(`(?m)^func (Test[A-Z]\w*)\(`)
)

// TestNamedTestsExist checks that the tests which ARCHITECTURE.md and the other pages name as the proof of a rule exist.
func TestNamedTestsExist(t *testing.T) {
	t.Parallel()
	exist := declaredTests(t)
	named := 0
	for file, text := range papers(t) {
		for _, m := range quotedTest.FindAllStringSubmatch(text, -1) {
			named++
			if !exist[m[1]] {
				t.Errorf("%s names %s, which does not exist", file, m[1])
			}
		}
	}
	require.Greater(t, named, 60)
}

// declaredTests returns the names of all tests of the repository.
func declaredTests(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	require.NoError(t, filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(path, ".go") { // some suites are in packages of their own
			return nil
		}
		text, err := os.ReadFile(path)
		for _, m := range declareTest.FindAllStringSubmatch(string(text), -1) {
			names[m[1]] = true
		}
		return err
	}))
	return names
}
