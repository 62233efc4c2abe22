package main

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

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
	lines = append(lines, strings.Join(strings.Fields(fmt.Sprintf("configuration %s has %d fault(s):", f.File, len(f.Faults))), " "))
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
		return nil, &Faults{name, []Fault{notYAML(err)}}
	}
	if len(file.Docs) > 1 {
		l.fault("(file)", "has more than one document")
	} else if len(file.Docs) == 1 && file.Docs[0].Body != nil {
		body := file.Docs[0].Body
		ast.Walk(&expander{getenv: getenv, loading: &l}, body)
		l.compare(body, reflect.TypeFor[Config](), "")
		if len(l.faults) == 0 {
			if err := yaml.NodeToValue(body, &c); err != nil { // what compare did not see
				l.faults = append(l.faults, notYAML(err))
			}
		}
	}
	if len(l.faults) == 0 {
		c.fill()
		c.validate(&l)
		c.compile(&l)
	}
	if len(l.faults) > 0 {
		slices.SortStableFunc(l.faults, func(a, b Fault) int { return a.Line - b.Line })
		return nil, &Faults{name, l.faults}
	}
	return &c, nil
}

// notYAML is the fault of a text that is no YAML: without the excerpt that the
// library shows, which may have a secret in it.
func notYAML(err error) Fault {
	f := Fault{Field: "(file)", What: "is no YAML"}
	if y, ok := errors.AsType[yaml.Error](err); ok {
		f.What += ": " + unquoted(y)
		if t := y.GetToken(); t != nil && t.Position != nil {
			f.Line = t.Position.Line
		}
	}
	return f
}

// unquoted returns what an error says of the YAML without what it quotes of it,
// unless that is a name.
func unquoted(err yaml.Error) string {
	text := err.GetMessage()
	if strings.HasPrefix(text, "mapping key ") {
		return text
	}
	text, _, _ = strings.Cut(text, `"`)
	return strings.TrimRight(text, ": ")
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

// has says whether a fault of the field, or of a part of it, is known.
func (l *loading) has(field string) bool {
	return slices.ContainsFunc(l.faults, func(f Fault) bool {
		rest, within := strings.CutPrefix(f.Field, field)
		return within && (rest == "" || rest[0] == '.')
	})
}

// wrong notes an error about a field, or the faults that it consists of.
func (l *loading) wrong(field string, err error) {
	var several *Faults
	joined, isJoined := err.(interface{ Unwrap() []error }) // what errors.Join made, not what it wraps
	switch {
	case isJoined:
		for _, e := range joined.Unwrap() {
			l.wrong(field, e)
		}
	case errors.As(err, &several):
		for _, f := range several.Faults {
			l.fault(f.Field, "%s", f.What)
		}
	case err != nil:
		l.fault(field, "%s", err)
	}
}

// compare walks the file beside the type it is for: it notes the line of every
// field, every field that the type has not, and every value that does not fit.
func (l *loading) compare(n ast.Node, t reflect.Type, path string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	values, isMapping := mapping(n)
	list, isList := n.(*ast.SequenceNode)
	switch {
	case n.Type() == ast.NullType: // the default
	case custom(t):
		l.value(n, t, path)
	case isMapping && (t.Kind() == reflect.Struct || t.Kind() == reflect.Map):
		for _, v := range values {
			l.entry(v, t, path)
		}
	case isList && t.Kind() == reflect.Slice:
		for i, v := range list.Values {
			at := fmt.Sprintf("%s[%d]", path, i)
			l.lines[at] = v.GetToken().Position.Line
			l.compare(v, t.Elem(), at)
		}
	default:
		l.value(n, t, path)
	}
}

func mapping(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

// entry compares one entry of a mapping.
func (l *loading) entry(v *ast.MappingValueNode, t reflect.Type, path string) {
	name := v.Key.String()
	at := strings.TrimPrefix(path+"."+name, ".")
	l.lines[at] = v.Key.GetToken().Position.Line
	if t.Kind() == reflect.Map {
		l.compare(v.Value, t.Elem(), at)
		return
	}
	if field, ok := fieldNamed(t, name); ok {
		l.compare(v.Value, field.Type, at)
	} else {
		l.fault(at, "unknown field")
	}
}

// value notes a value that its type cannot hold. It is not in the fault's text:
// it may be a secret.
func (l *loading) value(n ast.Node, t reflect.Type, path string) {
	err := yaml.NodeToValue(n, reflect.New(t).Interface())
	if err == nil {
		return
	}
	what := "is no " + kind(t)
	if custom(t) {
		what = err.Error()
		if y, ok := errors.AsType[yaml.Error](err); ok {
			what = unquoted(y)
		}
	}
	l.fault(path, "%s", what)
}

// kind names what a value must be, for people.
func kind(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "duration, such as 90s or 24h"
	case t == reflect.TypeFor[time.Time]():
		return "time, such as 2026-12-24 or 2026-12-24T18:00:00+01:00"
	case t.Kind() == reflect.Slice:
		return "list"
	case t.Kind() == reflect.Struct || t.Kind() == reflect.Map:
		return "mapping of fields"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.String:
		return "text"
	}
	return "number"
}

// custom says whether a type is read from YAML as one value, not field by field.
func custom(t reflect.Type) bool {
	return t == reflect.TypeFor[time.Time]() || reflect.PointerTo(t).Implements(reflect.TypeFor[yaml.InterfaceUnmarshaler]())
}

func fieldNamed(t reflect.Type, name string) (reflect.StructField, bool) {
	for f := range t.Fields() {
		if f.Tag.Get("yaml") == name {
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
