package expression

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// costLimit bounds a single evaluation, in CEL's units of cost. Kubernetes allows a million for an admission
// expression, which takes about 0.1 s (PerCallLimit,
// https://pkg.go.dev/k8s.io/apiserver/pkg/apis/cel#pkg-constants). A field is a path and a few functions, which cost
// tens.
const costLimit = 100_000

// timeLimit bounds a single evaluation of an expression with a loop (all, exists, filter, map). The cost limit is
// enough for all other expressions. It is also enough for loops, unless a step takes longer than its cost suggests,
// such as the comparison of deeply nested lists. The limit is long, because an evaluation that exceeds it is refused
// for good.
const timeLimit = time.Second

// callPrices sets the cost of a call by the size of its arguments and of its result. CEL's own cost depends on the
// overload, which is unknown for a call on body, because the type of body is unknown. Each such call would cost 1, and
// "x in body.list" in a loop would run for minutes.
type callPrices struct{}

// CallCost implements interpreter.ActualCostEstimator. A nil result means CEL's own cost.
func (callPrices) CallCost(function, _ string, args []ref.Val, result ref.Val) *uint64 {
	if function == "matches" || function == "contains" {
		return nil // these have a single overload, and CEL charges the product of their sizes
	}
	if _, list := result.(traits.Lister); list && function == operators.Add {
		// The first list is not copied: map and filter build their lists this way.
		args = args[1:]
		result = nil
	}
	switch function {
	case plainFunction, collectionFunction, textFunction:
		free := uint64(0)
		return &free
	}
	if function == jsonFunction { // a text of a megabyte may be read once
		n := 1 + sizeOf(args[0])/20
		return &n
	}
	n := sizeOf(result)
	for _, a := range args {
		n += sizeOf(a)
	}
	if function != operators.In {
		n /= 10 // as CEL does, see common.StringTraversalCostFactor
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

// hasLoop reports whether an expression contains a loop.
func hasLoop(a *cel.Ast) bool {
	found := false
	ast.PreOrderVisit(a.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		found = found || e.Kind() == ast.ComprehensionKind
	}))
	return found
}

// literalArgument has the calls with an argument that must be a literal, by the number of arguments after the text that
// they are called on:
//   - replace and join insert it any number of times: their result may be as long as the product of two texts;
//   - matches takes the product of a text and a pattern;
//   - indexOf and lastIndexOf compare it at every place of a text.
//
// callPrices sees the cost of a call only after it was made. With literals, a text of the sender cannot make it high.
var literalArgument = map[string]int{"replace": 1, "join": 0, "matches": 0, "indexOf": 0, "lastIndexOf": 0}

// checkLiterals refuses an expression in which a text of the sender is an argument that must be a literal, and a pattern
// that is not valid.
func checkLiterals(a *cel.Ast) error {
	var err error
	ast.PreOrderVisit(a.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind {
			return
		}
		call := e.AsCall()
		name, args := call.FunctionName(), call.Args()
		i, ok := literalArgument[name]
		if !call.IsMemberFunction() { // matches(text, pattern)
			i++
		}
		if !ok || i >= len(args) {
			return
		}
		if args[i].Kind() != ast.LiteralKind {
			err = fmt.Errorf("the text that %s %s must be a literal in quotes", name, literalUse(name))
			return
		}
		if pattern, isText := args[i].AsLiteral().Value().(string); name == "matches" && isText {
			if _, invalid := regexp.Compile(pattern); invalid != nil {
				err = fmt.Errorf("the pattern of matches is not valid: %w", invalid)
			}
		}
	}))
	return err
}

// literalUse returns what a call does with its literal.
func literalUse(function string) string {
	switch function {
	case "replace", "join":
		return "inserts"
	}
	return "looks for"
}

// runProgram evaluates the expression within its limits.
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
