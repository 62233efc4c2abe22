package main

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Fault is one thing that is wrong with a configuration file.
type Fault struct {
	Line  int    // in the file; 0 where it is not in it
	Field string // dotted path
	What  string
}

// String returns "line N: field: what".
func (f Fault) String() string {
	if f.Line == 0 {
		return fmt.Sprintf("%s: %s", f.Field, f.What)
	}
	return fmt.Sprintf("line %d: %s: %s", f.Line, f.Field, f.What)
}

// Faults are all that is wrong with a configuration file.
type Faults struct {
	File   string
	Faults []Fault
}

// Error lists the faults, one a line.
func (f *Faults) Error() string {
	lines := make([]string, 0, len(f.Faults)+1)
	lines = append(lines, fmt.Sprintf("configuration %s has %d fault(s):", f.File, len(f.Faults)))
	for _, fault := range f.Faults {
		lines = append(lines, "  "+fault.String())
	}
	return strings.Join(lines, "\n")
}

// Load reads a configuration file: defaults, then the file, then validation.
// All faults are reported at once, as *Faults. An empty path is an empty file.
func Load(path string, getenv func(string) string) (*Config, error) {
	if path == "" {
		return parse("(none)", nil, getenv)
	}
	text, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return parse(path, text, getenv)
}

func parse(name string, text []byte, getenv func(string) string) (*Config, error) {
	c := Defaults()
	l := loading{lines: map[string]int{}}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, &Faults{name, []Fault{{Field: "(file)", What: yaml.FormatError(err, false, true)}}}
	}
	if len(file.Docs) > 1 {
		l.fault("(file)", "has more than one document")
	} else if len(file.Docs) == 1 && file.Docs[0].Body != nil {
		body := file.Docs[0].Body
		ast.Walk(&expander{getenv: getenv, loading: &l}, body)
		l.unknown(body, reflect.TypeFor[Config](), "")
		if len(l.faults) == 0 {
			if err := yaml.NodeToValue(body, &c); err != nil {
				l.faults = append(l.faults, decodeFault(err))
			}
		}
	}
	if len(l.faults) == 0 {
		c.fill()
		c.validate(&l)
	}
	if len(l.faults) > 0 {
		slices.SortStableFunc(l.faults, func(a, b Fault) int { return a.Line - b.Line })
		return nil, &Faults{name, l.faults}
	}
	return &c, nil
}

func decodeFault(err error) Fault {
	f := Fault{Field: "(value)", What: err.Error()}
	var y yaml.Error
	if errors.As(err, &y) {
		f.What = y.GetMessage()
		if t := y.GetToken(); t != nil && t.Position != nil {
			f.Line = t.Position.Line
		}
	}
	return f
}

// loading collects the faults of one file.
type loading struct {
	lines  map[string]int // by dotted path
	faults []Fault
}

// fault notes what is wrong with a field. Its line is that of the nearest part
// of the path that is in the file.
func (l *loading) fault(field, format string, args ...any) {
	line, path := 0, field
	for path != "" && line == 0 {
		line = l.lines[path]
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	l.faults = append(l.faults, Fault{Line: line, Field: field, What: fmt.Sprintf(format, args...)})
}

// unknown walks the file beside the type it is for: it notes the line of every
// field, and every field that the type has not.
func (l *loading) unknown(n ast.Node, t reflect.Type, path string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		for _, v := range n.Values {
			l.unknown(v, t, path)
		}
	case *ast.MappingValueNode:
		name := n.Key.String()
		at := strings.TrimPrefix(path+"."+name, ".")
		l.lines[at] = n.Key.GetToken().Position.Line
		switch {
		case t.Kind() == reflect.Map:
			l.unknown(n.Value, t.Elem(), at)
		case t.Kind() == reflect.Struct && !custom(t):
			field, ok := fieldNamed(t, name)
			if !ok {
				l.fault(at, "unknown field")
				return
			}
			l.unknown(n.Value, field.Type, at)
		}
	case *ast.SequenceNode:
		for i, v := range n.Values {
			at := fmt.Sprintf("%s[%d]", path, i)
			l.lines[at] = v.GetToken().Position.Line
			if t.Kind() == reflect.Slice {
				l.unknown(v, t.Elem(), at)
			}
		}
	}
}

// custom says whether a type reads its own YAML.
func custom(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[yaml.InterfaceUnmarshaler]())
}

func fieldNamed(t reflect.Type, name string) (reflect.StructField, bool) {
	for i := range t.NumField() {
		if f := t.Field(i); f.Tag.Get("yaml") == name {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

// expander replaces ${VARIABLE} in the texts of a file, after it was parsed, so
// that a value cannot change the file's structure.
type expander struct {
	getenv  func(string) string
	loading *loading
}

var variable = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// Visit implements ast.Visitor.
func (e *expander) Visit(n ast.Node) ast.Visitor {
	text, ok := n.(*ast.StringNode)
	if !ok {
		return e
	}
	text.Value = variable.ReplaceAllStringFunc(text.Value, func(m string) string {
		name := m[2 : len(m)-1]
		value := e.getenv(name)
		if value == "" {
			e.loading.faults = append(e.loading.faults, Fault{
				Line: text.GetToken().Position.Line, Field: m, What: "the environment has no such variable, or it is empty",
			})
		}
		return value
	})
	return e
}
