package metrics

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/approval-relay/approval-relay/store"
)

// statsTimeout bounds a store that hangs, so that the scrape still brings everything else. Prometheus ends a
// scrape after 10 s by default.
const statsTimeout = 5 * time.Second

// RegisterStore registers the series that are read from the store at every scrape. If the store cannot be read, they
// are absent and store_up is 0. Ages are by the clock now, whose times are in the records.
func (m *Metrics) RegisterStore(readStats func(context.Context) (store.Stats, error), now func() time.Time) {
	b := m.builder
	m.builder.registerer.MustRegister(&storeCollector{
		readStats: readStats,
		now:       now,
		isPaused:  m.isPaused,
		groups:    &m.groups,
		workflows: b.configuredLabel("workflow", m.config, func(c Config) []string { return c.Workflows }),
		reading:   make(chan struct{}, 1),
		up: b.newDescription("store_up",
			"Whether the store could be read for this scrape: 1 or 0. The metrics that are read from it "+
				"are absent otherwise."),
		pending: b.newDescription("approvals_pending",
			"Pending approvals.", "workflow"),
		oldest: b.newDescription("oldest_pending_timestamp_seconds",
			"When the oldest pending approval was requested; absent without pending approvals.", "workflow"),
		groupPending: b.newDescription("group_approvals_pending",
			"Pending approvals of the workflows whose approvers name this group in the configuration; other has the workflows "+
				"without a group. An approval that waits for two groups counts for both.", "group"),
		groupOldest: b.newDescription("group_oldest_pending_timestamp_seconds",
			"When the oldest of these approvals was requested; absent without pending approvals.", "group"),
		owed: b.newDescription("owed_orders",
			"Orders with an owed answer: the approval is closed, and its callback has failed and is tried again, is held, or "+
				"waits for capacity. On DynamoDB, the oldest thousand are counted."),
		oldestOwed: b.newDescription("oldest_owed_age_seconds",
			"How long the oldest owed answer has been owed; 0 if none is.", "workflow"),
		fifthOwed: b.newDescription("fifth_oldest_owed_age_seconds",
			"How long five answers or more have been owed, of all workflows that are not paused: the age of the fifth oldest; 0 if "+
				"fewer are owed."),
		exhausted: b.newDescription("exhausted_orders",
			"Orders with an exhausted callback. Each is a workflow without an answer, to be redriven."),
		unanswered: b.newDescription("unanswered_orders",
			"Orders with a decision or a timeout that the workflow did not get, or may not have got. Each stays until it is "+
				"reconciled as answered, or dismissed."),
		undeliverable: b.newDescription("undeliverable_orders",
			"Orders with a pending approval that nobody could be told of."),
		retrying: b.newDescription("retrying_orders",
			"Orders with a notification or callback that failed and waits for its next attempt."),
		deadLetters: b.newDescription("dead_letters",
			"Dead letters in the store's own table."),
		oldestDue: b.newDescription("oldest_due_timestamp_seconds",
			"The earliest time at which an order has something due. If it is in the past, the sweeper "+
				"lags by the difference. Absent if nothing is due."),
	})
}

// storeCollector reads the store at every scrape.
type storeCollector struct {
	readStats func(context.Context) (store.Stats, error)
	now       func() time.Time
	isPaused  func(workflow string) bool
	groups    *atomic.Pointer[map[string][]string]
	workflows label
	reading   chan struct{} // holds a token while the store is read

	up            *prometheus.Desc
	pending       *prometheus.Desc
	oldest        *prometheus.Desc
	groupPending  *prometheus.Desc
	groupOldest   *prometheus.Desc
	owed          *prometheus.Desc
	oldestOwed    *prometheus.Desc
	fifthOwed     *prometheus.Desc
	exhausted     *prometheus.Desc
	unanswered    *prometheus.Desc
	undeliverable *prometheus.Desc
	retrying      *prometheus.Desc
	deadLetters   *prometheus.Desc
	oldestDue     *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c *storeCollector) Describe(ch chan<- *prometheus.Desc) {
	descriptions := []*prometheus.Desc{
		c.up, c.pending, c.oldest, c.groupPending, c.groupOldest, c.owed, c.oldestOwed, c.fifthOwed,
		c.exhausted, c.unanswered, c.undeliverable, c.retrying, c.deadLetters, c.oldestDue,
	}
	for _, d := range descriptions {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *storeCollector) Collect(ch chan<- prometheus.Metric) {
	sendGauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	sendTimestamp := func(d *prometheus.Desc, t time.Time, labels ...string) {
		if !t.IsZero() {
			sendGauge(d, float64(t.UnixMilli())/1000, labels...)
		}
	}
	stats, err := c.readWithin(statsTimeout)
	if err != nil {
		sendGauge(c.up, 0)
		return
	}
	sendGauge(c.up, 1)
	for name, w := range c.groupByWorkflow(stats) {
		sendGauge(c.pending, float64(w.Pending), name)
		sendTimestamp(c.oldest, w.Oldest, name)
	}
	for name, w := range c.groupLoads(stats) {
		sendGauge(c.groupPending, float64(w.Pending), name)
		sendTimestamp(c.groupOldest, w.Oldest, name)
	}
	owed := c.groupOwed(stats)
	sendGauge(c.owed, float64(owed.orders))
	for name, age := range owed.oldest {
		sendGauge(c.oldestOwed, age, name)
	}
	sendGauge(c.fifthOwed, owed.fifth)
	sendGauge(c.exhausted, float64(stats.Exhausted))
	sendGauge(c.unanswered, float64(stats.Unanswered))
	sendGauge(c.undeliverable, float64(stats.Undeliverable))
	sendGauge(c.retrying, float64(stats.Retrying))
	sendGauge(c.deadLetters, float64(stats.DeadLetters))
	sendTimestamp(c.oldestDue, stats.OldestDue)
}

// groupByWorkflow returns the figures of every configured workflow, and the sum of all other workflows.
func (c *storeCollector) groupByWorkflow(s store.Stats) map[string]store.WorkflowStats {
	out := map[string]store.WorkflowStats{}
	for _, name := range c.workflows.allValues() {
		out[name] = store.WorkflowStats{}
	}
	for name, w := range s.Workflows {
		if !slices.Contains(c.workflows.allValues(), name) {
			name = other
		}
		out[name] = addPending(out[name], w)
	}
	return out
}

var errStatsTimeout = errors.New("the store took too long")

// readWithin reads the store within a time limit, even if the store ignores its context. While a store hangs, a
// single read is under way.
func (c *storeCollector) readWithin(limit time.Duration) (store.Stats, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	select {
	case c.reading <- struct{}{}:
	case <-ctx.Done():
		return store.Stats{}, errStatsTimeout
	}
	type answer struct {
		stats store.Stats
		err   error
	}
	answers := make(chan answer, 1)
	go func() {
		defer func() { <-c.reading }()
		stats, err := c.readStats(ctx)
		answers <- answer{stats, err}
	}()
	select {
	case a := <-answers:
		return a.stats, a.err
	case <-ctx.Done():
		return store.Stats{}, errStatsTimeout
	}
}
