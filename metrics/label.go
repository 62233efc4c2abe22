package metrics

import (
	"slices"
	"sync/atomic"
)

// other stands for every name that is not configured. It bounds the number of series for any input. Series of other
// begin at their first use.
const other = "other"

// label is a label and all values that it may have.
type label struct {
	name   string
	values []string
	// names are further values that a reload of the configuration can extend, or nil.
	names *names
	// isLate reports whether the series of a value begin at their first use, and not at 0. It is nil for most labels: an
	// alert would miss the first event.
	isLate func(value string) bool
}

// late returns the label with series that begin at their first use.
func (l label) late(isLate func(value string) bool) label {
	l.isLate = isLate
	return l
}

// names are the configured names that a label can have as its value. They are read while they are extended.
type names struct {
	of   func(Config) []string
	list atomic.Pointer[[]string]
}

// extend adds the names of another configuration. Names are never removed, because their series have counted.
func (n *names) extend(c Config) {
	list := slices.Clone(*n.list.Load())
	for _, name := range n.of(c) {
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	n.list.Store(&list)
}

// allValues returns all values that the label may have now.
func (l label) allValues() []string {
	if l.names == nil {
		return l.values
	}
	return slices.Concat(*l.names.list.Load(), l.values)
}

// bounded returns the value, or other if the label does not have it.
func (l label) bounded(value string) string {
	if slices.Contains(l.values, value) || (l.names != nil && slices.Contains(*l.names.list.Load(), value)) {
		return value
	}
	return other
}

// boundValues replaces each value that its label does not have by other, and returns the values. They are the caller's
// arguments alone.
func boundValues(labels []label, values []string) []string {
	for i, l := range labels {
		values[i] = l.bounded(values[i])
	}
	return values
}

// eachCombination calls f with every combination of the labels' values.
func eachCombination(labels []label, f func(values ...string), values ...string) {
	if len(values) == len(labels) {
		f(values...)
		return
	}
	l := labels[len(values)]
	for _, v := range l.allValues() {
		if l.isLate != nil && l.isLate(v) {
			continue
		}
		eachCombination(labels, f, append(slices.Clone(values), v)...)
	}
}

func labelNames(labels []label) []string {
	out := make([]string, len(labels))
	for i, l := range labels {
		out[i] = l.name
	}
	return out
}

func texts[S ~string](in []S) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = string(s)
	}
	return out
}
