package details

import (
	"maps"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
)

// path has the names of the objects that lead to a value of a body.
type path []string

// dotted returns the path as people read it: "customer.name". Long names are cut.
func (p path) dotted() string {
	names := make([]string, 0, len(p))
	for _, name := range p {
		names = append(names, cutName(name))
	}
	return strings.Join(names, ".")
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

// maxPointer bounds a JSON Pointer in bytes. A longer one is left out: nothing can be edited there.
const maxPointer = 512

// pointer returns the path as a JSON Pointer.
func (p path) pointer() string {
	var b strings.Builder
	for _, name := range p {
		b.WriteByte('/')
		_, _ = pointerEscapes.WriteString(&b, name)
		if b.Len() > maxPointer {
			return ""
		}
	}
	return b.String()
}

// extend returns the path of a member.
func (p path) extend(name string) path { return append(slices.Clip(p), name) }

// cutName returns a name of a body, cut if it is long.
func cutName(name string) string {
	if name == "" {
		return `""`
	}
	return approval.CutText(name, maxPath, 4*maxPath)
}

// extendPath adds a name or index to a path in words. A long path is not extended.
func extendPath(path, separator, name string) string {
	if len(path) > 4*maxPath {
		return path
	}
	return strings.TrimPrefix(path+separator+cutName(name), ".")
}

func sortedKeys[V any](m map[string]V) []string {
	names := slices.AppendSeq(make([]string, 0, len(m)), maps.Keys(m))
	slices.Sort(names)
	return names
}
