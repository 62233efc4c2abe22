package metrics

import "github.com/prometheus/client_golang/prometheus"

// inboundSeries show what clients use of the two addresses.
type inboundSeries struct {
	connections gauge
	displaced   counter
}

func newInboundSeries(b *builder) inboundSeries {
	listener := label{name: "listener", values: []string{"public", "operator"}}
	return inboundSeries{
		connections: b.newGauge("connections", "Open connections to an address of the worker.", listener),
		displaced: b.newCounter("connections_closed_total",
			"Connections that were closed because the address had max_connections: idle ones that gave way to newer "+
				"ones, and new ones that found every other one at work (refused).",
			listener, label{name: "reason", values: []string{"displaced", "refused"}}),
	}
}

// Listener counts the connections of an address.
type Listener struct {
	metrics *Metrics
	name    string
}

// Listener returns the counts of an address: public or operator.
func (m *Metrics) Listener(name string) Listener { return Listener{m, name} }

// ConnectionsOpen implements inbound.ConnectionObserver.
func (l Listener) ConnectionsOpen(n int) { l.metrics.inbound.connections.set(float64(n), l.name) }

// ConnectionDisplaced implements inbound.ConnectionObserver.
func (l Listener) ConnectionDisplaced() { l.metrics.inbound.displaced.inc(l.name, "displaced") }

// ConnectionRefused implements inbound.ConnectionObserver.
func (l Listener) ConnectionRefused() { l.metrics.inbound.displaced.inc(l.name, "refused") }

// RegisterBodies registers the memory for bodies of each address. It is read at every scrape.
func (m *Metrics) RegisterBodies(publicBytes, operatorBytes func() int64) {
	const name, help = "body_memory_bytes", "Memory that the bodies of requests in progress take."
	m.builder.addRow(name, "gauge", help, []string{"listener"})
	for listener, read := range map[string]func() int64{"public": publicBytes, "operator": operatorBytes} {
		options := prometheus.GaugeOpts{
			Name:        namespace + name,
			Help:        help,
			ConstLabels: prometheus.Labels{"listener": listener},
		}
		m.builder.registerer.MustRegister(prometheus.NewGaugeFunc(options, func() float64 { return float64(read()) }))
	}
}
