package metrics

func newSpanCounter(b *builder) counter {
	result := label{name: "result", values: []string{"exported", "dropped"}}
	return b.newCounter("trace_spans_total",
		"Spans exported, or dropped because the collector did not take them.", result)
}

// SpansExported counts the spans of an export.
func (m *Metrics) SpansExported(spans int, err error) {
	if err != nil {
		m.spans.add(spans, "dropped")
		return
	}
	m.spans.add(spans, "exported")
}
