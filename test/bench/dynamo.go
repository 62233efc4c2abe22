package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/approval-relay/approval-relay/store/dynamodb/dynamodbtest"
)

const (
	dynamodbClients   = 16  // DynamoDB Local and the clients take most of the processors
	dynamodbApprovals = 320 // in a round
	// The units of an idle worker are counted in idleFor, after idleSettling.
	idleSettling = 15 * time.Second
	idleFor      = time.Minute
	// maxIdleReads are 2 million units a month.
	maxIdleReads = 2e6 / (30 * 24 * 3600)
)

// startDynamoDB starts DynamoDB Local behind two proxies that count, so that the calls of two fleets are told apart.
func (b *bench) startDynamoDB(ctx context.Context) (first, second *capacityProxy, err error) {
	server, err := dynamodbtest.Start(ctx)
	if errors.Is(err, dynamodbtest.ErrMissing) {
		return nil, nil, fmt.Errorf("%w: %w", errNotInstalled, err)
	}
	if err != nil {
		return nil, nil, err
	}
	b.cleanups = append(b.cleanups, func() { _ = server.Stop() })
	for _, p := range []**capacityProxy{&first, &second} {
		if *p, err = startCapacityProxy(server.URL); err != nil {
			return nil, nil, err
		}
		b.cleanups = append(b.cleanups, func() { _ = (*p).server.Close() })
	}
	return first, second, nil
}

// dynamodbStore returns the setting of a store in a table of its own.
func dynamodbStore(p *capacityProxy, table string) string {
	return fmt.Sprintf("{dynamodb: {table: %s, create: true, endpoint: %q}}", table, p.url)
}

// startFleet starts workers that share a table and their keys.
func (b *bench) startFleet(ctx context.Context, p *capacityProxy, table string, workers int) ([]*approvalLoop, error) {
	var fleet []*approvalLoop
	for i := range workers {
		l, err := b.newLoopWith(ctx, fmt.Sprintf("%s-%d", table, i), dynamodbStore(p, table), table)
		if err != nil {
			return nil, err
		}
		for client := range l.count {
			l.count[client] = i * 1_000_000 // all orders are in the same table
		}
		fleet = append(fleet, l)
	}
	return fleet, nil
}

// runFleet carries out approvals that are divided between workers, and returns the CPU time of all workers for each.
func runFleet(ctx context.Context, fleet []*approvalLoop, clients, approvals int) (float64, error) {
	before, err := fleetCPU(fleet)
	if err != nil {
		return 0, err
	}
	err = runClients(len(fleet), func(i int) error {
		_, err := fleet[i].runRound(ctx, clients/len(fleet), approvals/len(fleet))
		return err
	})
	if err != nil {
		return 0, err
	}
	after, err := fleetCPU(fleet)
	return (after - before).Seconds() / float64(approvals), err
}

func fleetCPU(fleet []*approvalLoop) (sum time.Duration, err error) {
	for _, l := range fleet {
		cpu, err := treeCPU(l.cmd.Process.Pid)
		if err != nil {
			return 0, err
		}
		sum += cpu
	}
	return sum, nil
}

// measureTable measures the store on DynamoDB Local. Its speed is not DynamoDB's, so this counts, and measures the CPU time of
// the workers alone.
func (b *bench) measureTable(ctx context.Context) error {
	p, other, err := b.startDynamoDB(ctx)
	if err != nil {
		return err
	}
	one, err := b.startFleet(ctx, p, "one", 1)
	if err != nil {
		return err
	}
	four, err := b.startFleet(ctx, other, "four", 4)
	if err != nil {
		return err
	}
	var cpuOne, cpuFour []float64
	var used []capacity
	for round := range b.rounds + 1 { // the first opens connections and fills caches
		before := p.read()
		single, err := runFleet(ctx, one, dynamodbClients, dynamodbApprovals)
		if err != nil {
			return err
		}
		spent := p.read().since(before)
		several, err := runFleet(ctx, four, dynamodbClients, dynamodbApprovals)
		if err != nil {
			return err
		}
		if round > 0 {
			used, cpuOne, cpuFour = append(used, spent), append(cpuOne, single), append(cpuFour, several)
		}
	}
	b.addTime("CPU of the worker for an approval on DynamoDB, 16 at once", median(cpuOne), 2e-3)
	b.addRow(atMost("  four workers together", formatSmall(median(cpuFour)), "one worker: "+formatSmall(median(cpuOne)),
		ratio(cpuFour, cpuOne), 1.2).asRatio())
	b.addSpent(used)
	if err := b.measureAnswerCalls(ctx, p, one[0]); err != nil {
		return err
	}
	for _, l := range four {
		l.worker.stop()
	}
	b.measureIdleTable(ctx, p)
	return nil
}

// addSpent adds the calls and the units of an approval.
func (b *bench) addSpent(used []capacity) {
	each := func(of func(capacity) float64) float64 {
		var rounds []float64
		for _, c := range used {
			rounds = append(rounds, of(c)/dynamodbApprovals)
		}
		return median(rounds)
	}
	calls := each(func(c capacity) float64 { return float64(c.sum()) })
	b.addRow(atMost("  calls", "", used[len(used)-1].describe(), calls, 5))
	written := each(func(c capacity) float64 { return c.write })
	b.addRow(atMost("  write units, without its removal, as DynamoDB Local counts", "", "", written, 30))
	b.addRow(atMost("  read units", "", "", each(func(c capacity) float64 { return c.read }), 1))
}

// measureAnswerCalls counts the calls from a decision to its answer, one at a time.
func (b *bench) measureAnswerCalls(ctx context.Context, p *capacityProxy, l *approvalLoop) error {
	var calls []float64
	for range 40 {
		order, err := l.requestApproval(ctx, 0)
		if err != nil {
			return err
		}
		if err := waitFor(ctx, 10*quietTime); err != nil { // until the result of the notification is recorded
			return err
		}
		before := p.read()
		if _, _, err := l.decideApproval(ctx, 0, order); err != nil {
			return err
		}
		calls = append(calls, float64(p.read().since(before).sum()))
		if err := waitFor(ctx, 10*quietTime); err != nil {
			return err
		}
	}
	b.addRow(atMost("  calls from a decision to its answer", "", "", median(calls), 2))
	return nil
}

// measureIdleTable counts the read units of an idle worker while other sections run.
func (b *bench) measureIdleTable(ctx context.Context, p *capacityProxy) {
	at := len(b.rows)
	b.addRow(row{})
	counted := make(chan capacity, 1)
	go func() {
		if waitFor(ctx, idleSettling) != nil {
			return
		}
		before := p.read()
		if waitFor(ctx, idleFor) != nil {
			return
		}
		counted <- p.read().since(before)
	}()
	b.pendingRows = append(b.pendingRows, func(ctx context.Context) error {
		select {
		case idle := <-counted:
			b.rows[at] = atMost("  read units a second of an idle worker", "", idle.describe()+" in a minute",
				idle.read/idleFor.Seconds(), maxIdleReads)
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}
