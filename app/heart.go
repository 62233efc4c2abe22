package app

import (
	"context"
	"crypto/rand"
	"time"

	group "github.com/oklog/run"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/heartbeat"
	"github.com/approval-relay/approval-relay/store"
)

// heartbeatConcurrency returns the most heartbeats in progress to a target by the current rules: as many as answers.
// 500,000 approvals with an interval of 4 minutes have 2,400 heartbeats a second. If a call takes 100 ms, these are 240 in
// progress.
func (a *App) heartbeatConcurrency(target string) int {
	return a.concurrency(approval.ActionHeartbeat, target)
}

// newHeartbeatSchedule returns the schedule of the heartbeats that this process keeps in memory. It returns nil if the
// store may have other workers and does not tell them apart: the heartbeats are then due in the records.
func (a *App) newHeartbeatSchedule() *heartbeat.Schedule {
	if _, isShared := a.inner.(store.WorkerRegister); isShared {
		return heartbeat.NewSchedule(heartbeat.MinSharedInterval)
	}
	if _, isAlone := a.inner.(store.OrphanLister); isAlone || a.config.Store.Memory {
		return heartbeat.NewSchedule(0)
	}
	return nil
}

// wireHeart makes the part that sends the heartbeats of the schedule.
func (a *App) wireHeart(orders observedStore) {
	if a.transitions.Heartbeats == nil {
		a.metrics.RegisterHeartbeats(func() (kept int, late time.Duration) { return 0, 0 })
		return
	}
	c := heartbeat.Config{
		Schedule:     a.transitions.Heartbeats,
		Orders:       orders,
		Send:         a.beat,
		MayChange:    a.store.MayChange,
		WorkerID:     rand.Text(),
		Now:          a.clock.Now,
		Log:          a.log,
		Concurrency:  a.heartbeatConcurrency,
		CloseTimeout: a.config.Shutdown.Timeout / 5,
	}
	if many, ok := a.inner.(store.ManyGetter); ok {
		c.GetMany = orders.observeGetMany(many.GetMany)
	}
	c.Workers, _ = a.inner.(store.WorkerRegister)
	a.heart = heartbeat.NewHeart(c)
	a.metrics.RegisterHeartbeats(a.transitions.Heartbeats.Stats)
}

// beat sends a heartbeat by the current rules.
func (a *App) beat(ctx context.Context, due heartbeat.Due) heartbeat.Result {
	return a.rules.Load().callbacks.Beat(ctx, due)
}

// addHeart adds the heartbeats that are due in memory.
func (a *App) addHeart(parts *group.Group) {
	if a.heart == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	parts.Add(func() error { return a.heart.Run(ctx) }, func(error) { cancel() })
}
