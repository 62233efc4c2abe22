package config

import (
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/approval-relay/approval-relay/setup"
)

// variablePattern matches $${ (an escaped ${), ${NAME}, ${NAME:-default}, and $NAME.
var variablePattern = regexp.MustCompile(`\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(:-([^}]*))?\}|\$\{[^}]*\}?|\$([A-Z_][A-Z0-9_]*)`)

// unknownValue stands for the value of an unknown variable, so that the field is not reported as missing too.
const unknownValue = "unknown"

// variables replaces ${NAME} and ${NAME:-default} in the texts of a file. It runs on the syntax tree, so that a value
// cannot change the file's structure.
type variables struct {
	findings *findings
	getenv   func(string) string
	expanded map[*ast.StringNode]bool // whether all variables of the text are known
}

func newVariables(f *findings, getenv func(string) string) *variables {
	return &variables{findings: f, getenv: getenv, expanded: map[*ast.StringNode]bool{}}
}

// reportingTo returns the same variables with another list of findings.
func (v *variables) reportingTo(f *findings) *variables {
	return &variables{findings: f, getenv: v.getenv, expanded: v.expanded}
}

// expand replaces the variables in all texts of a node. It reports whether all of them are known. A text that several
// aliases name is expanded once.
func (v *variables) expand(n ast.Node, path string) bool {
	known := true
	ast.Walk(visitor(func(n ast.Node) {
		text, ok := n.(*ast.StringNode)
		if !ok {
			return
		}
		allKnown, done := v.expanded[text]
		if !done {
			text.Value, allKnown = v.expandText(text.Value, path)
			v.expanded[text] = allKnown
		}
		known = known && allKnown
	}), n)
	return known
}

// visitor visits every node. Block texts (| and >) contain a StringNode.
type visitor func(ast.Node)

// Visit implements ast.Visitor.
func (f visitor) Visit(n ast.Node) ast.Visitor {
	f(n)
	return f
}

// expandText replaces the variables in a text. It reports whether all of them are known.
func (v *variables) expandText(text, path string) (string, bool) {
	known := true
	expanded := variablePattern.ReplaceAllStringFunc(text, func(match string) string {
		value, ok := v.replace(match, path)
		known = known && ok
		return value
	})
	return expanded, known
}

func (v *variables) replace(match, path string) (string, bool) {
	parts := variablePattern.FindStringSubmatch(match)
	name, hasDefault, fallback, bare := parts[1], parts[2] != "", parts[3], parts[4]
	switch {
	case match == "$${":
		return "${", true
	case strings.Contains(fallback, "${"):
		v.findings.fault(path, "has a variable within the default of ${%s}; a default is a plain text", name)
		return match, false
	case bare != "":
		if v.getenv(bare) != "" {
			v.findings.report(path, setup.Warning, match+" stands for itself; the value of the variable is written ${"+bare+"}")
		}
		return match, true
	case name == "":
		v.findings.fault(path, "has a variable of an unknown form; the forms are ${NAME} and ${NAME:-default}, and $${ is the text ${")
		return unknownValue, false
	}
	value := v.getenv(name)
	switch {
	case value == "" && hasDefault:
		return fallback, true
	case value == "":
		v.findings.fault(path, "the environment has no variable %s, or it is empty; a default is written ${%s:-default}", name, name)
		return unknownValue, false
	}
	return strings.ReplaceAll(value, "\r", ""), true
}
