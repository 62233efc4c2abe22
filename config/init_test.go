package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestStartingFile checks that the starting file is without faults and warnings.
func TestStartingFile(t *testing.T) {
	t.Parallel()
	text := StartingFile()
	_, warnings, err := Parse("relay.yaml", []byte(text), func(string) string { return "" })
	require.NoError(t, err)
	require.Empty(t, warnings)
	for line := range strings.Lines(text) {
		require.LessOrEqual(t, len([]rune(line)), 130, line)
	}
}

// TestStartingFileNamesEveryField checks that every field of the file is in the starting file, and that a comment that
// is turned into settings has no unknown field.
func TestStartingFileNamesEveryField(t *testing.T) {
	t.Parallel()
	w := &startingWriter{all: true}
	for _, part := range Describe() {
		w.writeField(part)
	}
	f := newFindings()
	body := parseText(f, []byte(w.text.String()))
	require.NotNil(t, body, f.list)
	d := &decoder{findings: f, variables: newVariables(f, func(string) string { return "x" })}
	c := Defaults()
	d.decodeFile(body, &c)
	require.Empty(t, f.list)
	for _, part := range Describe() {
		part.Walk(func(field *Field) {
			if !strings.Contains(field.Path, "[]") {
				require.Contains(t, w.text.String(), field.Name+":")
			}
		})
	}
	_, _, err := Parse("relay.yaml", []byte(w.text.String()), func(string) string { return "x" })
	require.Error(t, err, "examples are incomplete")
	faults, ok := errors.AsType[*Faults](err)
	require.True(t, ok)
	for _, fault := range faults.Faults {
		require.NotContains(t, fault.Message, "unknown")
	}
}
