package expression

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/interpreter"
)

// formatIssues returns the faults of an expression on a single line, each with its place as line:column.
func formatIssues(issues *cel.Issues) string {
	var out []string
	hint := ""
	for _, e := range issues.Errors() {
		message := strings.TrimSuffix(e.Message, " (in container '')")
		message, _, _ = strings.Cut(message, " expecting {") // a list of all tokens
		if strings.HasPrefix(message, "undeclared reference") {
			hint = "; an expression can name body, headers and meta, such as body.orderId"
		}
		out = append(out, fmt.Sprintf("%d:%d: %s", e.Location.Line(), e.Location.Column()+1, message))
	}
	return strings.Join(out, "; ") + hint
}

// isMissing reports whether an evaluation failed because a value does not exist. CEL has no error values to compare
// with, so the beginning of the text decides. The rest of the text may quote the body, and so contain anything.
func isMissing(err error) bool {
	text := err.Error()
	for _, prefix := range []string{
		"no such key", "no such field", "no such attribute", "index out of bounds", "optional.none() dereference",
	} {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return strings.HasPrefix(text, "no such overload") && strings.Contains(text, "null_type")
}

// safeErrorPrefixes are the beginnings of CEL's errors that name types, functions and numbers, and quote the body only
// in double quotes.
var safeErrorPrefixes = []string{
	"no such overload", "type conversion error from", "unsupported index type", "division by zero", "modulus by zero",
	"integer overflow", "unsigned integer overflow", "index out of range", "invalid RFC 3339 timestamp",
	"operation cancelled: actual cost limit exceeded", jsonErrors,
}

// safeError returns an error that may be logged and returned to senders. It cuts every part that could quote the body,
// because the body may contain a task token.
func safeError(err error, limit time.Duration) error {
	if errors.Is(err, interpreter.InterruptError{}) {
		return fmt.Errorf("takes longer than %v", limit)
	}
	text := err.Error()
	for _, prefix := range safeErrorPrefixes {
		if strings.HasPrefix(text, prefix) {
			text, _, _ = strings.Cut(text, `"`)
			return errors.New(strings.TrimSpace(text))
		}
	}
	return errors.New("cannot be evaluated")
}
