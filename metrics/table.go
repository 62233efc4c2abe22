package metrics

import (
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// Row documents a metric.
type Row struct {
	Name   string
	Type   string // counter, gauge or histogram
	Labels []string
	Help   string
}

// Rows documents every metric of the program, in the order of registration, except those of the Go runtime and of the
// process.
func Rows() []Row {
	m := New(prometheus.NewRegistry(), Config{})
	m.RegisterStore(nil, nil)
	m.RegisterHeartbeats(nil)
	m.RegisterBodies(nil, nil)
	m.RegisterRuntime("", "")
	return m.builder.rows
}

// MarkdownTable returns the documentation of the named metrics, or of all if no name is given. The names are without
// the namespace.
func MarkdownTable(only ...string) string {
	var table strings.Builder
	table.WriteString("| metric | type | labels | meaning |\n|---|---|---|---|\n")
	for _, r := range Rows() {
		if len(only) > 0 && !slices.Contains(only, strings.TrimPrefix(r.Name, namespace)) {
			continue
		}
		labels := "–"
		if len(r.Labels) > 0 {
			labels = "`" + strings.Join(r.Labels, "`, `") + "`"
		}
		table.WriteString("| `" + r.Name + "` | " + r.Type + " | " + labels + " | " + r.Help + " |\n")
	}
	return table.String()
}
