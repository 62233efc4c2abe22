package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
)

var updateReference = flag.Bool("update", false, "write the reference in docs/cli.md")

// TestCommandReference compares the reference in docs/cli.md with the command line. With -update it writes the reference.
func TestCommandReference(t *testing.T) {
	t.Parallel()
	const path, begin, end = "../../docs/cli.md", "<!-- commands: made by the tests -->\n", "<!-- end of commands -->"
	parser, err := kong.New(&cli{}, kong.Name("approval-relay"))
	require.NoError(t, err)
	var reference strings.Builder
	for _, leaf := range parser.Model.Leaves(true) {
		describeCommand(&reference, leaf)
	}
	before, rest, found := strings.Cut(read(t, path), begin)
	require.True(t, found, "the mark %s", begin)
	have, after, found := strings.Cut(rest, end)
	require.True(t, found, "the mark %s", end)
	if *updateReference {
		require.NoError(t, os.WriteFile(path, []byte(before+begin+reference.String()+end+after), 0o600))
		return
	}
	require.Equal(t, reference.String(), have, "make generate writes the reference in docs/cli.md")
}

// describeCommand writes the section of a command: its arguments and flags in a table.
func describeCommand(out *strings.Builder, command *kong.Node) {
	fmt.Fprintf(out, "\n### %s\n\n%s\n", command.FullPath(), command.Help)
	var rows strings.Builder
	connects := false
	for _, argument := range command.Positional {
		fmt.Fprintf(&rows, "| `%s` | %s | %s |\n", argument.Summary(), code(argument.Default), argument.Help)
	}
	for _, f := range command.Flags {
		switch {
		case f.Name == "help":
		case isConnectionFlag(f.Name) && command.Name != "health":
			connects = true
		default:
			help := f.Help
			if len(f.Envs) > 0 {
				help = strings.TrimSuffix(help, ".") + " (`$" + f.Envs[0] + "`)."
			}
			name := code("--" + f.Name)
			if f.Short != 0 {
				name += ", " + code("-"+string(f.Short))
			}
			fmt.Fprintf(&rows, "| %s | %s | %s |\n", name, code(f.Default), help)
		}
	}
	if connects {
		rows.WriteString("| `--url`, `--token`, `--token-file`, `--json` | | See [above](#connection-to-a-worker). |\n")
	}
	if rows.Len() > 0 {
		fmt.Fprintf(out, "\n| argument or flag | default | description |\n|---|---|---|\n%s", rows.String())
	}
}

func isConnectionFlag(name string) bool {
	return name == "url" || name == "token" || name == "token-file" || name == "json"
}

// code formats a default value. An empty value stays empty.
func code(value string) string {
	if value == "" {
		return ""
	}
	return "`" + value + "`"
}
