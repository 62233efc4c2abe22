package callback

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/outbound"
)

// The circuit of a host opens after this many failures in a row, and a trial call is made after this time. The time is
// short, because the answers that were not sent are late: a call per second finds out that an outage is over, or a single
// call at a time if calls hang.
const (
	FailuresToOpen = 5 // calls without an answer, or with a 5xx
	OpenDuration   = time.Second
	// UrgentBefore is the time before the end of a task in which an answer is sent although the circuit is open.
	UrgentBefore = 2 * time.Minute
)

// The answers that an open circuit refuses come back at this rate, and after at most this time.
const (
	returnRate = 100 // answers a second
	maxReturn  = 20 * time.Second
)

// maxHosts bounds the number of hosts in memory: callback URLs name them.
const maxHosts = 1000

// BreakerConfig configures a Breaker. The zero value has a single circuit for the whole target.
type BreakerConfig struct {
	// Host names the part of the target that receives an answer and fails as a whole, such as the host of a callback
	// URL; nil means that the whole target does.
	Host func(approval.Answer) string
	// OpenChanged is called with 1 when the circuit of a host opens and with -1 when it closes.
	OpenChanged func(delta int)
	// Now is the clock that tells whether an answer is urgent; nil means time.Now.
	Now func() time.Time
}

// Breaker is a circuit breaker for a target, with a circuit for each host. While a circuit is open, answers that can wait
// are not sent, except for a trial call per OpenDuration. A call that it refuses was not made: it counts as no attempt,
// and the answer is due again after the time that the refusal states. It is safe for concurrent use.
type Breaker struct {
	target Target
	config BreakerConfig

	mu      sync.Mutex
	hosts   map[string]*host
	retired bool
}

// host is a part of a target with its own circuit.
type host struct {
	circuit *gobreaker.CircuitBreaker[struct{}]
	running int  // calls in progress
	open    bool // as reported to the config
	// failure is the reason code of the last failure of the host: the reason of all calls that the open circuit refuses.
	failure atomic.Pointer[approval.ReasonCode]

	mu sync.Mutex
	// returns is when the latest of the refused answers is due again.
	returns time.Time
}

// deliver calls the target and records the reason of a failure.
func (h *host) deliver(ctx context.Context, target Target, a approval.Answer) error {
	err := target.Deliver(ctx, a)
	if outbound.IsEndpointFailure(err) {
		code := approval.ReasonCodeOf(err)
		h.failure.Store(&code)
	}
	return err
}

// refusal returns the error of a call that the open circuit refuses.
func (h *host) refusal() error {
	err := errOpen
	if code := h.failure.Load(); code != nil {
		err = approval.WithReasonCode(*code, err)
	}
	return approval.NotMade(approval.RetryAfter(approval.NotApplied(err), h.nextReturn(time.Now())))
}

// nextReturn returns the time after which a refused answer is due again. The answers that an outage has piled up come
// back one after the other, because each return costs two updates of its order. But none waits longer than maxReturn.
func (h *host) nextReturn(now time.Time) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if earliest := now.Add(OpenDuration); h.returns.Before(earliest) {
		h.returns = earliest
	} else if h.returns = h.returns.Add(time.Second / returnRate); h.returns.After(now.Add(maxReturn)) {
		h.returns = now.Add(maxReturn)
	}
	return h.returns.Sub(now)
}

// NewBreaker returns a Breaker in front of the target.
func NewBreaker(target Target, c BreakerConfig) *Breaker {
	if c.Host == nil {
		c.Host = func(approval.Answer) string { return "" }
	}
	if c.OpenChanged == nil {
		c.OpenChanged = func(int) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Breaker{target: target, config: c, hosts: map[string]*host{}}
}

// Retire reports every open circuit as closed, and reports nothing from then on. It is called when another Breaker takes
// this one's place. Calls in progress go on.
func (b *Breaker) Retire() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, h := range b.hosts {
		if h.open {
			b.reportOpen(-1)
		}
	}
	b.retired = true
}

// reportOpen reports a change of the number of open circuits.
func (b *Breaker) reportOpen(delta int) {
	if !b.retired {
		b.config.OpenChanged(delta)
	}
}

// Deliver implements Target. An urgent answer bypasses the circuit: while a network drops every second call, a single
// call per second would be too few for the tasks that end soon.
func (b *Breaker) Deliver(ctx context.Context, a approval.Answer) error {
	return b.withHost(a, func(h *host) error {
		if !a.Expires.IsZero() && a.Expires.Sub(b.config.Now()) < UrgentBefore {
			return b.target.Deliver(ctx, a)
		}
		_, err := h.circuit.Execute(func() (struct{}, error) { return struct{}{}, h.deliver(ctx, b.target, a) })
		if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
			return h.refusal()
		}
		return err
	})
}

// Heartbeat implements Heartbeater. Heartbeats are always urgent, and their outcome does not affect the circuit, which is
// about answers. For a target without heartbeats it returns ErrNoHeartbeats.
func (b *Breaker) Heartbeat(ctx context.Context, a approval.Answer) error {
	target, ok := b.target.(Heartbeater)
	if !ok {
		return ErrNoHeartbeats
	}
	return b.withHost(a, func(*host) error { return target.Heartbeat(ctx, a) })
}

// FindTruth implements Reconciler. It is about the past, so it bypasses the circuit.
func (b *Breaker) FindTruth(ctx context.Context, a approval.Answer) (truth approval.Truth, err error) {
	target, ok := b.target.(Reconciler)
	if !ok {
		return "", errNoReconciler
	}
	err = b.withHost(a, func(*host) (err error) {
		truth, err = target.FindTruth(ctx, a)
		return err
	})
	return truth, err
}

// errNoReconciler is the error of a target that does not tell how a task has ended.
var errNoReconciler = approval.Permanent(approval.WithReasonCode(approval.ReasonNotConfigured,
	errors.New("the target does not tell how a task has ended")))

// errOpen is the error of a call that the breaker refuses.
var errOpen = approval.WithReasonCode(approval.ReasonCircuitOpen,
	fmt.Errorf("not sent: the circuit breaker is open after %d failures in a row", FailuresToOpen))

// withHost calls send with the host of an answer.
func (b *Breaker) withHost(a approval.Answer, send func(*host) error) error {
	name := b.config.Host(a)
	h := b.beginCall(name)
	defer b.endCall(name, h)
	return send(h)
}

// beginCall counts a call to the host.
func (b *Breaker) beginCall(name string) *host {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := b.hosts[name]
	if h == nil {
		h = b.addHost(name)
	}
	h.running++
	return h
}

// addHost adds a host with a closed circuit. If there are too many hosts, it removes hosts without a call in progress.
func (b *Breaker) addHost(name string) *host {
	for other, h := range b.hosts {
		if len(b.hosts) < maxHosts {
			break
		}
		if h.running == 0 {
			b.removeHost(other, h)
		}
	}
	h := &host{circuit: gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:      OpenDuration,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= FailuresToOpen },
		IsSuccessful: func(err error) bool { return !outbound.IsEndpointFailure(err) },
		IsExcluded:   func(err error) bool { return errors.Is(err, errRateLimit) }, // it tells nothing of the host
	})}
	b.hosts[name] = h
	return h
}

// endCall ends a call, reports a change of the circuit, and removes a host without failures.
func (b *Breaker) endCall(name string, h *host) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h.running--
	open := h.circuit.State() != gobreaker.StateClosed
	if open != h.open {
		h.open = open
		b.reportOpen(map[bool]int{true: 1, false: -1}[open])
	}
	if h.running == 0 && !open && h.circuit.Counts().ConsecutiveFailures == 0 {
		b.removeHost(name, h)
	}
}

func (b *Breaker) removeHost(name string, h *host) {
	if h.open {
		b.reportOpen(-1)
	}
	delete(b.hosts, name)
}
