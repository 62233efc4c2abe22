package config

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"reflect"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/approval-relay/approval-relay/setup"
)

// Load reads a configuration file: defaults, then the file, then its checks. The path "-" is the standard input, and an
// empty path is an empty file. If the file has faults, the error is *Faults with all of them. Otherwise the warnings are
// returned with the configuration.
func Load(path string, stdin io.Reader, getenv func(string) string) (*Config, []Finding, error) {
	switch path {
	case "":
		return Parse("(none)", nil, getenv)
	case "-":
		text, err := io.ReadAll(stdin)
		if err != nil {
			return nil, nil, fmt.Errorf("read configuration: %w", err)
		}
		return Parse("(standard input)", text, getenv)
	}
	text, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, nil, fmt.Errorf("read configuration: %w", err)
	}
	return Parse(path, text, getenv)
}

// maxFile is the longest configuration, in bytes. A Kubernetes ConfigMap holds 1 MiB.
const maxFile = 4 << 20

// Parse reads the text of a configuration file, YAML or JSON. The name stands for the file in errors.
func Parse(name string, text []byte, getenv func(string) string) (*Config, []Finding, error) {
	f := &findings{lines: map[string]int{}}
	c := Defaults()
	d := &decoder{findings: f}
	if body := parseText(f, text); body != nil {
		expandVariables(f, body, getenv)
		d.decodeFile(body, reflect.ValueOf(&c).Elem())
	}
	c.setDefaults()
	report := f.reportUnlessKnown(d.unreadable)
	c.validate(setup.NewCheck("", report))
	c.compile(setup.NewCheck("", report))
	if faults := f.of(setup.Fault); len(faults) > 0 {
		return nil, nil, &Faults{File: name, Faults: faults, Warnings: f.of(setup.Warning)}
	}
	c.warn(setup.NewCheck("", report))
	return &c, f.of(setup.Warning), nil
}

// parseText returns the syntax tree of the file, or nil if it is empty or has a fault.
func parseText(f *findings, text []byte) ast.Node {
	if len(text) > maxFile {
		f.fault("(file)", "is longer than %d bytes", maxFile)
		return nil
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // some editors begin a file with a byte order mark
	file, err := parser.ParseBytes(jsonAsYAML(text), 0)
	switch {
	case err != nil:
		f.list = append(f.list, syntaxFault(err))
		return nil
	case len(file.Docs) > 1:
		f.fault("(file)", "has more than one document")
		return nil
	case len(file.Docs) == 0 || file.Docs[0].Body == nil:
		return nil
	}
	body, err := resolveAliases(file.Docs[0].Body)
	if err != nil {
		f.fault("(file)", "%s", err)
		return nil
	}
	return body
}
