package metrics

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/store"
)

// seriesOf returns the number of series of a worker with as many workflows that have a queue, after all of them asked.
func seriesOf(t *testing.T, workflows int, kind Histograms) int {
	t.Helper()
	c := Config{Histograms: kind}
	stats := store.Stats{Workflows: map[string]store.WorkflowStats{}, Owed: map[string]store.OwedStats{}}
	for i := range workflows {
		name := fmt.Sprint("w", i)
		c.Workflows = append(c.Workflows, name)
		c.Handlers = append(c.Handlers, "request-"+name, "request-"+name+"-http")
		c.Queues = append(c.Queues, "request-"+name)
		c.RefusingSources = append(c.RefusingSources, "request-"+name)
		stats.Workflows[name] = store.WorkflowStats{Pending: 1, Oldest: time.Unix(1, 0)}
		stats.Owed[name] = store.OwedStats{Orders: 1, Oldest: []time.Time{time.Unix(1, 0)}}
	}
	reg := prometheus.NewRegistry()
	m := New(reg, c)
	m.RegisterStore(func(context.Context) (store.Stats, error) { return stats, nil }, time.Now)
	count := 0
	for line := range strings.Lines(string(exposition(t, reg))) {
		if !strings.HasPrefix(line, "#") {
			count++
		}
	}
	return count
}

// A workflow with a queue costs at most 80 series, and fewer without classic buckets.
func TestSeriesOfAWorkflow(t *testing.T) {
	t.Parallel()
	perWorkflow := func(kind Histograms) int { return seriesOf(t, 2, kind) - seriesOf(t, 1, kind) }
	require.LessOrEqual(t, perWorkflow(HistogramsBoth), 80)
	require.LessOrEqual(t, perWorkflow(HistogramsNative), 55)
	require.Equal(t, perWorkflow(HistogramsBoth), perWorkflow(HistogramsClassic))
}
