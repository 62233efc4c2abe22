package metrics

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/approval-relay/approval-relay/store"
)

// statsTimeout bounds a store that hangs, so that the scrape (10 s by
// Prometheus's default) still brings everything else.
const statsTimeout = 5 * time.Second

// WatchStore registers the series that are read from the store at every scrape.
// Where it cannot be read they are absent, and store_up is 0.
func (m *Metrics) WatchStore(read func(context.Context) (store.Stats, error)) {
	c := &collector{
		read:        read,
		workflows:   m.conf.Workflows,
		timeout:     statsTimeout,
		turn:        make(chan struct{}, 1),
		up:          m.b.desc("store_up", "Whether the store could be read for this scrape; what is read from it is absent otherwise."),
		pending:     m.b.desc("pending", "Approvals that wait for a decision.", "workflow"),
		oldest:      m.b.desc("oldest_pending_timestamp_seconds", "When the oldest pending approval was requested; absent if there is none.", "workflow"),
		exhausted:   m.b.desc("exhausted_orders", "Orders with a callback that was given up: each is a workflow without an answer, to be redriven."),
		retrying:    m.b.desc("retrying_orders", "Orders with an attempt that failed, to notify or to call back, and that wait for the next one."),
		deadLetters: m.b.desc("dead_letters", "Dead letters in the store's own table."),
		oldestDue:   m.b.desc("oldest_due_timestamp_seconds", "The earliest time at which an order has something due; one in the past is how far the sweeper lags. Absent if there is none."),
	}
	m.b.reg.MustRegister(c)
}

type collector struct {
	read      func(context.Context) (store.Stats, error)
	workflows []string
	timeout   time.Duration
	turn      chan struct{} // held by the one read under way

	up, pending, oldest, exhausted, retrying, deadLetters, oldestDue *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.up, c.pending, c.oldest, c.exhausted, c.retrying, c.deadLetters, c.oldestDue} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	timestamp := func(d *prometheus.Desc, t time.Time, labels ...string) {
		if !t.IsZero() {
			gauge(d, float64(t.UnixMilli())/1000, labels...)
		}
	}
	stats, err := c.stats()
	if err != nil {
		gauge(c.up, 0)
		return
	}
	gauge(c.up, 1)
	for name, w := range c.byWorkflow(stats) {
		gauge(c.pending, float64(w.Pending), name)
		timestamp(c.oldest, w.Oldest, name)
	}
	gauge(c.exhausted, float64(stats.Exhausted))
	gauge(c.retrying, float64(stats.Retrying))
	gauge(c.deadLetters, float64(stats.DeadLetters))
	timestamp(c.oldestDue, stats.OldestDue)
}

// byWorkflow has every configured workflow, and all others as one.
func (c *collector) byWorkflow(s store.Stats) map[string]store.WorkflowStats {
	out := map[string]store.WorkflowStats{}
	for _, name := range c.workflows {
		out[name] = store.WorkflowStats{}
	}
	for name, w := range s.Workflows {
		if !slices.Contains(c.workflows, name) {
			name = other
		}
		sum := out[name]
		sum.Pending += w.Pending
		if sum.Oldest.IsZero() || (!w.Oldest.IsZero() && w.Oldest.Before(sum.Oldest)) {
			sum.Oldest = w.Oldest
		}
		out[name] = sum
	}
	return out
}

var errStatsTimeout = errors.New("the store took too long")

// stats reads the store within the time limit, even if the store heeds no
// context. One that hangs is not asked again meanwhile.
func (c *collector) stats() (store.Stats, error) {
	ctx, cancel := context.WithTimeout(context.Background(), c.timeout)
	defer cancel()
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		return store.Stats{}, errStatsTimeout
	}
	type answer struct {
		stats store.Stats
		err   error
	}
	answered := make(chan answer, 1)
	go func() {
		defer func() { <-c.turn }()
		s, err := c.read(ctx)
		answered <- answer{s, err}
	}()
	select {
	case a := <-answered:
		return a.stats, a.err
	case <-ctx.Done():
		return store.Stats{}, errStatsTimeout
	}
}

// Runtime registers what is known of the program itself: its build, the Go
// runtime and the process.
func (m *Metrics) Runtime(version, revision string) {
	const name = "build_info"
	const help = "Always 1; the labels say what runs."
	m.b.row(name, "gauge", help, []string{"version", "revision", "goversion"})
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: namespace + name, Help: help,
		ConstLabels: prometheus.Labels{"version": version, "revision": revision, "goversion": runtime.Version()},
	})
	build.Set(1)
	m.b.reg.MustRegister(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
}
