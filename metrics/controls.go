package metrics

import (
	"cmp"

	"github.com/approval-relay/approval-relay/store"
)

// allWorkflows is the value of the label workflow for a control of all workflows.
const allWorkflows = "*"

// newPausedSeries makes the series of what operators have switched off.
func newPausedSeries(b *builder, c Config) gauge {
	workflow := b.configuredLabel("workflow", c, func(c Config) []string { return c.Workflows }, allWorkflows)
	mode := label{name: "mode", values: texts(store.ControlModes())}.late(func(mode string) bool {
		return store.ControlMode(mode).IsReadOnly() // a workflow of its own never has it
	})
	return b.newGauge("paused",
		"1 if an operator has set this mode for the workflow, or for all: drain (no new requests), pause (also no "+
			"notifications and no callbacks) or read-only (also no decisions).", workflow, mode)
}

// ControlsChanged sets the controls in force.
func (m *Metrics) ControlsChanged(controls []store.Control) {
	for _, workflow := range m.paused.labels[0].allValues() {
		for _, mode := range []store.ControlMode{store.ControlDrain, store.ControlPause} {
			m.paused.set(0, workflow, string(mode))
		}
	}
	m.paused.set(0, allWorkflows, string(store.ControlReadOnly))
	paused := map[string]bool{}
	for _, c := range controls {
		mode := c.Mode
		if mode.IsReadOnly() {
			mode = store.ControlReadOnly
		}
		if mode.IsStrongerThan(store.ControlDrain) {
			paused[cmp.Or(c.Workflow, allWorkflows)] = true
		}
		m.paused.set(1, cmp.Or(c.Workflow, allWorkflows), string(mode))
	}
	m.pausedNow.Store(&paused)
}

// isPaused reports whether an operator holds the answers of a workflow.
func (m *Metrics) isPaused(workflow string) bool {
	paused := m.pausedNow.Load()
	return paused != nil && ((*paused)[workflow] || (*paused)[allWorkflows])
}
