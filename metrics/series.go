package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// namespace is the prefix of the name of every series.
const namespace = "approval_relay_"

// builder makes series, registers them, creates every label value at 0, and keeps a row of the documentation for each.
type builder struct {
	registerer prometheus.Registerer
	histograms Histograms
	rows       []Row
	configured []*names // of labels
	create     []func() // each makes all series of one metric
}

// configuredLabel returns a label whose values are names of the configuration, beside the fixed ones.
func (b *builder) configuredLabel(name string, c Config, of func(Config) []string, fixed ...string) label {
	n := &names{of: of}
	n.list.Store(&[]string{})
	n.extend(c)
	b.configured = append(b.configured, n)
	return label{name: name, values: fixed, names: n}
}

// createAll makes the series of every combination of the labels' values, now and when names are added.
func (b *builder) createAll(labels []label, createOne func(values ...string)) {
	create := func() { eachCombination(labels, createOne) }
	create()
	b.create = append(b.create, create)
}

func (b *builder) addRow(name, kind, help string, labels []string) {
	b.rows = append(b.rows, Row{
		Name:   namespace + name,
		Type:   kind,
		Labels: labels,
		Help:   help,
	})
}

// findSeries returns a series. The error is that the number of values is not that of the labels. WithLabelValues would
// panic too, but it makes the caller's values escape: an allocation for each event.
func findSeries[S any](series S, err error) S {
	if err != nil {
		panic(err)
	}
	return series
}

type counter struct {
	vec    *prometheus.CounterVec
	labels []label
}

func (c counter) inc(values ...string) { c.add(1, values...) }

func (c counter) add(n int, values ...string) { c.addUnits(float64(n), values...) }

// addUnits adds a number that may be a fraction.
func (c counter) addUnits(n float64, values ...string) {
	findSeries(c.vec.GetMetricWithLabelValues(boundValues(c.labels, values)...)).Add(n)
}

func (b *builder) newCounter(name, help string, labels ...label) counter {
	b.addRow(name, "counter", help, labelNames(labels))
	options := prometheus.CounterOpts{Name: namespace + name, Help: help}
	c := counter{prometheus.NewCounterVec(options, labelNames(labels)), labels}
	b.registerer.MustRegister(c.vec)
	b.createAll(labels, func(values ...string) { c.vec.WithLabelValues(values...) })
	return c
}

type gauge struct {
	vec    *prometheus.GaugeVec
	labels []label
}

func (g gauge) add(n int, values ...string) {
	findSeries(g.vec.GetMetricWithLabelValues(boundValues(g.labels, values)...)).Add(float64(n))
}

func (g gauge) set(v float64, values ...string) {
	findSeries(g.vec.GetMetricWithLabelValues(boundValues(g.labels, values)...)).Set(v)
}

func (b *builder) newGauge(name, help string, labels ...label) gauge {
	b.addRow(name, "gauge", help, labelNames(labels))
	options := prometheus.GaugeOpts{Name: namespace + name, Help: help}
	g := gauge{prometheus.NewGaugeVec(options, labelNames(labels)), labels}
	b.registerer.MustRegister(g.vec)
	b.createAll(labels, func(values ...string) { g.vec.WithLabelValues(values...) })
	return g
}

type histogram struct {
	vec    *prometheus.HistogramVec
	labels []label
}

func (h histogram) observe(v float64, values ...string) {
	findSeries(h.vec.GetMetricWithLabelValues(boundValues(h.labels, values)...)).Observe(v)
}

// observeDuration counts a negative duration as 0: the clock was set back.
func (h histogram) observeDuration(d time.Duration, values ...string) {
	h.observe(max(d, 0).Seconds(), values...)
}

// observeInTrace is observeDuration with a trace as exemplar, unless the trace ID is empty.
func (h histogram) observeInTrace(traceID string, d time.Duration, values ...string) {
	if traceID == "" {
		h.observeDuration(d, values...)
		return
	}
	o, _ := findSeries(h.vec.GetMetricWithLabelValues(boundValues(h.labels, values)...)).(prometheus.ExemplarObserver)
	o.ObserveWithExemplar(max(d, 0).Seconds(), prometheus.Labels{"trace_id": traceID})
}

// Histograms are the kinds of buckets that histograms have.
type Histograms string

// The kinds of buckets. Native ones have an error of about 10 % at any scale, in at most 100 buckets, and need a scraper
// that asks for them; others see no buckets then. Classic ones are a series each.
const (
	HistogramsBoth    Histograms = "both"
	HistogramsClassic Histograms = "classic"
	HistogramsNative  Histograms = "native"
)

// newHistogram makes a histogram with the configured kinds of buckets.
func (b *builder) newHistogram(name, help string, buckets []float64, labels ...label) histogram {
	b.addRow(name, "histogram", help, labelNames(labels))
	options := prometheus.HistogramOpts{Name: namespace + name, Help: help}
	if b.histograms != HistogramsNative {
		options.Buckets = buckets
	}
	if b.histograms != HistogramsClassic {
		options.NativeHistogramBucketFactor = 1.1
		options.NativeHistogramMaxBucketNumber = 100
		options.NativeHistogramMinResetDuration = time.Hour
	}
	h := histogram{prometheus.NewHistogramVec(options, labelNames(labels)), labels}
	b.registerer.MustRegister(h.vec)
	b.createAll(labels, func(values ...string) { h.vec.WithLabelValues(values...) })
	return h
}

// newDescription describes a gauge that is read at every scrape.
func (b *builder) newDescription(name, help string, labels ...string) *prometheus.Desc {
	b.addRow(name, "gauge", help, labels)
	return prometheus.NewDesc(namespace+name, help, labels, nil)
}
