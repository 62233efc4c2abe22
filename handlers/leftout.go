package handlers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
)

// Limits of the names of values that approvers do not see. They also bound the time that a body with long names takes.
const (
	maxNotShown = 20 // names
	maxPath     = 60 // characters of a path, and of a name in it
)

// leftOut counts the values of a request that approvers do not see, and has the paths of the first of them.
type leftOut struct {
	count int
	paths []string
}

func (l *leftOut) add(path string) {
	if l.count++; len(l.paths) < maxNotShown {
		l.paths = append(l.paths, approval.CutText(path, maxPath, 4*maxPath))
	}
}

func (l *leftOut) merge(other leftOut) {
	l.count += other.count
	l.paths = append(l.paths, other.paths[:min(len(other.paths), maxNotShown-len(l.paths))]...)
}

// String returns the note for approvers: "2 values of the request: apiKey, customer.password".
func (l *leftOut) String() string {
	paths := slices.Clip(l.paths)
	if l.count > len(paths) {
		paths = append(paths, "…")
	}
	values := "values"
	if l.count == 1 {
		values = "value"
	}
	return fmt.Sprintf("%d %s of the request: %s", l.count, values, strings.Join(paths, ", "))
}

// cutName returns a name of a body, cut if it is long.
func cutName(name string) string { return approval.CutText(name, maxPath, 4*maxPath) }

// extendPath adds a name or index to a path. A long path is not extended.
func extendPath(path, separator, name string) string {
	if len(path) > 4*maxPath {
		return path
	}
	return strings.TrimPrefix(path+separator+cutName(name), ".")
}
