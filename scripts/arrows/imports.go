package main

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// module is the import path of the repository.
const module = "github.com/approval-relay/approval-relay"

// A use is an import of a package that is not in the standard library.
type use struct {
	// path is the import path; for a package of ours it is the folder below the root of the repository.
	path string
	ours bool
	// place is the file and line of the import.
	place string
}

// readPackages returns the imports of every package below root, by folder. Files of every platform and build tag
// count; tests do not. Planted files, by path below root, replace the files on disk or are added to them.
func readPackages(root string, planted map[string]string) (map[string][]use, error) {
	packages := map[string][]use{}
	for file, source := range planted {
		if err := addImports(packages, file, []byte(source)); err != nil {
			return nil, err
		}
	}
	err := walkFiles(root, func(file string, source []byte) error {
		if _, replaced := planted[file]; replaced {
			return nil
		}
		return addImports(packages, file, source)
	})
	return packages, err
}

// walkFiles calls visit for every Go file below root, with its path below root.
func walkFiles(root string, visit func(file string, source []byte) error) error {
	return filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		file, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		file = filepath.ToSlash(file)
		if entry.IsDir() {
			if file != "." && isSkipped(name, entry.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(file, ".go") {
			return nil
		}
		source, err := os.ReadFile(name) //nolint:gosec // a file of the repository
		if err != nil {
			return err
		}
		return visit(file, source)
	})
}

// isSkipped reports whether the go command skips the folder, as it skips testdata and other modules.
func isSkipped(dir, base string) bool {
	if base == "testdata" || base == "vendor" || base[0] == '.' || base[0] == '_' {
		return true
	}
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

// addImports records the imports of a file under its package.
func addImports(packages map[string][]use, file string, source []byte) error {
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, file, source, parser.ImportsOnly)
	if err != nil {
		return fmt.Errorf("parse: %w", err)
	}
	folder := path.Dir(file)
	if packages[folder] == nil {
		packages[folder] = []use{} // also for a package without imports
	}
	if strings.HasSuffix(file, "_test.go") {
		return nil
	}
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		u := use{path: imported, place: fmt.Sprintf("%s:%d", file, files.Position(spec.Pos()).Line)}
		if below, ours := strings.CutPrefix(imported, module+"/"); ours {
			u.path = below
			u.ours = true
		} else if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") {
			continue // the standard library
		}
		packages[folder] = append(packages[folder], u)
	}
	return nil
}

func sortedNames[V any](packages map[string]V) []string {
	return slices.Sorted(maps.Keys(packages))
}
