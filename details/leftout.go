package details

import (
	"fmt"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
)

// Limits of the names of values that approvers do not see. They also bound the time that a body with long names takes.
const (
	maxNames     = 200  // names in a note
	maxNameBytes = 6000 // of all names in a note
	maxPath      = 60   // characters of a name in a path
)

// leftOut counts the values of a request that approvers do not see, and has the paths of the first of them.
type leftOut struct {
	count int
	paths []string
	bytes int
}

func (l *leftOut) add(path string, values int) {
	l.count += values
	l.name(path)
}

func (l *leftOut) name(path string) {
	path = approval.CutText(path, 4*maxPath, 8*maxPath)
	if l.bytes += len(path); len(l.paths) < maxNames && l.bytes <= maxNameBytes {
		l.paths = append(l.paths, path)
	}
}

func (l *leftOut) merge(other leftOut) {
	l.count += other.count
	for _, path := range other.paths {
		l.name(path)
	}
}

// String returns the values in words: "2 values of the request: apiKey, customer.password".
func (l *leftOut) String() string {
	names := strings.Join(l.paths, ", ")
	if l.count > len(l.paths) {
		names = strings.TrimPrefix(names+", …", ", ")
	}
	values := "values"
	if l.count == 1 {
		values = "value"
	}
	return fmt.Sprintf("%d %s of the request: %s", l.count, values, names)
}

// The names of notes about values that are left out. Channels and the page have their own words, see Reader.
var noteNames = map[approval.LeftOutReason]string{
	approval.LeftOutSecret:        "Not shown",
	approval.LeftOutTooMuch:       "Too much to show",
	approval.LeftOutNotConfigured: "Not among the details",
	approval.LeftOutEmpty:         "Without a value",
}

// appendNote appends a note, if anything is left out.
func (l *leftOut) appendNote(fields []approval.Field, reason approval.LeftOutReason) []approval.Field {
	if l.count == 0 {
		return fields
	}
	return append(fields, approval.Field{
		Name:    noteNames[reason],
		Value:   l.String(),
		LeftOut: &approval.LeftOut{Reason: reason, Count: l.count, Names: l.paths},
	})
}

// countLeaves returns the number of plain values in a value. An empty list or object counts as a value.
func countLeaves(v any) int {
	n := 0
	switch x := v.(type) {
	case map[string]any:
		for _, inner := range x {
			n += countLeaves(inner)
		}
	case []any:
		for _, inner := range x {
			n += countLeaves(inner)
		}
	}
	return max(n, 1)
}
