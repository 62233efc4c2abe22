package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
)

// readGuides returns the documents whose commands must be correct.
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
			out[f] = read(t, f)
		}
	}
	return out
}

// continuedLine matches the end of a line of a shell that goes on in the next line.
var continuedLine = regexp.MustCompile(`\\\n\s*`)

// TestGuidesCommands parses every command line in the guides with the program's own parser.
func TestGuidesCommands(t *testing.T) {
	t.Parallel()
	// A command is in a block of code, after `kubectl exec … --`, or in backticks.
	command := regexp.MustCompile("(?:^    |^    bin/|-- /|`)approval-relay( [^`\n]*)")
	seen := 0
	for file, text := range readGuides(t) {
		for line := range strings.Lines(continuedLine.ReplaceAllString(text, " ")) {
			for _, m := range command.FindAllStringSubmatch(line, -1) {
				args := splitWords(strings.ReplaceAll(m[1], "approve|reject", "approve"))
				require.NoError(t, parseCommand(args), "%s: %s", file, m[0])
				seen++
			}
		}
	}
	require.Greater(t, seen, 40)
	require.Error(t, parseCommand([]string{"keys", "revoke"}))
	require.Error(t, parseCommand([]string{"redrive", "--everything"}))
}

// parseCommand parses a command line without running it. A sentence may name a
// command or a group of commands without its arguments.
func parseCommand(args []string) error {
	w := &world{getenv: func(string) string { return "" }}
	parser, err := kong.New(&cli{}, kong.Bind(w), kong.Writers(io.Discard, io.Discard), kong.Exit(func(int) {}))
	if err != nil {
		return err
	}
	node := parser.Model.Node
	for _, a := range args {
		if node = childNamed(node, a); node == nil {
			_, err = parser.Parse(args)
			return err
		}
	}
	return nil
}

func childNamed(of *kong.Node, name string) *kong.Node {
	for _, c := range of.Children {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// splitWords splits a command line, up to a comment, a pipe or a redirection.
func splitWords(line string) []string {
	line, _, _ = strings.Cut(line, " #")
	line, _, _ = strings.Cut(line, " | ")
	line, _, _ = strings.Cut(line, " > ")
	var out []string
	for _, w := range regexp.MustCompile(`(?:[^\s"']|"[^"]*"|'[^']*')+`).FindAllString(line, -1) {
		out = append(out, strings.NewReplacer(`"`, "", "'", "").Replace(w))
	}
	return out
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(b)
}
