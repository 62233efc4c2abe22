package callback

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/outbound"
)

// When a place is not called any more, and for how long. Short, because what is held
// back is late: one call a second finds out that an outage is over, or one at a time
// where calls hang.
const (
	TripAfter = 5 // calls in a row without an answer, or with a 5xx
	HoldFor   = time.Second
	Urgent    = 2 * time.Minute // before its task's end an answer is never held
)

// maxPlaces bounds how many places are remembered: callback URLs name them.
const maxPlaces = 1000

// BreakerConfig configures a Breaker. The zero value takes the target for one
// place, without a bound.
type BreakerConfig struct {
	// Place names the part of the target that an answer goes to and that fails as one;
	// nil means that all of it does.
	Place func(approval.Answer) string
	// Most is how many calls to one place are under way at once; 0 is no bound.
	Most int
	// Held is told when a place is no longer called (1), and when it is again (-1).
	Held func(delta int)
}

// Breaker stops calls that can wait to a place that is down, until one of them in HoldFor gets
// through, and bounds how many wait for a slow one. What it holds back has not been
// sent: its attempt failed, and the order's own schedule tries it again. It is safe
// for concurrent use.
type Breaker struct {
	target Target
	config BreakerConfig

	mu     sync.Mutex
	places map[string]*place
}

// place is one part of a target.
type place struct {
	circuit *gobreaker.CircuitBreaker[struct{}]
	running int
	held    bool
}

// NewBreaker returns a Breaker in front of the target.
func NewBreaker(target Target, c BreakerConfig) *Breaker {
	if c.Place == nil {
		c.Place = func(approval.Answer) string { return "" }
	}
	if c.Held == nil {
		c.Held = func(int) {}
	}
	return &Breaker{target: target, config: c, places: map[string]*place{}}
}

// Deliver is the target's, unless its place is held. What cannot wait is not held:
// while a network drops every other call, one call a second would be too few for
// those whose tasks end.
func (b *Breaker) Deliver(ctx context.Context, a approval.Answer) error {
	return b.call(a, func(p *place) error {
		if !a.Expires.IsZero() && time.Until(a.Expires) < Urgent {
			return b.target.Deliver(ctx, a)
		}
		_, err := p.circuit.Execute(func() (struct{}, error) { return struct{}{}, b.target.Deliver(ctx, a) })
		if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
			return approval.RetryAfter(approval.NotApplied(errHeld), HoldFor)
		}
		return err
	})
}

// Heartbeat is the target's: none of them can wait. They say nothing of the place:
// some targets have none to send.
func (b *Breaker) Heartbeat(ctx context.Context, a approval.Answer) error {
	return b.call(a, func(*place) error { return b.target.Heartbeat(ctx, a) })
}

// The reasons for which nothing is sent.
var (
	errHeld = fmt.Errorf("not sent: it did not answer %d times in a row, and is asked again in a while", TripAfter)
	errBusy = errors.New("not sent: as many calls to this place as may be are under way")
)

func (b *Breaker) call(a approval.Answer, send func(*place) error) error {
	name := b.config.Place(a)
	p := b.enter(name)
	if p == nil {
		return approval.NotApplied(errBusy)
	}
	defer b.leave(name, p)
	return send(p)
}

// enter counts a call to the place, or returns nil if it has no room.
func (b *Breaker) enter(name string) *place {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.places[name]
	if p == nil {
		p = b.place(name)
	}
	if b.config.Most > 0 && p.running >= b.config.Most {
		return nil
	}
	p.running++
	return p
}

// place makes room for one more place, and makes it.
func (b *Breaker) place(name string) *place {
	for other, p := range b.places {
		if len(b.places) < maxPlaces {
			break
		}
		if p.running == 0 {
			b.forget(other, p)
		}
	}
	p := &place{circuit: gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:      HoldFor,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= TripAfter },
		IsSuccessful: func(err error) bool { return !outbound.IsEndpointFailure(err) },
		IsExcluded:   func(err error) bool { return errors.Is(err, errRateLimit) },
	})}
	b.places[name] = p
	return p
}

// leave ends a call, tells whether the place is held, and forgets one that is well.
func (b *Breaker) leave(name string, p *place) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p.running--
	held := p.circuit.State() != gobreaker.StateClosed
	if held != p.held {
		p.held = held
		b.config.Held(map[bool]int{true: 1, false: -1}[held])
	}
	if p.running == 0 && !held && p.circuit.Counts().ConsecutiveFailures == 0 {
		b.forget(name, p)
	}
}

func (b *Breaker) forget(name string, p *place) {
	if p.held {
		b.config.Held(-1)
	}
	delete(b.places, name)
}
