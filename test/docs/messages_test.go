package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestGuidesMessages checks that the messages that the guides quote are texts of the program: log lines, and the first
// columns of the tables of messages, faults, reasons and headings. In the guide of symptoms it checks every code span of
// four words or more, except for commands.
func TestGuidesMessages(t *testing.T) {
	t.Parallel()
	program := readProgram(t)
	seen := 0
	for file, text := range readGuides(t) {
		messages := quotedMessages(text)
		if filepath.Base(file) == "troubleshooting.md" {
			messages = append(messages, longSpans(text)...)
		}
		for _, message := range messages {
			for piece := range strings.SplitSeq(message, "…") {
				if n := countParts(program, piece); n > 3 {
					t.Errorf("%s: the program has no text %q: it has %d parts of it", file, piece, n)
				}
			}
			seen++
		}
	}
	require.Greater(t, seen, 80)
}

// countParts returns the number of parts in which the program has a message. A message that is whole in the program has
// one part; a message with a value that the program inserts, such as the name of a header, has two or three.
func countParts(program, message string) int {
	words := strings.Fields(message)
	parts := 0
	for len(words) > 0 {
		n := 1
		for n < len(words) && strings.Contains(program, strings.Join(words[:n+1], " ")) {
			n++
		}
		words = words[n:]
		parts++
	}
	return parts
}

func TestCountParts(t *testing.T) {
	t.Parallel()
	program := `refuse("the header %s names no type that is taken", contentType)`
	require.Equal(t, 1, countParts(program, "names no type that is taken"))
	require.Equal(t, 3, countParts(program, "the header Content-Type names no type that is taken"))
	require.Greater(t, countParts(program, "the header Content-Type has no kind that is known"), 3)
}

var (
	logLine  = regexp.MustCompile("log\\s+line\\s+`([^`]+)`")
	codeSpan = regexp.MustCompile("`([^`]+)`")
)

// quotedMessages returns the messages that a guide quotes.
func quotedMessages(text string) []string {
	var messages []string
	for _, m := range logLine.FindAllStringSubmatch(text, -1) {
		messages = append(messages, m[1])
	}
	column := "" // the heading of the first column of the table
	for line := range strings.Lines(text) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 {
			column = ""
			continue
		}
		first := strings.TrimSpace(cells[1])
		switch {
		case strings.HasPrefix(first, "---"):
		case column == "":
			column = first
		case column == "heading":
			messages = append(messages, first)
		case column == "message" || column == "fault" || column == "reason":
			for _, span := range codeSpan.FindAllStringSubmatch(first, -1) {
				messages = append(messages, span[1])
			}
		}
	}
	return messages
}

// longSpans returns the code spans with four words or more that are not commands.
func longSpans(text string) []string {
	var spans []string
	for _, span := range codeSpan.FindAllStringSubmatch(text, -1) {
		words := strings.Fields(span[1])
		if len(words) >= 4 && !slices.Contains([]string{"approval-relay", "aws", "curl"}, words[0]) {
			spans = append(spans, span[1])
		}
	}
	return spans
}

// readProgram returns the text of all source files of the program.
func readProgram(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	root := os.DirFS("../..")
	err := fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		isCode := filepath.Ext(path) == ".go" && !strings.HasSuffix(path, "_test.go")
		if err != nil || entry.IsDir() || !isCode && path != "language/texts/en.json" {
			return err
		}
		b, err := fs.ReadFile(root, path)
		text.Write(b)
		return err
	})
	require.NoError(t, err)
	return joined.ReplaceAllString(text.String(), "")
}

// joined is the place at which a long text of the program is continued in the next line.
var joined = regexp.MustCompile(`" \+\n\s*"`)
