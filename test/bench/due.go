package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

const (
	maxDueStart   = 100 * time.Millisecond
	tooSlow       = 10 * time.Second // a start is not repeated then
	maxBinary     = 40e6
	maxFileBytes  = 1500
	closedOrders  = 10_000
	dueBeforehand = time.Hour
)

// measureDueStart starts a worker on a store with all approvals past their deadlines, as after a long outage.
func (b *bench) measureDueStart(ctx context.Context) error {
	if b.manyPending == 0 {
		return nil
	}
	s, dir, err := b.openStore(ctx, "due")
	if err != nil {
		return err
	}
	then := time.Now().Add(-2 * dueBeforehand)
	err = runConcurrently(ctx, b.manyPending, func(i int) error {
		deadline := then.Add(dueBeforehand + time.Duration(i)*time.Millisecond/10)
		return s.Update(ctx, orderID(i), func(o *approval.Order) error { return addNotified(o, i, deadline, then) })
	})
	if err := errors.Join(err, s.Close()); err != nil {
		return err
	}
	e, err := startEndpoint(maxClients)
	if err != nil {
		return err
	}
	b.cleanups = append(b.cleanups, e.stop)
	var starts []time.Duration
	for range 3 {
		w, err := b.startWorker(ctx, dir, loopConfig(e))
		if err != nil {
			return err
		}
		starts = append(starts, w.started)
		_ = w.cmd.Process.Kill() // before it has timed out many of them
		<-w.done
		if w.started > tooSlow {
			break
		}
	}
	b.addRow(row{
		what:     "start until ready, all due",
		measured: fmt.Sprintf("%s due: %s", groupThousands(b.manyPending), formatDuration(median(starts))),
		against:  "the first start, with a cold cache: " + formatDuration(starts[0]),
		figure:   formatDuration(median(starts)),
		limit:    "≤ " + formatDuration(maxDueStart),
		ok:       median(starts) <= maxDueStart,
	})
	return nil
}

// measureSizes measures the files: the program, and the store for each closed order.
func (b *bench) measureSizes(ctx context.Context) error {
	info, err := os.Stat(b.binary)
	if err != nil {
		return err
	}
	b.addRow(atMostBytes("the program, as it is built", float64(info.Size()), maxBinary))
	each, err := b.fileBytes(ctx, "closed", closedOrders)
	if err != nil {
		return err
	}
	b.addRow(atMostBytes("SQLite file for a closed order, with a token of 700 characters", each, maxFileBytes))
	return nil
}
