package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// The section counts is the short form of the benchmark: it only counts, so that it has the same result on a slow machine
// and beside other programs. The test of this package runs it too.

const (
	countedAlone    = 150 // approvals one at a time
	countedInLog    = 30
	countedTogether = 640  // approvals with 64 clients, in a round
	countedOrders   = 2000 // closed orders in a file
	countedMessages = 500
)

// errNotInstalled is returned by a part of the benchmark if its server is not installed on this machine.
var errNotInstalled = errors.New("not installed")

// measureCounts compares all counts with their records.
func (b *bench) measureCounts(ctx context.Context) error {
	b.now.Counts = counts{}
	for _, part := range []func(context.Context, counts) error{
		b.countApprovals,
		b.countLogBytes,
		b.countFileBytes,
		b.countCalls,
		b.countDynamoDB,
		b.countPostgres,
	} {
		err := part(ctx, b.now.Counts)
		if errors.Is(err, errNotInstalled) {
			fmt.Fprintf(b.progress, "left out: %v\n", err)
			continue
		}
		if err != nil {
			return err
		}
	}
	b.rows = append(b.rows, compareCounts(b.recorded.Counts, b.now.Counts)...)
	return nil
}

// countApprovals counts the resources of whole approvals with the built worker on SQLite.
func (b *bench) countApprovals(ctx context.Context, into counts) error {
	l, err := b.newLoop(ctx, "counts", "")
	if err != nil {
		return err
	}
	defer l.worker.stop()
	if _, err := l.runRound(ctx, clientCount, 5*clientCount); err != nil { // opens connections and fills caches
		return err
	}
	together, err := l.measureTogether(ctx)
	if err != nil {
		return err
	}
	into["allocations of an approval, 64 at once"] = together.mallocs
	into["bytes allocated by an approval, 64 at once"] = together.bytes
	into["bytes of log of an approval"] = together.logBytes
	into["lines of log of an approval"] = together.logLines
	alone, err := l.measureAlone(ctx, countedAlone)
	into["commits of an approval, one at a time"] = alone.commits
	return err
}

// countLogBytes counts the bytes that approvals one at a time add to SQLite's write-ahead log. They are so few that the
// log does not begin anew.
func (b *bench) countLogBytes(ctx context.Context, into counts) error {
	l, err := b.newLoop(ctx, "log-counts", "")
	if err != nil {
		return err
	}
	defer l.worker.stop()
	log := filepath.Join(b.dir, "log-counts", "orders.db-wal")
	before, err := fileSize(log)
	if err != nil {
		return err
	}
	if _, err := l.measureAlone(ctx, countedInLog); err != nil {
		return err
	}
	after, err := fileSize(log)
	into["bytes of SQLite's log of an approval, one at a time"] = float64(after-before) / countedInLog
	return err
}

// measureTogether carries out approvals with 64 clients, in three rounds, and returns the resources of each approval in the
// round with the fewest allocations: other programs that use the processors only add some.
func (l *approvalLoop) measureTogether(ctx context.Context) (least usage, err error) {
	for round := range 3 {
		_, u, err := l.measureRound(ctx, clientCount, countedTogether)
		if err != nil {
			return least, err
		}
		if round == 0 || u.mallocs < least.mallocs {
			least = u
		}
	}
	return least, nil
}

// measureAlone carries out approvals in sequence, and returns the resources that each of them has used. A pause after
// each step makes sure that each step has a commit of its own.
func (l *approvalLoop) measureAlone(ctx context.Context, approvals int) (used usage, err error) {
	before, err := l.readUsage(ctx)
	if err != nil {
		return used, err
	}
	for range approvals {
		if _, err := l.timeDecision(ctx); err != nil {
			return used, err
		}
	}
	after, err := l.readUsage(ctx)
	return after.since(before, approvals), err
}

// countFileBytes counts the bytes of a SQLite file for each closed order.
func (b *bench) countFileBytes(ctx context.Context, into counts) error {
	each, err := b.fileBytes(ctx, "closed-counts", countedOrders)
	into["bytes of file of a closed order"] = each
	return err
}

// fileBytes closes a number of orders in a new store and returns the growth of its file for each.
func (b *bench) fileBytes(ctx context.Context, name string, orders int) (float64, error) {
	s, dir, err := b.openStore(ctx, name)
	if err != nil {
		return 0, err
	}
	path := filepath.Join(dir, "orders.db")
	empty, err := fileSize(path)
	if err != nil {
		return 0, err
	}
	err = runConcurrently(ctx, orders, func(i int) error { return runBareApproval(ctx, s, orderID(i)) })
	if err := errors.Join(err, s.Close()); err != nil { // to close it moves the log of SQLite into the file
		return 0, err
	}
	full, err := fileSize(path)
	return float64(full-empty) / float64(orders), err
}

func fileSize(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// countCalls counts the AWS calls of approvals from a queue to Step Functions.
func (b *bench) countCalls(ctx context.Context, into counts) error {
	c, err := b.startCloud(ctx, "calls-counts", "")
	if err != nil {
		return err
	}
	defer c.worker.stop()
	calls, err := c.runApprovals(ctx, countedMessages)
	into["AWS calls of an approval"] = calls
	return err
}

// cloud is a worker that takes requests from a queue and decisions, in envelopes of SNS, from another, and answers Step
// Functions. The stub plays all three.
type cloud struct {
	stub   *awsStub
	worker *worker
}

// startCloud starts the worker in a folder of its own. Settings are added to those of the workflow.
func (b *bench) startCloud(ctx context.Context, name, settings string) (*cloud, error) {
	s, err := startStub()
	if err != nil {
		return nil, err
	}
	b.cleanups = append(b.cleanups, func() { _ = s.server.Close() })
	e, err := startEndpoint(1)
	if err != nil {
		return nil, err
	}
	b.cleanups = append(b.cleanups, e.stop)
	dir := filepath.Join(b.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	w, err := b.startWorker(ctx, dir, cloudConfig(s, e, settings))
	return &cloud{stub: s, worker: w}, err
}

func cloudConfig(s *awsStub, e *endpoint, settings string) string {
	return fmt.Sprintf(`aws: {region: us-east-1, endpoint: %q}
workflows: {orders: {requests: {sqs: {queue: requests}}, approvers: [%s], notify: [hook]%s}}
decisions: {sns: {topic: %q, sqs: {queue: decisions}}}
channels: {hook: {webhook: {url: %q, secrets: [%q], allow_internal: true}}}
targets: {stepfunctions: {stepfunctions: {rate: 10000, burst: 10000}}}
`, s.url, approver, settings, topicARN, e.url+"/hook", signingSecret)
}

// runApprovals carries out approvals and returns the AWS calls for each.
func (c *cloud) runApprovals(ctx context.Context, approvals int) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	before := c.stub.callCounts()
	for _, step := range []struct {
		queue  string
		bodies []string
	}{{"requests", requestBodies(approvals)}, {"decisions", decisionEnvelopes(approvals)}} {
		q := c.stub.queueNamed(step.queue)
		q.putBodies(step.bodies...)
		if err := q.waitUntilEmpty(ctx); err != nil {
			return 0, err
		}
	}
	for c.stub.answersSent()-sumCalls(before, "SendTaskSuccess") < approvals {
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("%d of %d workflows were answered", c.stub.answersSent(), approvals)
		case <-time.After(10 * time.Millisecond):
		}
	}
	calls := 0
	for name, n := range c.stub.callCounts() {
		calls += n - before[name]
	}
	return float64(calls) / float64(approvals), nil
}
