package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/approval-relay/approval-relay/config"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
)

// guides are the documents whose commands and configurations must be true.
func guides(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pattern := range []string{"../../docs/*.md", "../../README.md", "../../deploy/*/README.md", "../../deploy/helm/approval-relay/templates/NOTES.txt"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, files, pattern)
		for _, f := range files {
			out[f] = read(t, f)
		}
	}
	return out
}

// Every command in the guides is one that the program takes, with its flags.
func TestGuidesCommands(t *testing.T) {
	t.Parallel()
	// In a block of code, behind `kubectl exec … --`, or in backticks.
	command := regexp.MustCompile("(?:^    |-- /|`)approval-relay( [^`\n]*)")
	seen := 0
	for file, text := range guides(t) {
		for line := range strings.Lines(text) {
			for _, m := range command.FindAllStringSubmatch(line, -1) {
				args := words(strings.ReplaceAll(m[1], "approve|reject", "approve"))
				require.NoError(t, understood(args), "%s: %s", file, m[0])
				seen++
			}
		}
	}
	require.Greater(t, seen, 40)
	require.Error(t, understood([]string{"keys", "revoke"}))
	require.Error(t, understood([]string{"redrive", "--all"}))
}

// understood parses a command line without running it. A sentence may name a
// command, or a group of them, without its arguments.
func understood(args []string) error {
	parser, err := kong.New(&cli{}, kong.Writers(io.Discard, io.Discard), kong.Exit(func(int) {}))
	if err != nil {
		return err
	}
	node := parser.Model.Node
	for _, a := range args {
		if node = child(node, a); node == nil {
			_, err = parser.Parse(args)
			return err
		}
	}
	return nil
}

func child(of *kong.Node, name string) *kong.Node {
	for _, c := range of.Children {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// words splits a command line, up to a comment or a pipe.
func words(line string) []string {
	line, _, _ = strings.Cut(line, " #")
	line, _, _ = strings.Cut(line, " | ")
	var out []string
	for _, w := range regexp.MustCompile(`(?:[^\s"']|"[^"]*"|'[^']*')+`).FindAllString(line, -1) {
		out = append(out, strings.NewReplacer(`"`, "", "'", "").Replace(w))
	}
	return out
}

// Every configuration in the guides is one that the program takes; those of the
// chart say so in their first line.
func TestGuidesConfigurations(t *testing.T) {
	t.Parallel()
	seen := 0
	for file, text := range guides(t) {
		if strings.HasSuffix(file, "channels.md") {
			continue // it names files, see TestChannelsPage
		}
		for _, m := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(text, -1) {
			var err error
			if strings.HasPrefix(m[1], "# chart values\n") {
				_, err = chartConfig(t, []byte(m[1]))
			} else {
				_, _, err = config.Parse(file, []byte(m[1]), guideEnv)
			}
			require.NoError(t, err, "%s:\n%s", file, m[1])
			seen++
		}
	}
	require.GreaterOrEqual(t, seen, 4)
}

// A field that the guides name is one of the configuration.
func TestGuidesFields(t *testing.T) {
	t.Parallel()
	table := configurationTables()
	field := regexp.MustCompile("`((?:operator|public|store|keys|aws|shutdown|unmatched|workflows|decisions|webhooks|channels|targets)\\.[a-zA-Z_.]+)`")
	for file, text := range guides(t) {
		if strings.HasSuffix(file, "channels.md") {
			continue // it names files, see TestChannelsPage
		}
		for _, m := range field.FindAllStringSubmatch(text, -1) {
			name := strings.Replace(m[1], "targets.stepfunctions.", "targets.NAME.", 1)
			require.Regexp(t, "(?m)^\\| `"+regexp.QuoteMeta(name)+"(\\.[^`]+)?` ", table, "%s: there is no %s", file, m[1])
		}
	}
}

// A link of a guide leads to a file, or to a folder.
func TestGuidesLinks(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
	for file, text := range guides(t) {
		if strings.HasSuffix(file, "channels.md") {
			continue // it names files, see TestChannelsPage
		}
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			_, err := os.Stat(filepath.Join(filepath.Dir(file), m[1]))
			require.NoError(t, err, file)
		}
	}
}

// guideEnv is the environment of the guides.
func guideEnv(name string) string {
	if name == "CALLBACK_SECRET" { // of Standard Webhooks
		return "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
	}
	return "a value of enough bytes"
}
