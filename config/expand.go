package config

import (
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/approval-relay/approval-relay/setup"
)

// variable matches $${…} (an escaped ${…}), ${NAME}, ${NAME:-default}, and $NAME.
var variable = regexp.MustCompile(`\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(:-([^}]*))?\}|\$([A-Z_][A-Z0-9_]*)`)

// expandVariables replaces ${NAME} and ${NAME:-default} in the texts of a file. It runs on the syntax tree, so that a
// value cannot change the file's structure.
func expandVariables(f *findings, body ast.Node, getenv func(string) string) {
	ast.Walk(&expander{findings: f, getenv: getenv}, body)
}

type expander struct {
	findings *findings
	getenv   func(string) string
	seen     map[*ast.StringNode]bool
}

// Visit implements ast.Visitor. Block texts (| and >) are expanded too: their nodes hold a StringNode.
func (e *expander) Visit(n ast.Node) ast.Visitor {
	text, ok := n.(*ast.StringNode)
	if !ok || e.seen[text] {
		return e
	}
	if e.seen == nil {
		e.seen = map[*ast.StringNode]bool{}
	}
	e.seen[text] = true // a node stands at several places if an alias names it
	line := text.GetToken().Position.Line
	text.Value = variable.ReplaceAllStringFunc(text.Value, func(match string) string {
		return e.replace(match, line)
	})
	return e
}

func (e *expander) replace(match string, line int) string {
	parts := variable.FindStringSubmatch(match)
	name, hasDefault, fallback, bare := parts[1], parts[2] != "", parts[3], parts[4]
	switch {
	case match == "$${":
		return "${"
	case bare != "":
		if e.getenv(bare) != "" {
			e.add(line, match, setup.Warning, "stands for itself; the value of the variable is written ${"+bare+"}")
		}
		return match
	}
	value := e.getenv(name)
	switch {
	case value == "" && hasDefault:
		return fallback
	case value == "":
		e.add(line, "${"+name+"}", setup.Fault, "the environment has no such variable, or it is empty; a default is written ${"+name+":-default}")
	}
	return strings.ReplaceAll(value, "\r", "")
}

func (e *expander) add(line int, field string, severity setup.Severity, message string) {
	e.findings.list = append(e.findings.list, Finding{
		Line:     line,
		Field:    field,
		Message:  message,
		Severity: severity,
	})
}
