// Package expression finds fields in what comes in: CEL expressions
// (https://cel.dev) over the JSON body, the headers and the metadata of a
// message, as the configuration writes them.
package expression

import (
	"fmt"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/ext"
)

// Input is what an expression can name: body, headers (lower-case names) and
// meta.
type Input struct {
	Body    any // as Decode returns it
	Headers map[string]string
	Meta    map[string]string
}

// Field finds one value: its alternatives are tried in order, and the first that
// is there counts. Null and the empty string are not there.
type Field struct {
	alternatives []alternative
}

type alternative struct {
	source  string
	path    []string // of a plain body.a.b, which needs no CEL
	program cel.Program
	hasLoop bool
	limit   time.Duration // of a loop
}

// Compiler compiles expressions. It is safe for concurrent use.
type Compiler struct{ env *cel.Env }

// NewCompiler returns a compiler.
func NewCompiler() (*Compiler, error) {
	env, err := cel.NewEnv(
		cel.Variable("body", cel.DynType), cel.Variable("headers", cel.MapType(cel.StringType, cel.StringType)),
		cel.Variable("meta", cel.MapType(cel.StringType, cel.StringType)), cel.OptionalTypes(), ext.Strings(),
	)
	if err != nil {
		return nil, fmt.Errorf("set CEL up: %w", err)
	}
	return &Compiler{env}, nil
}

// Compile compiles the alternatives of a field. The error names the place.
func (c *Compiler) Compile(alternatives ...string) (*Field, error) {
	f := &Field{}
	for _, source := range alternatives {
		ast, issues := c.env.Compile(source)
		if issues.Err() != nil {
			return nil, fmt.Errorf("expression %q: %s", source, formatIssues(issues))
		}
		if err := checkInsertions(ast); err != nil {
			return nil, fmt.Errorf("expression %q: %w", source, err)
		}
		program, err := c.env.Program(ast, cel.CostLimit(costLimit), cel.CostTracking(callPrices{}), cel.InterruptCheckFrequency(1), cel.EvalOptions(cel.OptOptimize))
		if err != nil {
			return nil, fmt.Errorf("expression %q: %w", source, err)
		}
		f.alternatives = append(f.alternatives, alternative{
			source:  source,
			path:    parsePlainPath(source),
			program: program,
			hasLoop: hasLoop(ast),
			limit:   timeLimit,
		})
	}
	return f, nil
}

// formatIssues says what is wrong with an expression on one line, with the place of
// each fault as line:column of the expression.
func formatIssues(issues *cel.Issues) string {
	var out []string
	for _, e := range issues.Errors() {
		out = append(out, fmt.Sprintf("%d:%d: %s", e.Location.Line(), e.Location.Column()+1, e.Message))
	}
	return strings.Join(out, "; ")
}

// parsePlainPath returns the names of body.a.b, or nil if the expression is anything
// else. Most fields are such paths, and a path that leads nowhere is an error in
// CEL, which costs microseconds to make.
func parsePlainPath(source string) []string {
	names := strings.Split(source, ".")
	if len(names) < 2 || names[0] != "body" {
		return nil
	}
	for _, n := range names[1:] {
		if n == "" || strings.Trim(n, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" || (n[0] >= '0' && n[0] <= '9') {
			return nil
		}
	}
	return names[1:]
}

// Find returns the field's value as text, bool, int64, uint64, float64, a list or
// a map of these, and whether it is there. Where an alternative fails for another
// reason than that something is missing, the error names it.
func (f *Field) Find(in Input) (any, bool, error) {
	for _, a := range f.alternatives {
		v, err := a.evaluate(in)
		if err != nil {
			return nil, false, fmt.Errorf("expression %q: %w", a.source, err)
		}
		if v != nil && v != "" {
			return v, true, nil
		}
	}
	return nil, false, nil
}

func (a alternative) evaluate(in Input) (any, error) {
	if a.path != nil {
		return followPath(in.Body, a.path), nil
	}
	out, err := a.runProgram(in)
	if err != nil {
		if isMissing(err) {
			return nil, nil
		}
		return nil, safeError(err, a.limit)
	}
	return toNative(out)
}

// followPath follows a path. What leads nowhere is nil.
func followPath(v any, path []string) any {
	for _, name := range path {
		object, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = object[name]
	}
	return v
}
