package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/setup"
)

// Finding is a fault or a warning about a configuration file.
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

// findings collects the faults and warnings of a file.
type findings struct {
	lines      map[string]int // by dotted path
	list       []Finding
	unreadable []string // paths of values that could not be read
}

func newFindings() *findings { return &findings{lines: map[string]int{}} }

// report adds a finding, unless it is known. Its line is that of the nearest part of the path that is in the file.
func (f *findings) report(path string, severity setup.Severity, message string) {
	path, line := f.locate(path)
	finding := Finding{
		Line:     line,
		Field:    path,
		Message:  message,
		Severity: severity,
	}
	if !slices.Contains(f.list, finding) {
		f.list = append(f.list, finding)
	}
}

// fault adds a fault.
func (f *findings) fault(path, format string, args ...any) {
	f.report(path, setup.Fault, fmt.Sprintf(format, args...))
}

// locate returns the line of a path. For a setting that a workflow takes from the defaults, it returns the path in the
// defaults.
func (f *findings) locate(path string) (string, int) {
	line, depth := f.nearestLine(path)
	parts := strings.SplitN(path, ".", 3)
	if len(parts) < 3 || parts[0] != "workflows" {
		return path, line
	}
	inDefaults := "defaults." + parts[2]
	defaultsLine, defaultsDepth := f.nearestLine(inDefaults)
	if defaultsDepth > len("defaults") && defaultsDepth-len(inDefaults) > depth-len(path) {
		return inDefaults, defaultsLine
	}
	return path, line
}

// nearestLine returns the line of the nearest part of the path that is in the file, and the length of that part.
func (f *findings) nearestLine(path string) (line, length int) {
	for at := path; at != ""; at = at[:max(strings.LastIndexAny(at, ".["), 0)] {
		if line := f.lines[at]; line > 0 {
			return line, len(at)
		}
	}
	return 0, 0
}

// markUnreadable records that the value at a path could not be read, so that it is not the value of the file.
func (f *findings) markUnreadable(path string) { f.unreadable = append(f.unreadable, path) }

// isReadable reports whether the value at a path is the value of the file.
func (f *findings) isReadable(path string) bool {
	return !slices.ContainsFunc(f.unreadable, func(field string) bool {
		rest, within := strings.CutPrefix(path, field)
		return within && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// reportReadable adds the finding of a check, unless the field could not be read.
func (f *findings) reportReadable(path string, severity setup.Severity, message string) {
	if f.isReadable(path) {
		f.report(path, severity, message)
	}
}

// of returns the findings of a severity, in the order of their lines and fields.
func (f *findings) of(severity setup.Severity) []Finding {
	var list []Finding
	for _, finding := range f.list {
		if finding.Severity == severity {
			list = append(list, finding)
		}
	}
	slices.SortStableFunc(list, func(a, b Finding) int {
		return cmp.Or(a.Line-b.Line, strings.Compare(a.Field, b.Field))
	})
	return list
}
