package metrics

import "slices"

// other stands for every name that is not configured. It bounds the number of series for any input. Series of other
// begin at their first use.
const other = "other"

// label is a label and all values that it may have.
type label struct {
	name   string
	values []string
}

// bounded returns the value, or other if the label does not have it.
func (l label) bounded(value string) string {
	if slices.Contains(l.values, value) {
		return value
	}
	return other
}

func boundedValues(labels []label, values []string) []string {
	out := make([]string, len(labels))
	for i, l := range labels {
		out[i] = l.bounded(values[i])
	}
	return out
}

// eachCombination calls f with every combination of the labels' values.
func eachCombination(labels []label, f func(values ...string), values ...string) {
	if len(values) == len(labels) {
		f(values...)
		return
	}
	for _, v := range labels[len(values)].values {
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
