package router

import (
	"context"
	"sync"
	"time"
)

// slowAfter is the time after which a slow transition gives its slot back and goes on beside the others. So even many
// slow orders, such as those of a partition that is throttled, do not delay the rest.
const slowAfter = time.Second

// maxSlow bounds the transitions that go on without a slot.
const maxSlow = 4096

// pool bounds the transitions that run concurrently.
type pool struct {
	slots   chan struct{} // has a value for each slot that is taken
	slow    chan struct{} // has a value for each transition that goes on without a slot
	running sync.WaitGroup
}

func newPool(size int) *pool {
	return &pool{slots: make(chan struct{}, size), slow: make(chan struct{}, maxSlow)}
}

// take takes all free slots and returns their number. It waits until a part of them is free, because a claim for each
// single slot would cost more than it gains; after the given time a single one is enough. It returns 0 if the context
// ends.
func (p *pool) take(ctx context.Context, patience time.Duration) int {
	part := max(1, cap(p.slots)/2)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	taken := 0
	for taken < part {
		select {
		case p.slots <- struct{}{}:
			taken++
		case <-timer.C:
			part = 1
		case <-ctx.Done():
			p.giveBack(taken)
			return 0
		}
	}
	for {
		select {
		case p.slots <- struct{}{}:
			taken++
		default:
			return taken
		}
	}
}

func (p *pool) giveBack(slots int) {
	for range slots {
		<-p.slots
	}
}

// run runs f in a goroutine, in a slot that was taken. The slot is given back when f ends, or when f is slow.
func (p *pool) run(f func()) {
	p.running.Go(func() {
		var mu sync.Mutex
		ended, slow := false, false
		timer := time.AfterFunc(slowAfter, func() {
			mu.Lock()
			defer mu.Unlock()
			if ended {
				return
			}
			select {
			case p.slow <- struct{}{}:
				slow = true
				p.giveBack(1)
			default: // too many are slow: it keeps its slot
			}
		})
		f()
		timer.Stop()
		mu.Lock()
		defer mu.Unlock()
		ended = true
		if slow {
			<-p.slow
		} else {
			p.giveBack(1)
		}
	})
}

// runExtra runs f in a goroutine, beside the slots.
func (p *pool) runExtra(f func()) { p.running.Go(f) }

// waitAtMost waits until all transitions have ended, but not longer than the given time.
func (p *pool) waitAtMost(d time.Duration) {
	ended := make(chan struct{})
	go func() {
		p.running.Wait()
		close(ended)
	}()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
	}
}
