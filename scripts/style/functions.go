package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"unicode"
)

// addFunction counts a function, its name and its length.
func (m *measurement) addFunction(files *token.FileSet, function *ast.FuncDecl) {
	name := function.Name.Name
	m.functions++
	if isOneWord(name) {
		m.oneWordNames = append(m.oneWordNames, place(files, function, name))
	}
	if lines := linesOf(files, function) - tableLines(files, function); lines > maxFunctionLines {
		m.longFunctions = append(m.longFunctions, place(files, function, fmt.Sprintf("%s has %d lines", name, lines)))
	}
}

// isOneWord reports whether a name is a single word, without a capital letter behind the first letter.
func isOneWord(name string) bool {
	for i, letter := range name {
		if i > 0 && unicode.IsUpper(letter) {
			return false
		}
	}
	return true
}

// linesOf returns the number of lines that a node covers.
func linesOf(files *token.FileSet, n ast.Node) int {
	return files.Position(n.End()).Line - files.Position(n.Pos()).Line + 1
}

// tableLines returns the number of lines that the tables of a function cover. A table is a composite literal with
// many elements; a long table is easy to read, so it does not make a function long.
func tableLines(files *token.FileSet, function *ast.FuncDecl) int {
	lines := 0
	ast.Inspect(function, func(n ast.Node) bool {
		literal, isLiteral := n.(*ast.CompositeLit)
		if !isLiteral || len(literal.Elts) < tableElements {
			return true
		}
		lines += linesOf(files, literal) - 1
		return false
	})
	return lines
}
