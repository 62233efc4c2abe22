package inbound

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Every remote has this much of its own, whatever others send: five requests a second, and twenty at once.
const (
	ownRate        = 5
	ownBurst       = 20
	maxRateRemotes = 8192
)

// Rate limits the requests of a listener, all together. A remote that sends little is not limited, however much others
// send. A nil Rate limits nothing.
type Rate struct {
	mu      sync.Mutex
	all     *rate.Limiter // nil if nothing is limited
	remotes *recent[netip.Prefix, *rate.Limiter]
}

// NewRate returns a limit of so many requests a second, and so many at once. A rate of 0 limits nothing.
func NewRate(perSecond float64, burst int) *Rate {
	r := &Rate{remotes: newRecent[netip.Prefix, *rate.Limiter](maxRateRemotes)}
	r.Set(perSecond, burst)
	return r
}

// Set changes the limit.
func (r *Rate) Set(perSecond float64, burst int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case perSecond == 0:
		r.all = nil
	case r.all == nil:
		r.all = rate.NewLimiter(rate.Limit(perSecond), burst)
	default:
		r.all.SetLimit(rate.Limit(perSecond))
		r.all.SetBurst(burst)
	}
}

// Wait counts a request, and returns how long its remote should wait before the next try; 0 means that the request is
// within the limit.
func (r *Rate) Wait(remote netip.Addr, now time.Time) time.Duration {
	if r == nil {
		return 0
	}
	key := prefixOf(remote)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all == nil || r.all.AllowN(now, 1) {
		return 0
	}
	own, known := r.remotes.get(key, now)
	if !known {
		own = rate.NewLimiter(ownRate, ownBurst)
	}
	r.remotes.put(key, own, now.Add(ownBurst/ownRate*time.Second))
	if own.AllowN(now, 1) {
		return 0
	}
	return time.Second
}
