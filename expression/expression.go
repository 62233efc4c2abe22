// Package expression finds the fields of incoming messages. The configuration writes a field as CEL expressions
// (https://cel.dev) over the JSON body, the headers and the metadata of a message.
package expression

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/ext"
)

// Input has the variables of an expression: body, headers (with lower-case names) and meta.
type Input struct {
	Body    any // as DecodeJSON or package body returns it
	Headers map[string]string
	Meta    map[string]string
}

// ResolveName implements cel.Activation.
func (in Input) ResolveName(name string) (any, bool) {
	switch name {
	case "body":
		return in.Body, true
	case "headers":
		return in.Headers, true
	case "meta":
		return in.Meta, true
	}
	return nil, false
}

// Parent implements cel.Activation.
func (Input) Parent() cel.Activation { return nil }

// Field finds a single value. It tries its alternatives in order, and the first value counts. Null and the empty text
// count as missing.
type Field struct {
	alternatives []alternative
}

type alternative struct {
	source  string
	path    []string // of a plain body.a.b, which needs no CEL
	text    plainText
	program cel.Program
	hasLoop bool
	limit   time.Duration // of an expression with a loop
}

// Compiler compiles expressions. It is safe for concurrent use.
type Compiler struct {
	env *cel.Env

	mu sync.Mutex
	// compiled has every alternative by its source, and fields has every field by its alternatives. Workflows share most of
	// theirs, such as the defaults of fields, and a program takes tens of kilobytes.
	compiled map[string]alternative
	fields   map[string]*Field
}

// NewCompiler returns a Compiler.
func NewCompiler() (*Compiler, error) {
	texts := cel.MapType(cel.StringType, cel.StringType)
	env, err := cel.NewEnv(
		cel.Variable("body", cel.DynType),
		cel.Variable("headers", texts),
		cel.Variable("meta", texts),
		cel.OptionalTypes(),
		ext.Strings(),
	)
	if err != nil {
		return nil, fmt.Errorf("set CEL up: %w", err)
	}
	base := env.CELTypeAdapter()
	adapter := numberAdapter{base}
	env, err = env.Extend(append(numberFunctions(base), cel.CustomTypeAdapter(adapter), jsonTextFunction(adapter))...)
	if err != nil {
		return nil, fmt.Errorf("set the functions up: %w", err)
	}
	return &Compiler{env: env, compiled: map[string]alternative{}, fields: map[string]*Field{}}, nil
}

// Compile compiles the alternatives of a field. The error names the place of each fault. A field keeps nothing of its
// evaluations, so that equal ones are the same.
func (c *Compiler) Compile(alternatives ...string) (*Field, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := strings.Join(alternatives, "\x00")
	if f, ok := c.fields[key]; ok {
		return f, nil
	}
	f := &Field{alternatives: make([]alternative, 0, len(alternatives))}
	for _, source := range alternatives {
		a, err := c.compileAlternative(source)
		if err != nil {
			return nil, fmt.Errorf("expression %q: %w", source, err)
		}
		f.alternatives = append(f.alternatives, a)
	}
	c.fields[key] = f
	return f, nil
}

// compileAlternative compiles an expression, unless it was compiled before.
func (c *Compiler) compileAlternative(source string) (alternative, error) {
	if a, ok := c.compiled[source]; ok {
		return a, nil
	}
	a, err := c.makeAlternative(source)
	if err == nil {
		c.compiled[source] = a
	}
	return a, err
}

func (c *Compiler) makeAlternative(source string) (alternative, error) {
	ast, issues := c.env.Parse(source)
	if issues.Err() != nil {
		return alternative{}, errors.New(formatIssues(issues))
	}
	if err := checkLiterals(ast); err != nil {
		return alternative{}, err
	}
	keepNumbers(ast)
	if ast, issues = c.env.Check(ast); issues.Err() != nil {
		return alternative{}, errors.New(formatIssues(issues))
	}
	program, err := c.env.Program(ast,
		cel.CostLimit(costLimit),
		cel.CostTracking(callPrices{}),
		cel.InterruptCheckFrequency(1),
		cel.EvalOptions(cel.OptOptimize),
	)
	if err != nil {
		return alternative{}, err
	}
	return alternative{
		source:  source,
		path:    parsePlainPath(source),
		text:    parsePlainText(source),
		program: program,
		hasLoop: hasLoop(ast),
		limit:   timeLimit,
	}, nil
}

// Find returns the field's value as text, bool, int64, uint64, json.Number, a calculated float64, a list or a map of
// these, and reports whether there is a value. If an alternative fails for another reason than a missing value, the
// error names the alternative.
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

// Locate returns the expression that finds the value. If there is no value, it returns the first expression whose place
// the input has, with null or an empty text there, and empty is true. It returns "" if the input has none of the places.
func (f *Field) Locate(in Input) (source string, empty bool) {
	for _, a := range f.alternatives {
		v, err := a.evaluate(in)
		switch {
		case err != nil:
			return a.source, false
		case v != nil && v != "":
			return a.source, false
		case source == "" && a.isPresent(in, v):
			source = a.source
		}
	}
	return source, source != ""
}

// isPresent reports whether the input has the place of an expression that found no value.
func (a alternative) isPresent(in Input, v any) bool {
	if a.path == nil {
		return v != nil // null also stands for a place that is missing
	}
	parent, ok := followPath(in.Body, a.path[:len(a.path)-1]).(map[string]any)
	if !ok {
		return false
	}
	_, present := parent[a.path[len(a.path)-1]]
	return present
}

func (a alternative) evaluate(in Input) (any, error) {
	if a.path != nil {
		return followPath(in.Body, a.path), nil
	}
	if a.text.of != "" {
		return a.text.find(in), nil
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
