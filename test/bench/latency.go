package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	decisionsPerRound = 150
	quietTime         = 4 * time.Millisecond // afterwards the work of the step before has ended
)

// measureLatency compares the time from a decision to its answer, a decision at a time, with the smallest possible
// work: a durable commit and a call from process to process. The time begins before the decision is sent and ends when
// the endpoint has the answer, so it includes the HTTP request of the decision. Before each measurement the machine has
// been idle for some milliseconds.
func (b *bench) measureLatency(ctx context.Context) error {
	l, err := b.startLoop(ctx)
	if err != nil {
		return err
	}
	dir := filepath.Join(b.dir, "latency")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	p, err := openPlainTable(ctx, dir)
	if err != nil {
		return err
	}
	defer p.closeDatabase()
	neighbour, err := b.startNeighbour(ctx)
	if err != nil {
		return err
	}
	client := newClient()
	var p50, p99, least50, least99 []time.Duration
	for range b.rounds {
		var way, least []time.Duration
		for range decisionsPerRound {
			d, err := l.timeDecision(ctx)
			if err != nil {
				return err
			}
			way = append(way, d)
			if d, err = timeBareDecision(ctx, p, client, neighbour); err != nil {
				return err
			}
			least = append(least, d)
		}
		p50 = append(p50, median(way))
		p99 = append(p99, quantile(way, 0.99))
		least50 = append(least50, median(least))
		least99 = append(least99, quantile(least, 0.99))
	}
	against := func(d []time.Duration) string {
		return "a durable commit and a loopback HTTP call: " + formatDuration(median(d))
	}
	b.addRow(atMost("decision received → callback call made, one at a time, p50", formatDuration(median(p50)),
		against(least50), ratio(p50, least50), 1.5).asRatio())
	b.addRow(atMost("  p99", formatDuration(median(p99)), against(least99), ratio(p99, least99), 3).asRatio())
	return nil
}

// timeDecision carries out an approval and returns the time from its decision to its answer.
func (l *approvalLoop) timeDecision(ctx context.Context) (time.Duration, error) {
	order, err := l.requestApproval(ctx, 0)
	if err != nil {
		return 0, err
	}
	time.Sleep(quietTime) // until the result of the notification is recorded
	received, answered, err := l.decideApproval(ctx, 0, order)
	time.Sleep(quietTime)
	return answered.Sub(received), err
}

// timeBareDecision returns the time of a durable commit and a call to another process.
func timeBareDecision(ctx context.Context, p *plainTable, client *http.Client, url string) (time.Duration, error) {
	began := time.Now()
	if err := p.commitRow(ctx); err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/called/none", strings.NewReader(strings.Repeat("a", 300)))
	if err != nil {
		return 0, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, fmt.Errorf("loopback call: %w", err)
	}
	took := time.Since(began)
	time.Sleep(quietTime)
	return took, resp.Body.Close()
}
