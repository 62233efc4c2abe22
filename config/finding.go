package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/setup"
)

// Finding is one fault or warning about a configuration file.
type Finding struct {
	Line     int            `json:"line,omitempty"` // in the file; 0 if the field is not in the file
	Field    string         `json:"field"`          // dotted path
	Message  string         `json:"message"`
	Severity setup.Severity `json:"-"`
}

// String returns "line N: field: message".
func (f Finding) String() string {
	if f.Line == 0 {
		return fmt.Sprintf("%s: %s", f.Field, f.Message)
	}
	return fmt.Sprintf("line %d: %s: %s", f.Line, f.Field, f.Message)
}

// Faults is the error of a configuration file that the program cannot run with. It has every fault of the file.
type Faults struct {
	File     string
	Faults   []Finding
	Warnings []Finding
}

// Error lists the faults, one a line.
func (f *Faults) Error() string {
	lines := make([]string, 0, len(f.Faults)+1)
	lines = append(lines, fmt.Sprintf("configuration %s has %s:", f.File, count(len(f.Faults), "fault")))
	for _, fault := range f.Faults {
		lines = append(lines, "  "+fault.String())
	}
	return strings.Join(lines, "\n")
}

// count returns "1 fault" or "2 faults".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// findings collects the findings of one file.
type findings struct {
	lines map[string]int // by dotted path
	list  []Finding
}

// report adds a finding. Its line is that of the nearest part of the path that is in the file.
func (f *findings) report(path string, severity setup.Severity, message string) {
	line := 0
	for at := path; at != "" && line == 0; at = at[:max(strings.LastIndexAny(at, ".["), 0)] {
		line = f.lines[at]
	}
	f.list = append(f.list, Finding{
		Line:     line,
		Field:    path,
		Message:  message,
		Severity: severity,
	})
}

// fault adds a fault.
func (f *findings) fault(path, format string, args ...any) {
	f.report(path, setup.Fault, fmt.Sprintf(format, args...))
}

// hasFault reports whether a fault of the field, or of a part of it, is known.
func (f *findings) hasFault(path string) bool {
	return slices.ContainsFunc(f.list, func(known Finding) bool {
		rest, within := strings.CutPrefix(known.Field, path)
		return known.Severity == setup.Fault && within && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// reportUnlessKnown adds the findings of checks, except those about fields that could not be read: their values are not
// those of the file.
func (f *findings) reportUnlessKnown(unreadable []string) func(string, setup.Severity, string) {
	return func(path string, severity setup.Severity, message string) {
		for _, field := range unreadable {
			if rest, within := strings.CutPrefix(path, field); within && (rest == "" || rest[0] == '.' || rest[0] == '[') {
				return
			}
		}
		f.report(path, severity, message)
	}
}

// of returns the findings of one severity, in the order of their lines.
func (f *findings) of(severity setup.Severity) []Finding {
	var list []Finding
	for _, finding := range f.list {
		if finding.Severity == severity {
			list = append(list, finding)
		}
	}
	slices.SortStableFunc(list, func(a, b Finding) int { return a.Line - b.Line })
	return list
}
