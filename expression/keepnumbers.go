package expression

import (
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// Functions that keepNumbers inserts. An expression cannot call them: no name begins with "@".
const (
	plainFunction      = "@plain"      // a number becomes a double
	collectionFunction = "@collection" // also the numbers in a list or object
	textFunction       = "@text"       // a number becomes its text
)

// numberFunctions declares the functions that keepNumbers inserts. Their result has the type of their argument.
func numberFunctions(base types.Adapter) []cel.EnvOption {
	t := cel.TypeParamType("T")
	plain := plainAdapter{base}
	return []cel.EnvOption{
		cel.Function(plainFunction, cel.Overload("plain_value", []*cel.Type{t}, t, cel.UnaryBinding(plainValue))),
		cel.Function(collectionFunction,
			cel.Overload("plain_collection", []*cel.Type{t}, t, cel.UnaryBinding(plain.plainCollection))),
		cel.Function(textFunction,
			cel.Overload("text_value", []*cel.Type{cel.DynType}, cel.DynType, cel.UnaryBinding(textValue))),
	}
}

// passesValues has the functions that return one of their arguments or pass it on. For their arguments, and for that
// of string, numbers stay as they were written.
var passesValues = map[string]bool{
	operators.Conditional: true, operators.LogicalAnd: true, operators.LogicalOr: true, operators.LogicalNot: true,
	operators.NotStrictlyFalse: true, operators.OptIndex: true, operators.OptSelect: true,
	"string": true, "dyn": true, "size": true, "type": true,
	"of": true, "ofNonZeroValue": true, "or": true, "orValue": true, "value": true, "hasValue": true, // of optional
}

// isNamespace has the names that begin the name of a function, as in optional.of(…). They are no values.
var isNamespace = map[string]bool{"optional": true, "strings": true}

// keepNumbers changes a parsed expression so that numbers stay as they were written until a function calculates with
// them: "body.total" and "string(body.total)" result in 19.90, and "body.total * 2.0" in 39.8. CEL's functions know
// only their own types, so their arguments are converted before the call.
func keepNumbers(parsed *cel.Ast) {
	tree := parsed.NativeRep()
	k := &numberKeeper{next: ast.MaxID(tree), info: tree.SourceInfo(), factory: ast.NewExprFactory()}
	ast.PostOrderVisit(tree.Expr(), ast.NewExprVisitor(k.visit))
}

type numberKeeper struct {
	next    int64 // ID of an expression
	info    *ast.SourceInfo
	factory ast.ExprFactory
}

func (k *numberKeeper) visit(e ast.Expr) {
	if e.Kind() != ast.CallKind {
		return
	}
	call := e.AsCall()
	name := call.FunctionName()
	args := call.Args()
	if strings.HasPrefix(name, "@") && name != operators.In || passesValues[name] {
		return
	}
	convert := plainFunction
	switch name {
	case operators.Index: // its result is as written
		args = args[1:]
	case operators.Equals, operators.NotEquals, operators.In:
		convert = collectionFunction
	case "format":
		k.convertFormat(call)
		return
	}
	if call.IsMemberFunction() {
		k.convert(convert, call.Target())
	}
	for _, arg := range args {
		k.convert(convert, arg)
	}
}

// convertFormat converts the values that a text is formatted with: %s shows a number as it was written. The other
// verbs calculate.
func (k *numberKeeper) convertFormat(call ast.CallExpr) {
	convert := plainFunction
	if target := call.Target(); target.Kind() == ast.LiteralKind {
		format, _ := target.AsLiteral().Value().(string)
		if onlyTexts := strings.NewReplacer("%%", "", "%s", "").Replace(format); !strings.Contains(onlyTexts, "%") {
			convert = textFunction
		}
	}
	for _, arg := range call.Args() {
		if arg.Kind() == ast.ListKind {
			for _, item := range arg.AsList().Elements() {
				k.convert(convert, item)
			}
		}
	}
}

// convert puts a call around an expression whose value can be a number of the body.
func (k *numberKeeper) convert(function string, e ast.Expr) {
	switch e.Kind() {
	case ast.IdentKind:
		if name := e.AsIdent(); isNamespace[name] || strings.HasPrefix(name, "@") { // "@" begins the result of a loop
			return
		}
	case ast.SelectKind, ast.ComprehensionKind:
	case ast.CallKind:
		name := e.AsCall().FunctionName()
		if name != operators.Index && !passesValues[name] && name != jsonFunction {
			return // its result is not a number of the body
		}
	case ast.ListKind:
		if function == collectionFunction {
			for _, item := range e.AsList().Elements() {
				k.convert(function, item)
			}
		}
		return
	case ast.MapKind:
		if function == collectionFunction {
			for _, entry := range e.AsMap().Entries() {
				k.convert(function, entry.AsMapEntry().Value())
			}
		}
		return
	default:
		return
	}
	k.next++
	inner := k.factory.NewUnspecifiedExpr(k.next)
	inner.SetKindCase(e)
	if place, ok := k.info.GetOffsetRange(e.ID()); ok {
		k.info.SetOffsetRange(k.next, place)
	}
	e.SetKindCase(k.factory.NewCall(e.ID(), function, inner))
}
