package config

import (
	"fmt"
	"io"
	"os"

	"github.com/approval-relay/approval-relay/setup"
)

// Load reads a configuration file: defaults, then the file, then its checks. The path "-" is the standard input, and an
// empty path is an empty file. If the file has faults, the error is *Faults with all of them. Otherwise the warnings
// are returned with the configuration.
func Load(path string, stdin io.Reader, getenv func(string) string) (*Config, []Finding, error) {
	text, err := readText(path, stdin)
	if err != nil {
		return nil, nil, fmt.Errorf("read configuration: %w", err)
	}
	return Parse(FileName(path), text, getenv)
}

// readText reads the file. It reads a byte more than the longest file, so that Parse reports a longer one.
func readText(path string, stdin io.Reader) ([]byte, error) {
	switch path {
	case "":
		return nil, nil
	case "-":
		return io.ReadAll(io.LimitReader(stdin, maxFile+1))
	}
	file, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return io.ReadAll(io.LimitReader(file, maxFile+1))
}

// FileName returns the name of a configuration file in messages.
func FileName(path string) string {
	switch path {
	case "":
		return "(none)"
	case "-":
		return "(standard input)"
	}
	return path
}

// Parse reads the text of a configuration file, YAML or JSON. The name stands for the file in errors.
func Parse(name string, text []byte, getenv func(string) string) (*Config, []Finding, error) {
	f := newFindings()
	c := Defaults()
	c.origin = f
	if body := parseText(f, text); body != nil {
		d := &decoder{findings: f, variables: newVariables(f, getenv)}
		d.decodeFile(body, &c)
	}
	c.setDefaults()
	check := setup.NewCheck("", f.reportReadable)
	c.validate(check)
	c.compile(check)
	if faults := f.of(setup.Fault); len(faults) > 0 {
		return nil, nil, &Faults{File: name, Faults: faults, Warnings: f.of(setup.Warning)}
	}
	c.warn(check)
	return &c, f.of(setup.Warning), nil
}

// isReadable reports whether the value at a path is the value of the file. A value that could not be read has its fault
// already, and checks that depend on it are skipped.
func (c *Config) isReadable(path string) bool { return c.origin == nil || c.origin.isReadable(path) }
