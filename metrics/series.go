package metrics

import (
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// namespace begins the name of every series.
const namespace = "approval_relay_"

// other stands for every name that is not configured. It keeps the number of
// series bounded whatever is sent to us; its series begin when it is first used.
const other = "other"

// label is one label and all the values that it may have.
type label struct {
	name   string
	values []string
}

// bound returns the value, or other where the label does not have it.
func (l label) bound(value string) string {
	if slices.Contains(l.values, value) {
		return value
	}
	return other
}

func bind(labels []label, values []string) []string {
	out := make([]string, len(labels))
	for i, l := range labels {
		out[i] = l.bound(values[i])
	}
	return out
}

// each calls f with every combination of the labels' values.
func each(labels []label, f func(values ...string), values ...string) {
	if len(values) == len(labels) {
		f(values...)
		return
	}
	for _, v := range labels[len(values)].values {
		each(labels, f, append(slices.Clone(values), v)...)
	}
}

func names(labels []label) []string {
	out := make([]string, len(labels))
	for i, l := range labels {
		out[i] = l.name
	}
	return out
}

// builder makes series, registers them, creates every label value at 0, and
// remembers what it made for the documentation.
type builder struct {
	reg  prometheus.Registerer
	rows []Row
}

func (b *builder) row(name, kind, help string, labels []string) {
	b.rows = append(b.rows, Row{
		Name:   namespace + name,
		Type:   kind,
		Labels: labels,
		Help:   help,
	})
}

type counter struct {
	vec    *prometheus.CounterVec
	labels []label
}

func (c counter) inc(values ...string) { c.add(1, values...) }

func (c counter) add(n int, values ...string) {
	c.vec.WithLabelValues(bind(c.labels, values)...).Add(float64(n))
}

func (b *builder) counter(name, help string, labels ...label) counter {
	b.row(name, "counter", help, names(labels))
	c := counter{prometheus.NewCounterVec(prometheus.CounterOpts{Name: namespace + name, Help: help}, names(labels)), labels}
	b.reg.MustRegister(c.vec)
	each(labels, func(values ...string) { c.vec.WithLabelValues(values...) })
	return c
}

type gauge struct {
	vec    *prometheus.GaugeVec
	labels []label
}

func (g gauge) add(n int, values ...string) {
	g.vec.WithLabelValues(bind(g.labels, values)...).Add(float64(n))
}

func (g gauge) set(v float64, values ...string) {
	g.vec.WithLabelValues(bind(g.labels, values)...).Set(v)
}

func (b *builder) gauge(name, help string, labels ...label) gauge {
	b.row(name, "gauge", help, names(labels))
	g := gauge{prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: namespace + name, Help: help}, names(labels)), labels}
	b.reg.MustRegister(g.vec)
	each(labels, func(values ...string) { g.vec.WithLabelValues(values...) })
	return g
}

type histogram struct {
	vec    *prometheus.HistogramVec
	labels []label
}

func (h histogram) observe(v float64, values ...string) {
	h.vec.WithLabelValues(bind(h.labels, values)...).Observe(v)
}

// since takes a clock that went back for one that stood still.
func (h histogram) since(d time.Duration, values ...string) {
	h.observe(max(d, 0).Seconds(), values...)
}

// traced is since, with the trace that it was in, if any, as an exemplar.
func (h histogram) traced(trace string, d time.Duration, values ...string) {
	if trace == "" {
		h.since(d, values...)
		return
	}
	o, _ := h.vec.WithLabelValues(bind(h.labels, values)...).(prometheus.ExemplarObserver)
	o.ObserveWithExemplar(max(d, 0).Seconds(), prometheus.Labels{"trace_id": trace})
}

// histogram is classic, for everybody, and native, for who scrapes those: about
// 10 % of error at any scale, in at most 100 buckets.
func (b *builder) histogram(name, help string, buckets []float64, labels ...label) histogram {
	b.row(name, "histogram", help, names(labels))
	h := histogram{prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: namespace + name, Help: help, Buckets: buckets,
		NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour,
	}, names(labels)), labels}
	b.reg.MustRegister(h.vec)
	each(labels, func(values ...string) { h.vec.WithLabelValues(values...) })
	return h
}

// desc describes a series that is read at every scrape.
func (b *builder) desc(name, help string, labels ...string) *prometheus.Desc {
	b.row(name, "gauge", help, labels)
	return prometheus.NewDesc(namespace+name, help, labels, nil)
}

// Row documents one series.
type Row struct {
	Name   string
	Type   string // counter, gauge or histogram
	Labels []string
	Help   string
}

// Rows documents every series of the program, in the order of this package, the
// Go runtime's and the process's own excepted.
func Rows() []Row {
	reg := prometheus.NewRegistry()
	m := New(reg, Config{})
	m.WatchStore(nil)
	m.Runtime("", "")
	return m.b.rows
}

// Markdown returns the table of these series, named without their namespace, or of
// all for none, for the documentation.
func Markdown(only ...string) string {
	var s strings.Builder
	s.WriteString("| metric | type | labels | what it says |\n|---|---|---|---|\n")
	for _, r := range Rows() {
		if len(only) > 0 && !slices.Contains(only, strings.TrimPrefix(r.Name, namespace)) {
			continue
		}
		labels := "–"
		if len(r.Labels) > 0 {
			labels = "`" + strings.Join(r.Labels, "`, `") + "`"
		}
		s.WriteString("| `" + r.Name + "` | " + r.Type + " | " + labels + " | " + r.Help + " |\n")
	}
	return s.String()
}
