package inbound

import "time"

// victim returns the body that has to give up its memory: of the share that holds the most, the one that costs the most.
// It returns nil if no body is still arriving that holds any.
func (b *Bodies) victim() *body {
	var heaviest *share
	heaviestIsProtected := false
	for key, s := range b.shares {
		isProtected := s.used <= b.limit/protectedParts && b.verified.has(key, b.now())
		switch {
		case s.used == 0:
		case heaviest == nil,
			heaviestIsProtected && !isProtected,
			heaviestIsProtected == isProtected && s.used > heaviest.used:
			heaviest, heaviestIsProtected = s, isProtected
		}
	}
	if heaviest == nil {
		return nil
	}
	var worst *body
	var worstCost float64
	for e := heaviest.arriving.Front(); e != nil; e = e.Next() {
		candidate := e.Value.(*body)
		if cost := candidate.cost(b.now()); cost > worstCost {
			worst, worstCost = candidate, cost
		}
	}
	return worst
}

// cost is what a body takes from others: its memory, times the time since bytes of it arrived. Between bodies that arrive
// at this moment, the larger one costs more.
func (b *body) cost(now time.Time) float64 {
	return float64(b.taken) * (now.Sub(b.progress) + time.Millisecond).Seconds()
}

// displace takes the memory of a body away. Its reader is woken by a deadline that has passed, and returns the memory at
// the end of its handler.
func (b *Bodies) displace(victim *body) {
	b.leave(victim)
	b.leaving += victim.taken
	victim.displaced = true
	_ = victim.control.SetReadDeadline(time.Unix(1, 0))
}
