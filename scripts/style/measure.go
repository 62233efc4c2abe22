package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// The limits of the house style.
const (
	maxPackedLiterals = 5    // percent of the literals with three keyed fields or more
	maxRelativeWords  = 0.9  // per 100 words of comments
	maxNegations      = 0.6  // per 100 words of comments
	maxOneWordNames   = 50   // percent of the functions and methods
	maxFunctionLines  = 60   // beside tables
	maxFileLines      = 350  // of code, comments and blank lines
	maxColumns        = 140  // with a tab as four
	tableElements     = 8    // a literal with this many elements is a table
	packedFields      = 4    // keyed fields on one line
	tabWidth          = 4    // columns of a tab
	generatedMark     = 1024 // bytes of a file in which "Code generated" may stand
)

// A figure is one measured value with its limit.
type figure struct {
	name   string
	value  float64
	limit  float64
	places []string
}

// A measurement collects what the figures count.
type measurement struct {
	files         int
	literals      int
	functions     int
	words         int
	packed        []string
	oneWordNames  []string
	longFunctions []string
	longFiles     []string
	longLines     []string
	relativeWords []string
	negations     []string
}

// figures returns the measured values in the order of the report.
func (m *measurement) figures() []figure {
	return []figure{
		{"packed literals, % of literals", share(m.packed, m.literals), maxPackedLiterals, m.packed},
		{"what, who, which, one ... per 100 comment words", share(m.relativeWords, m.words), maxRelativeWords, m.relativeWords},
		{"none, nobody, nothing, no per 100 comment words", share(m.negations, m.words), maxNegations, m.negations},
		{"one-word function names, % of functions", share(m.oneWordNames, m.functions), maxOneWordNames, m.oneWordNames},
		{fmt.Sprintf("functions over %d lines beside tables", maxFunctionLines), float64(len(m.longFunctions)), 0, m.longFunctions},
		{fmt.Sprintf("files over %d lines", maxFileLines), float64(len(m.longFiles)), 0, m.longFiles},
		{fmt.Sprintf("lines over %d columns beside struct tags", maxColumns), float64(len(m.longLines)), 0, m.longLines},
	}
}

// share returns the number of places as a percentage of all.
func share(places []string, all int) float64 {
	return 100 * float64(len(places)) / float64(max(all, 1))
}

// addTree measures all Go files below root.
func (m *measurement) addTree(root string) error {
	return filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := entry.Name()
		if entry.IsDir() {
			if name != root && (base == "testdata" || base == "vendor" || base[0] == '.' || base[0] == '_') {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(base, ".go") || strings.HasSuffix(base, "_test.go") {
			return nil
		}
		source, err := os.ReadFile(name) //nolint:gosec // a file of the repository
		if err != nil {
			return err
		}
		return m.addFile(name, source)
	})
}

// addFile measures one file. Generated code is left out.
func (m *measurement) addFile(name string, source []byte) error {
	if bytes.Contains(source[:min(len(source), generatedMark)], []byte("Code generated")) {
		return nil
	}
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, name, source, parser.ParseComments)
	if err != nil {
		return fmt.Errorf("parse: %w", err)
	}
	m.files++
	m.addLines(name, source, tagLines(files, parsed))
	m.addComments(files, parsed)
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit:
			m.addLiteral(files, n)
		case *ast.FuncDecl:
			m.addFunction(files, n)
		}
		return true
	})
	return nil
}

// tagLines returns the lines with struct tags. A tag may hold documentation and cannot be wrapped.
func tagLines(files *token.FileSet, parsed *ast.File) map[int]bool {
	lines := map[int]bool{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		if field, isField := n.(*ast.Field); isField && field.Tag != nil {
			lines[files.Position(field.Tag.Pos()).Line] = true
		}
		return true
	})
	return lines
}

// addLines measures the length of the file and of its lines. Lines with struct tags may be longer.
func (m *measurement) addLines(name string, source []byte, tags map[int]bool) {
	lines := strings.Split(strings.TrimSuffix(string(source), "\n"), "\n")
	if len(lines) > maxFileLines {
		m.longFiles = append(m.longFiles, fmt.Sprintf("%s: %d lines", name, len(lines)))
	}
	for i, line := range lines {
		columns := utf8.RuneCountInString(line) + (tabWidth-1)*strings.Count(line, "\t")
		if columns > maxColumns && !tags[i+1] {
			m.longLines = append(m.longLines, fmt.Sprintf("%s:%d: %d columns", name, i+1, columns))
		}
	}
}

// addLiteral counts a literal with three keyed fields or more. It is packed if four of them share a line.
func (m *measurement) addLiteral(files *token.FileSet, literal *ast.CompositeLit) {
	fields := 0
	fieldsOfLine := map[int]int{}
	most := 0
	for _, element := range literal.Elts {
		if _, keyed := element.(*ast.KeyValueExpr); keyed {
			line := files.Position(element.Pos()).Line
			fields++
			fieldsOfLine[line]++
			most = max(most, fieldsOfLine[line])
		}
	}
	if fields < packedFields-1 {
		return
	}
	m.literals++
	if most >= packedFields {
		m.packed = append(m.packed, place(files, literal, fmt.Sprintf("%d fields on a line", most)))
	}
}

// place returns the position of a node with a remark.
func place(files *token.FileSet, n ast.Node, remark string) string {
	at := files.Position(n.Pos())
	return fmt.Sprintf("%s:%d: %s", at.Filename, at.Line, remark)
}
