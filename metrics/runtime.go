package metrics

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// RegisterRuntime registers the metrics of the build, the Go runtime and the process.
func (m *Metrics) RegisterRuntime(version, revision string) {
	const name = "build_info"
	const help = "Always 1; the labels name the running build."
	m.builder.addRow(name, "gauge", help, []string{"version", "revision", "goversion"})
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        namespace + name,
		Help:        help,
		ConstLabels: prometheus.Labels{"version": version, "revision": revision, "goversion": runtime.Version()},
	})
	build.Set(1)
	process := collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})
	m.builder.registerer.MustRegister(build, collectors.NewGoCollector(), process)
}
