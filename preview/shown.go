package preview

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
)

// Leaves accounts for every plain value of a body that is not in a detail. The lists have paths of the body.
type Leaves struct {
	NotShown []string `json:"notShown"` // approvers do not see the value, but its name unless details_rest is hidden
	Secret   []string `json:"secret"`   // the part of NotShown that looks secret
	Empty    []string `json:"empty"`    // null, or without content
	ReadAs   []string `json:"readAs"`   // read as a field of the request, such as its order ID
}

// newLeaves returns the account of a message that was read.
func newLeaves(reading handlers.RequestReading) Leaves {
	l := Leaves{
		NotShown: []string{},
		Secret:   []string{},
		Empty:    []string{},
		ReadAs:   []string{},
	}
	for _, place := range reading.Own {
		l.ReadAs = append(l.ReadAs, "body."+strings.Join(place, "."))
	}
	slices.Sort(l.ReadAs)
	l.ReadAs = slices.Compact(l.ReadAs)
	for _, f := range reading.Details {
		if f.LeftOut == nil {
			continue
		}
		paths := leavesOf(reading.Body, f.LeftOut)
		switch f.LeftOut.Reason {
		case approval.LeftOutEmpty:
			l.Empty = append(l.Empty, paths...)
		case approval.LeftOutSecret:
			l.Secret = append(l.Secret, paths...)
			l.NotShown = append(l.NotShown, paths...)
		case approval.LeftOutTooMuch, approval.LeftOutNotConfigured:
			l.NotShown = append(l.NotShown, paths...)
		}
	}
	slices.Sort(l.NotShown)
	return l
}

// index matches the index of an item, which names in a note may lack.
var index = regexp.MustCompile(`\[\d+\]`)

// leavesOf returns the paths of the plain values that a note names, and how many it does not name.
func leavesOf(body any, note *approval.LeftOut) []string {
	var paths []string
	named := map[string]bool{}
	for _, name := range note.Names {
		named[name] = true
	}
	found := map[string]bool{}
	walkLeaves(body, "", func(path string) {
		for at := path; at != ""; at = at[:max(strings.LastIndexAny(at, ".["), 0)] {
			for _, name := range []string{at, index.ReplaceAllString(at, "")} {
				if named[name] {
					found[name] = true
					paths = append(paths, "body."+path)
					return
				}
			}
		}
	})
	for _, name := range note.Names {
		if !found[name] { // its name is cut
			paths = append(paths, "body."+name)
		}
	}
	if more := note.Count - len(note.Names); more > 0 && len(paths) < note.Count {
		paths = append(paths, fmt.Sprintf("… and %d more", note.Count-len(paths)))
	}
	return paths
}

// walkLeaves calls visit for every plain value and every empty list or object, in the order of the names.
func walkLeaves(v any, path string, visit func(path string)) {
	switch value := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			walkLeaves(value[name], strings.TrimPrefix(path+"."+name, "."), visit)
		}
		if len(value) > 0 {
			return
		}
	case []any:
		for i, item := range value {
			walkLeaves(item, fmt.Sprintf("%s[%d]", path, i), visit)
		}
		if len(value) > 0 {
			return
		}
	}
	visit(path)
}
