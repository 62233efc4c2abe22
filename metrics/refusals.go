package metrics

import "github.com/approval-relay/approval-relay/refusal"

func newRefusalCounter(b *builder, config Config) counter {
	// No alert watches the refusals of a workflow's own requests, and there may be hundreds of workflows.
	source := b.configuredLabel("source", config, func(c Config) []string { return c.RefusingSources }).late(isRequestHandler)
	reason := label{name: "reason", values: texts(refusal.Codes())}
	return b.newCounter("refused_total",
		"Messages and calls that were refused, by way in and reason. The console lists the last ones under Refused lately.",
		source, reason)
}

// Refused counts a refused message or call.
func (m *Metrics) Refused(source string, code refusal.Code) { m.refused.inc(source, string(code)) }
