package details

import (
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
)

// maxLeaves bounds the values of a body that are compared with the configured details. The rest counts as not shown.
const maxLeaves = 20_000

// cover is a place of the body that a configured detail shows: all of it, or the values that its text contains.
type cover struct {
	place path
	all   bool
	text  string
}

// coversOf returns the places that a configured detail shows.
func coversOf(spec Spec, f *approval.Field) []cover {
	if f.State != "" {
		return nil
	}
	if place := plainPath(spec.Source); place != nil {
		isFile := f.Kind == approval.KindPicture || f.Kind == approval.KindDocument
		return []cover{{place: place, all: !isFile, text: f.Value}}
	}
	var covers []cover
	for _, place := range findReferences(spec.Source) {
		covers = append(covers, cover{place: place, text: f.Value})
	}
	return covers
}

// shows reports whether the detail shows a value at a path. The last names of a place may be functions, such as
// body.items.map(...), so the path may be shorter than the place.
func (c cover) shows(p path, text string) bool {
	n := min(len(p), len(c.place))
	if !slices.Equal(p[:n], c.place[:n]) {
		return false
	}
	if c.all {
		return len(p) >= len(c.place)
	}
	return text != "" && strings.Contains(c.text, text)
}

// ReadRest returns a note about the values of the body that no configured detail shows. The fields belong to the specs,
// in the same order.
func ReadRest(s Source, specs []Spec, fields []approval.Field) []approval.Field {
	r := rest{collector: collector{Source: s}, left: maxLeaves}
	for i, spec := range specs {
		r.covers = append(r.covers, coversOf(spec, &fields[i])...)
		r.covers = append(r.covers, extraCovers(spec, &fields[i])...)
	}
	r.walk(nil, s.body())
	return r.tooMuch.appendNote(nil, approval.LeftOutNotConfigured)
}

// extraCovers returns the places of the other expressions of a detail.
func extraCovers(spec Spec, f *approval.Field) []cover {
	var covers []cover
	for _, expression := range spec.OtherSources {
		for _, place := range findReferences(expression) {
			covers = append(covers, cover{place: place, text: f.Value})
		}
	}
	return covers
}

// rest collects the values of a body that no detail shows.
type rest struct {
	collector
	covers []cover
	left   int
}

func (r *rest) walk(p path, v any) {
	if len(p) > 0 && r.isOwn(p) {
		return
	}
	if object, ok := v.(map[string]any); ok && len(object) > 0 && len(p) < maxDepth && r.left > 0 {
		for _, name := range sortedKeys(object) {
			r.walk(p.extend(name), object[name])
		}
		return
	}
	r.left--
	text, isScalar := ScalarText(v)
	name := ""
	if len(p) > 0 {
		name = p[len(p)-1]
	}
	switch {
	case isEmpty(v), isScalar && r.isShownElsewhere(name, text):
	case slices.ContainsFunc(r.covers, func(c cover) bool { return c.shows(p, text) }):
	case isScalar, !r.isPartlyShown(p):
		r.tooMuch.add(p.dotted(), countLeaves(v))
	default:
		r.walkItems(p, v)
	}
}

// isPartlyShown reports whether a detail reads a part of a list, or of an object that is nested deeply.
func (r *rest) isPartlyShown(p path) bool {
	return slices.ContainsFunc(r.covers, func(c cover) bool {
		n := min(len(p), len(c.place))
		return slices.Equal(p[:n], c.place[:n])
	})
}

// walkItems looks at the values of a list that a detail reads. They have the names of the list and its members.
func (r *rest) walkItems(p path, v any) {
	switch x := v.(type) {
	case []any:
		for _, item := range x {
			if r.left--; r.left < 0 {
				r.tooMuch.add(p.dotted(), 1)
				return
			}
			r.walkItems(p, item)
		}
	case map[string]any:
		for _, name := range sortedKeys(x) {
			r.walkItems(p.extend(name), x[name])
		}
	default:
		text, isScalar := ScalarText(v)
		if isScalar && !slices.ContainsFunc(r.covers, func(c cover) bool { return c.showsItem(p, text) }) {
			r.tooMuch.add(p.dotted(), 1)
		}
	}
}

// showsItem reports whether the text of a detail contains a value within a list that it reads.
func (c cover) showsItem(p path, text string) bool {
	n := min(len(p), len(c.place))
	for i := range n {
		if p[i] != c.place[i] {
			return i > 0 && strings.Contains(c.text, text) // the place goes on with a function
		}
	}
	return strings.Contains(c.text, text)
}
