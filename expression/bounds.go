package expression

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// costLimit bounds one evaluation, in CEL's units of cost. Kubernetes gives an
// admission expression a million for a call, which is about 0.1 s (PerCallLimit,
// https://pkg.go.dev/k8s.io/apiserver/pkg/apis/cel#pkg-constants); a field is a
// path and a few functions, which cost tens.
const costLimit = 100_000

// timeLimit bounds one evaluation that has a loop in it (all, exists, filter,
// map). The cost limit ends all others, and these too unless one step is dearer
// than its price: comparing deeply nested lists is. It is long, because an
// evaluation that it ends is refused for good.
const timeLimit = time.Second

// callPrices says what a call costs by what it reads and makes. CEL's own prices go
// by overload, which is not known of a call on body, whose type is not known;
// each would cost 1, and "x in body.list" in a loop runs for minutes.
type callPrices struct{}

// CallCost implements interpreter.ActualCostEstimator. A nil answer is CEL's own
// price.
func (callPrices) CallCost(function, _ string, args []ref.Val, result ref.Val) *uint64 {
	if function == "matches" || function == "contains" {
		return nil // of the product of their sizes; these have one overload
	}
	if _, list := result.(traits.Lister); list && function == operators.Add {
		args, result = args[1:], nil // the first is not copied: map and filter build their lists so
	}
	n := sizeOf(result)
	for _, a := range args {
		n += sizeOf(a)
	}
	if function != operators.In {
		n /= 10 // as CEL does, common.StringTraversalCostFactor
	}
	n++
	return &n
}

func sizeOf(v ref.Val) uint64 {
	if s, ok := v.(traits.Sizer); ok {
		if n, ok := s.Size().(types.Int); ok && n > 0 {
			return uint64(n)
		}
	}
	return 0
}

// hasLoop says whether an expression has a loop in it.
func hasLoop(a *cel.Ast) bool {
	found := false
	ast.PreOrderVisit(a.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		found = found || e.Kind() == ast.ComprehensionKind
	}))
	return found
}

// insertedArgument are the calls that put one of their arguments, of that index, in as often
// as they like: what they make may be as long as the product of two texts, and
// prices sees it when it is made.
var insertedArgument = map[string]int{"replace": 1, "join": 0}

// checkInsertions refuses an expression that could make a body of a megabyte into a text
// of a terabyte: what a call inserts must be written out.
func checkInsertions(a *cel.Ast) error {
	var err error
	ast.PreOrderVisit(a.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind {
			return
		}
		name := e.AsCall().FunctionName()
		i, ok := insertedArgument[name]
		if args := e.AsCall().Args(); ok && i < len(args) && args[i].Kind() != ast.LiteralKind {
			err = fmt.Errorf("what %s inserts must be written out, as a text in quotes", name)
		}
	}))
	return err
}

// ResolveName implements cel.Activation: what an expression can name.
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

// runProgram runs the expression within its bounds.
func (a alternative) runProgram(in Input) (ref.Val, error) {
	if !a.hasLoop {
		out, _, err := a.program.Eval(in)
		return out, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), a.limit)
	defer cancel()
	out, _, err := a.program.ContextEval(ctx, in)
	return out, err
}

// isMissing says whether an evaluation failed because something is not there. CEL
// has no errors to compare with, so it goes by how the text begins: what follows
// may quote the body, which could say anything.
func isMissing(err error) bool {
	text := err.Error()
	for _, begin := range []string{"no such key", "no such field", "no such attribute", "index out of bounds", "optional.none() dereference"} {
		if strings.HasPrefix(text, begin) {
			return true
		}
	}
	return strings.HasPrefix(text, "no such overload") && strings.Contains(text, "null_type")
}

// safeErrorPrefixes are how those of CEL's errors begin that name types, functions and
// numbers, and quote the body only in double quotes.
var safeErrorPrefixes = []string{
	"no such overload", "type conversion error from", "unsupported index type", "division by zero", "modulus by zero",
	"integer overflow", "unsigned integer overflow", "index out of range", "invalid RFC 3339 timestamp",
	"operation cancelled: actual cost limit exceeded",
}

// safeError returns an error that may be shown: what could quote the body, in which
// there may be a task token, is cut.
func safeError(err error, limit time.Duration) error {
	if errors.Is(err, interpreter.InterruptError{}) {
		return fmt.Errorf("takes longer than %v", limit)
	}
	text := err.Error()
	for _, begin := range safeErrorPrefixes {
		if strings.HasPrefix(text, begin) {
			text, _, _ = strings.Cut(text, `"`)
			return errors.New(strings.TrimSpace(text))
		}
	}
	return errors.New("cannot be evaluated")
}
