package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

const (
	// heartbeatPending approvals with heartbeatInterval beat as often as 500,000 with an interval of 4 minutes.
	heartbeatPending  = 20_800
	heartbeatInterval = 10 * time.Second
	heartbeatWindow   = 2 * heartbeatInterval
)

// beatTimes keeps the times of the heartbeats by task token.
type beatTimes struct {
	mu      sync.Mutex
	last    map[string]time.Time
	count   int
	longest time.Duration // between two heartbeats of a task
}

func (t *beatTimes) add(token string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if was, found := t.last[token]; found {
		t.longest = max(t.longest, now.Sub(was))
	}
	t.last[token] = now
	t.count++
}

// restart forgets the longest time, and returns the number of heartbeats so far and of their tasks.
func (t *beatTimes) restart() (count, tasks int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.longest = 0
	return t.count, len(t.last)
}

func (t *beatTimes) read() (count int, longest time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.count, t.longest
}

// measureHeartbeats measures a worker while approvals wait for their decision and Step Functions gets heartbeats.
func (b *bench) measureHeartbeats(ctx context.Context) error {
	beats := &beatTimes{last: map[string]time.Time{}}
	c, err := b.startWaiting(ctx, "heartbeats", beats, heartbeatPending, heartbeatInterval)
	if err != nil {
		return err
	}
	defer c.worker.stop()
	first, _ := beats.restart()
	before, err := c.worker.readUsage(ctx)
	if err != nil {
		return err
	}
	if err := waitFor(ctx, heartbeatWindow); err != nil {
		return err
	}
	after, err := c.worker.readUsage(ctx)
	if err != nil {
		return err
	}
	last, longest := beats.read()
	each := after.since(before, last-first)
	b.addTime(fmt.Sprintf("CPU of a heartbeat, %.0f/s", float64(last-first)/heartbeatWindow.Seconds()), each.cpu, 0.12e-3)
	b.addRow(atMostBytes("  written to the disk", each.written, 1))
	b.addRow(atMost("  lines of the log at level info", "", "", each.logLines, 0))
	b.addRow(row{
		what:     "  longest time between two heartbeats of a task",
		measured: formatDuration(longest),
		against:  "interval: " + formatDuration(heartbeatInterval) + ", as often as 500,000 tasks with 4 minutes",
		figure:   formatDuration(longest),
		limit:    "≤ " + formatDuration(heartbeatInterval*11/10),
		ok:       longest <= heartbeatInterval*11/10,
	})
	return nil
}

// startWaiting starts a worker with approvals and heartbeats, and waits until each task had its first.
func (b *bench) startWaiting(
	ctx context.Context, name string, beats *beatTimes, pending int, interval time.Duration,
) (*cloud, error) {
	c, err := b.startCloud(ctx, name, fmt.Sprintf(", heartbeat: %s", interval))
	if err != nil {
		return nil, err
	}
	c.stub.beats.Store(beats)
	q := c.stub.queueNamed("requests")
	q.putBodies(waitingBodies(pending)...)
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	if err := q.waitUntilEmpty(ctx); err != nil {
		return nil, err
	}
	for tasks := 0; tasks < pending; _, tasks = beats.restart() {
		if err := waitFor(ctx, 50*time.Millisecond); err != nil {
			return nil, fmt.Errorf("%d of %d tasks had a heartbeat: %w", tasks, pending, err)
		}
	}
	return c, nil
}

// waitingBodies returns requests like those of requestBodies, each with a task token of its own.
func waitingBodies(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf(`{"taskToken":"%s%08d","orderId":"order-%d","amount":12.5}`, strings.Repeat("t", 692), i, i)
	}
	return out
}
