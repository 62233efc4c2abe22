package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	mostClients = 256
	// minRound is the least number of approvals of a round. A round of many clients has fullTurns of each, so that the beginning
	// and the end of it matter little.
	minRound  = 1536
	fullTurns = 12
	// concurrencyRounds bounds the rounds of each of the twelve situations.
	concurrencyRounds = 3
)

// crowd are clients that use a worker at the same time. All calls of the worker go to the receiver.
type crowd struct {
	*worker
	*receiver
	kind  string // http or stepfunctions
	round int
}

// situation is a number of clients, and the kind and time of each call.
type situation struct {
	kind    string
	delay   time.Duration
	clients int
}

// crowdResult has the medians of the rounds of a situation.
type crowdResult struct {
	rate, connections float64
	cpu               float64 // seconds an approval, of the worker
	p50, p99          time.Duration
	tail              float64 // p99 / p50
}

// measureConcurrency shows the cost of concurrency: with more clients an answer takes no longer than its share of the
// processors, and shares connections.
func (b *bench) measureConcurrency(ctx context.Context) error {
	c, err := b.startCrowd(ctx)
	if err != nil {
		return err
	}
	connections := 0.0
	for _, kind := range []string{"http", "stepfunctions"} {
		for _, delay := range []time.Duration{8 * time.Millisecond, 100 * time.Millisecond} {
			for _, clients := range []int{16, 64, mostClients} {
				s := situation{kind, delay, clients}
				r, err := c.measure(ctx, s, min(b.rounds, concurrencyRounds))
				if err != nil {
					return fmt.Errorf("%+v: %w", s, err)
				}
				b.addSituation(s, r)
				connections = max(connections, r.connections)
			}
		}
	}
	b.addRow(atMost("new connections per approval, the most of the twelve above", "", "floor 0; without keeping them 2",
		connections, 0.05))
	return b.addDelayed(ctx, c)
}

// addDelayed adds the number of actions in all situations that were put back or tried again. Each of these is late by half a
// second or more. Orders that wait for a slot are not among them, although a sweep may claim them meanwhile.
func (b *bench) addDelayed(ctx context.Context, c *crowd) error {
	series, err := c.scrape(ctx)
	if err != nil {
		return err
	}
	delayed := 0.0
	for _, name := range []string{"actions_not_made_total", "retries_total"} {
		n, err := series.sum("approval_relay_" + name)
		if err != nil {
			return err
		}
		delayed += n
	}
	attempts, err := series.sum("approval_relay_callback_attempts_total")
	if err != nil {
		return err
	}
	b.addRow(atMost("actions that were put back or tried again", fmt.Sprintf("of %.0f answers", attempts),
		"floor 0", delayed, 0))
	return nil
}

func (b *bench) addSituation(s situation, r crowdResult) {
	name := map[string]string{"http": "HTTP", "stepfunctions": "Step Functions"}[s.kind]
	b.addRow(atMost(fmt.Sprintf("%s, %v a call, %d at once: decision → answer, p99", name, s.delay, s.clients),
		fmt.Sprintf("%s, %s CPU each; %s", formatRate(r.rate), formatSeconds(r.cpu), formatDuration(r.p99)),
		"p50: "+formatDuration(r.p50), r.tail, 3).asRatio())
	if s.clients > 16 {
		b.addRow(atMost("  time per approval", formatDuration(time.Duration(float64(time.Second)/r.rate)), "2,500 approvals/s: 400 µs",
			1e6/r.rate, 400))
	}
}

func (b *bench) startCrowd(ctx context.Context) (*crowd, error) {
	r, err := startReceiver(mostClients)
	if err != nil {
		return nil, err
	}
	b.cleanups = append(b.cleanups, r.stop)
	dir := filepath.Join(b.dir, "crowd")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	w, err := b.startWorker(ctx, dir, fmt.Sprintf(`aws: {region: us-east-1, endpoint: %q}
workflows: {orders: {approvers: [%s], notify: [hook], callback: {url_target: http}}}
channels: {hook: {webhook: {url: %q, secrets: [%q], allow_internal: true}}}
targets:
  http: {http: {secrets: [%q], allow_http: true, allow_internal: true}}
  stepfunctions: {stepfunctions: {rate: 100000, burst: 100000}}
`, r.url, approver, r.url+"/hook", signingSecret, signingSecret))
	return &crowd{worker: w, receiver: r}, err
}

// measure runs the rounds of a situation, after a round that opens connections and fills caches.
func (c *crowd) measure(ctx context.Context, s situation, rounds int) (crowdResult, error) {
	c.kind = s.kind
	c.delay.Store(int64(s.delay))
	if _, err := c.runRound(ctx, s.clients); err != nil {
		return crowdResult{}, err
	}
	var rates, connections, tails, cpus []float64
	var p50, p99 []time.Duration
	for range rounds {
		before, err := treeCPU(c.cmd.Process.Pid)
		if err != nil {
			return crowdResult{}, err
		}
		opened, began := c.opened.Load(), time.Now()
		times, err := c.runRound(ctx, s.clients)
		if err != nil {
			return crowdResult{}, err
		}
		rates = append(rates, float64(len(times))/time.Since(began).Seconds())
		after, err := treeCPU(c.cmd.Process.Pid)
		if err != nil {
			return crowdResult{}, err
		}
		cpus = append(cpus, (after-before).Seconds()/float64(len(times)))
		connections = append(connections, float64(c.opened.Load()-opened)/float64(len(times)))
		p50, p99 = append(p50, median(times)), append(p99, quantile(times, 0.99))
		tails = append(tails, float64(quantile(times, 0.99))/float64(median(times)))
	}
	return crowdResult{
		rate:        median(rates),
		connections: median(connections),
		cpu:         median(cpus),
		p50:         median(p50),
		p99:         median(p99),
		tail:        median(tails),
	}, nil
}

// runRound carries out approvals with concurrent clients. It returns the time from each decision to its answer.
func (c *crowd) runRound(ctx context.Context, clients int) ([]time.Duration, error) {
	c.round++
	turns := max(fullTurns, minRound/clients)
	times := make([]time.Duration, clients*turns)
	errs := make([]error, clients)
	var group sync.WaitGroup
	for client := range clients {
		group.Go(func() {
			for turn := range turns {
				took, err := c.runApproval(ctx, client, turn)
				if err != nil {
					errs[client] = err
					return
				}
				times[client*turns+turn] = took
			}
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return times, nil
}

// runApproval requests an approval, waits until its approver is notified, and decides it. It returns the time from the
// beginning of the decision to the arrival of the answer.
func (c *crowd) runApproval(ctx context.Context, client, turn int) (time.Duration, error) {
	order := fmt.Sprintf("client-%d-%s-%d-%d", client, c.kind, c.round, turn)
	place := fmt.Sprintf(`"callbackUrl":"%s/called?order=%s"`, c.url, order)
	if c.kind == "stepfunctions" {
		place = fmt.Sprintf(`"taskToken":%q`, order+strings.Repeat("t", 700-len(order)))
	}
	err := c.postAPI(ctx, "/v1/requests", fmt.Sprintf(`{%s,"orderId":%q,"amount":12.5}`, place, order))
	if err != nil {
		return 0, err
	}
	if _, err := waitForTime(ctx, c.notified[client], "notification"); err != nil {
		return 0, err
	}
	began := time.Now()
	err = c.postAPI(ctx, "/v1/orders/"+order+"/decisions", fmt.Sprintf(`{"decision":"approve","decidedBy":%q}`, approver))
	if err != nil {
		return 0, err
	}
	answered, err := waitForTime(ctx, c.answered[client], "answer")
	return answered.Sub(began), err
}
