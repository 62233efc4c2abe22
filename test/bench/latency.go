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
	latencies = 150                  // decisions in one round
	quiet     = 4 * time.Millisecond // until what came before is over
)

// measureLatency compares the way from a decision to its answer, one at a time,
// with what it cannot do without: one durable commit, and one call from process to
// process. The way is from before the decision is sent to when the endpoint has
// the answer, so the decision's own HTTP request is in it. Both begin on a
// machine that has been idle for some milliseconds.
func (b *bench) measureLatency(ctx context.Context) error {
	l, err := b.startLoop(ctx)
	if err != nil {
		return err
	}
	dir := filepath.Join(b.dir, "latency")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	p, err := openPlain(ctx, dir)
	if err != nil {
		return err
	}
	defer p.close()
	neighbour, err := b.neighbour(ctx)
	if err != nil {
		return err
	}
	client := newClient()
	var p50, p99, least50, least99 []time.Duration
	for range b.rounds {
		var way, least []time.Duration
		for range latencies {
			d, err := l.way(ctx)
			if err != nil {
				return err
			}
			way = append(way, d)
			if d, err = leastWay(ctx, p, client, neighbour); err != nil {
				return err
			}
			least = append(least, d)
		}
		p50, p99 = append(p50, median(way)), append(p99, quantile(way, 0.99))
		least50, least99 = append(least50, median(least)), append(least99, quantile(least, 0.99))
	}
	against := func(d []time.Duration) string { return "a durable commit and a loopback HTTP call: " + took(median(d)) }
	b.add(atMost("decision received → callback call made, one at a time, p50", took(median(p50)), against(least50), ratio(p50, least50), 1.5).times())
	b.add(atMost("  p99", took(median(p99)), against(least99), ratio(p99, least99), 3).times())
	return nil
}

// way is one approval; what is timed is its decision.
func (l *loop) way(ctx context.Context) (time.Duration, error) {
	order, err := l.ask(ctx, 0)
	if err != nil {
		return 0, err
	}
	time.Sleep(quiet) // the end of the notification is recorded
	received, answered, err := l.decide(ctx, 0, order)
	time.Sleep(quiet)
	return answered.Sub(received), err
}

func leastWay(ctx context.Context, p *plain, client *http.Client, url string) (time.Duration, error) {
	began := time.Now()
	if err := p.commit(ctx); err != nil {
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
	time.Sleep(quiet)
	return took, resp.Body.Close()
}
