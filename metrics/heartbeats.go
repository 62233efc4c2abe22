package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// RegisterHeartbeats registers the state of the heartbeats that this process keeps in memory: their approvals, and how
// late the earliest is. It is read at every scrape.
func (m *Metrics) RegisterHeartbeats(read func() (kept int, late time.Duration)) {
	gauge := func(name, help string, value func() float64) {
		m.builder.addRow(name, "gauge", help, nil)
		options := prometheus.GaugeOpts{Name: namespace + name, Help: help}
		m.builder.registerer.MustRegister(prometheus.NewGaugeFunc(options, value))
	}
	gauge("heartbeats_scheduled",
		"Pending approvals whose heartbeats this worker keeps in memory.",
		func() float64 {
			kept, _ := read()
			return float64(kept)
		})
	gauge("heartbeat_lag_seconds",
		"For how long the earliest heartbeat that this worker keeps in memory has been due; 0 if none is.",
		func() float64 {
			_, late := read()
			return late.Seconds()
		})
}
