package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

// papers are all Markdown files of the repository's first level, of docs/ and of examples/, with their text.
func papers(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pattern := range []string{
		"../../*.md", "../../docs/*.md", "../../examples/*.md", "../../examples/*/*.md", "../../deploy/*/README.md",
	} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, files, pattern)
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			out[file] = string(text)
		}
	}
	return out
}

var linkTarget = regexp.MustCompile(`\]\(([^)#:\s]*)(?:#([^)\s]*))?\)`)

// TestLinksResolve follows every link between the documents, to its heading.
func TestLinksResolve(t *testing.T) {
	t.Parallel()
	fragments := 0
	for file, text := range papers(t) {
		for _, m := range linkTarget.FindAllStringSubmatch(withoutCode(text), -1) {
			target, fragment := file, m[2]
			if m[1] != "" {
				target = filepath.Join(filepath.Dir(file), m[1])
			}
			_, err := os.Stat(target)
			require.NoError(t, err, file)
			if fragment == "" || !strings.HasSuffix(target, ".md") {
				continue
			}
			fragments++
			if !slices.Contains(anchors(t, target), fragment) {
				t.Errorf("%s: %s has no heading #%s", file, target, fragment)
			}
		}
	}
	require.Greater(t, fragments, 30)
}

// TestIndexListsEveryDocument checks that docs/README.md links to every document in docs/.
func TestIndexListsEveryDocument(t *testing.T) {
	t.Parallel()
	index, err := os.ReadFile("../../docs/README.md")
	require.NoError(t, err)
	files, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	require.Greater(t, len(files), 10)
	for _, file := range files {
		if name := filepath.Base(file); name != "README.md" && !strings.Contains(string(index), "]("+name) {
			t.Errorf("docs/README.md does not link to %s", name)
		}
	}
}

// withoutCode removes blocks and spans of code.
func withoutCode(text string) string {
	text = regexp.MustCompile("(?ms)^```.*?^```").ReplaceAllString(text, "")
	return regexp.MustCompile("`[^`\n]*`").ReplaceAllString(text, "code")
}

// anchors returns the anchors of the headings in a document, as GitHub makes them.
func anchors(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?ms)^```.*?^```")
	var out []string
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(blocks.ReplaceAllString(string(text), ""), -1) {
		anchor := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, strings.ReplaceAll(m[1], "`", ""))
		out = append(out, anchor)
	}
	return out
}

// TestGuidesContents checks that the contents at the top of the long guides link to every section, so that a reader finds
// a symptom or a sender at once.
func TestGuidesContents(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"../../docs/troubleshooting.md", "../../docs/webhooks.md", "../../docs/requests.md"} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		contents, _, found := strings.Cut(string(text), "\n## ")
		require.True(t, found)
		sections := anchors(t, file)[1:] // without the title
		require.Greater(t, len(sections), 5, file)
		for _, section := range sections {
			require.Contains(t, contents, "](#"+section+")", file)
		}
	}
}
