package main

import (
	_ "embed"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

//go:embed times.txt
var timesText string

// parseTimes returns how often each file may ask the clock of the machine.
func parseTimes(text string) (map[string]int, error) {
	allowed := map[string]int{}
	for i, line := range strings.Split(text, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		words := strings.Fields(line)
		if len(words) < 3 {
			return nil, fmt.Errorf("line %d: a file, a number and a reason are needed", i+1)
		}
		n, err := strconv.Atoi(words[1])
		if err != nil || n < 1 {
			return nil, fmt.Errorf("line %d: %q is not a number of places", i+1, words[1])
		}
		allowed[words[0]] = n
	}
	return allowed, nil
}

// checkTimes returns the files below root that ask the clock of the machine in other places than times.txt allows.
func checkTimes(root string, allowed map[string]int) ([]string, error) {
	var breaches []string
	err := walkFiles(root, func(file string, source []byte) error {
		if !isOfProgram(file) {
			return nil
		}
		places, err := readsOfClock(file, source)
		if err != nil {
			return err
		}
		switch n := allowed[file]; {
		case len(places) > n:
			breaches = append(breaches, fmt.Sprintf("%s: time.Now, time.Since or time.Until in %d places, %d are allowed: take the "+
				"clock of the program, or give the reason in scripts/arrows/times.txt", places[len(places)-1], len(places), n))
		case len(places) < n:
			breaches = append(breaches, fmt.Sprintf("%s: scripts/arrows/times.txt allows %d places, there are %d", file, n, len(places)))
		}
		return nil
	})
	for _, file := range sortedNames(allowed) {
		if _, gone := os.Stat(filepath.Join(root, file)); errors.Is(gone, fs.ErrNotExist) {
			breaches = append(breaches, file+": scripts/arrows/times.txt lists it, but there is no such file")
		}
	}
	return breaches, err
}

// isOfProgram reports whether a file is part of the program and not of its tests and tools. The commands of operators ask
// the clock of their own machine.
func isOfProgram(file string) bool {
	first, _, _ := strings.Cut(file, "/")
	return !strings.HasSuffix(file, "_test.go") && !strings.HasSuffix(path.Dir(file), "test") &&
		!slices.Contains([]string{"cmd", "deploy", "examples", "scripts", "test"}, first)
}

// readsOfClock returns the places of a file that ask the clock of the machine.
func readsOfClock(file string, source []byte) ([]string, error) {
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, file, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("parse: %w", err)
	}
	name := "time"
	for _, spec := range parsed.Imports {
		if spec.Path.Value == `"time"` && spec.Name != nil {
			name = spec.Name.Name
		}
	}
	var places []string
	ast.Inspect(parsed, func(n ast.Node) bool {
		call, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		of, ok := call.X.(*ast.Ident)
		if ok && of.Name == name && slices.Contains([]string{"Now", "Since", "Until"}, call.Sel.Name) {
			places = append(places, fmt.Sprintf("%s:%d", file, files.Position(call.Pos()).Line))
		}
		return true
	})
	return places, nil
}
