// Package clock is the time of the program for all that is recorded or compared with records: due times, leases,
// deadlines, sessions, links, signatures.
//
// The clock of a machine can be wrong, and it can jump: somebody sets it, a virtual machine is resumed, NTP corrects it.
// A jump must not end approvals, and two workers with clocks that differ must not call anybody twice. So a Clock
//
//   - notices a jump at once, because it compares the clock of the machine with a counter that never jumps. Its time goes
//     on as if there had been none, until a reference tells the right time.
//   - is corrected by a reference: the Date of every answer of AWS, or else the server of the store. Workers that have a
//     reference therefore agree with each other to less than four seconds, whatever their machines say.
//   - tells when it is not to be trusted. Deadlines are then held, because a timeout cannot be taken back.
package clock

import (
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const (
	// jump is the least difference between the clock of the machine and the counter that is a jump. What is less is the
	// work of NTP, and is followed.
	jump = 2 * time.Second
	// correctFrom is the least deviation from the reference that is corrected. The Date of an answer is cut to the second,
	// so that the deviation may be a second more than is known for certain: a clock that is not corrected is wrong by less
	// than two seconds and the time of a call, and two workers differ by less than four. correctUntil is smaller, so that a
	// deviation about the limit does not switch the correction on and off.
	correctFrom  = time.Second
	correctUntil = 500 * time.Millisecond
	// maxSkew is the deviation of the machine's clock from the reference beyond which deadlines are held. AWS refuses the
	// signatures of a clock that is wrong by more.
	maxSkew = 5 * time.Minute
	// backward is the least correction to an earlier time that WentBack is called for.
	backward = 10 * time.Second
	// trustAfter is the time after a jump at which the clock of the machine is believed if no reference has answered.
	trustAfter = 10 * time.Minute
)

// Observer is notified of the state of a Clock, for the metrics.
type Observer interface {
	// ClockUncertain is called when the clock begins or ceases to be uncertain.
	ClockUncertain(uncertain bool)
}

// Config configures a Clock.
type Config struct {
	Log      *slog.Logger
	Observer Observer
	// Wall is the clock of the machine, and Elapsed a counter that never jumps. Nil takes the clock and counter of the system.
	Wall    func() time.Time
	Elapsed func() time.Duration
	// WentBack is called after a correction to an earlier time: due times that were recorded before may lie too far in the
	// future. It is called in a goroutine of its own. Nil does nothing.
	WentBack func()
}

// Clock is a clock that notices jumps and follows a reference. It is safe for concurrent use.
type Clock struct {
	config Config

	mu          sync.Mutex
	lastWall    time.Time
	lastElapsed time.Duration
	// skew is how far the clock of the machine is ahead of the time that we believe to be right.
	skew time.Duration
	// offset is added to the clock of the machine: -skew, or 0 for a skew that is too small to be known.
	offset time.Duration
	// uncertain is set from a jump until a reference answers, or trustAfter has passed since jumpedAt.
	uncertain bool
	jumpedAt  time.Duration
	reported  bool // a fault was logged, and its end was not
}

// New returns a clock that believes the clock of the machine.
func New(c Config) *Clock {
	if c.Wall == nil {
		c.Wall = time.Now
	}
	if c.Elapsed == nil {
		c.Elapsed = newElapsed()
	}
	clock := &Clock{config: c}
	clock.lastWall, clock.lastElapsed = c.Wall().Round(0), c.Elapsed()
	return clock
}

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.look().Add(c.offset)
}

// look reads the clock of the machine, and compensates a jump since the last look. The time has no monotonic part: that
// of the system does not know of corrections.
func (c *Clock) look() time.Time {
	wall, elapsed := c.config.Wall().Round(0), c.config.Elapsed()
	gap := wall.Sub(c.lastWall) - (elapsed - c.lastElapsed)
	c.lastWall, c.lastElapsed = wall, elapsed
	switch {
	case gap > jump || gap < -jump:
		c.skew += gap
		c.offset -= gap
		c.uncertain, c.jumpedAt = true, elapsed
		c.report("by", gap.Round(time.Second).String())
	case c.uncertain && elapsed-c.jumpedAt > trustAfter:
		c.uncertain, c.skew = false, 0
		c.correct()
		c.report()
	}
	return wall
}

// ClockSkew tells the clock how far the clock of the machine was ahead of the reference when its answer came, to half a
// second. The answer may be older by the time that the call took, because a reference tells the time at which it answers:
// then the machine is ahead by less.
func (c *Clock) ClockSkew(skew, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.look()
	// The value in the range that is nearest to our belief: a call that took long does not move it without need.
	c.skew = min(max(c.skew, skew-time.Second/2-max(took, 0)), skew+time.Second/2)
	c.uncertain = false
	c.correct()
	c.report("skew", c.skew.Round(time.Second).String())
}

// correct sets the offset for the skew.
func (c *Clock) correct() {
	before := c.offset
	limit := correctFrom
	if before != 0 {
		limit = correctUntil
	}
	c.offset = 0
	if c.skew >= limit || c.skew <= -limit {
		c.offset = -c.skew
	}
	if c.offset-before < -backward && c.config.WentBack != nil {
		go c.config.WentBack()
	}
}

// Fault returns the reason why the clock is not to be trusted, or nil.
func (c *Clock) Fault() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.look()
	return c.fault()
}

func (c *Clock) fault() error {
	switch {
	case c.uncertain:
		return fmt.Errorf("the clock of this machine has jumped by %s, and no answer of AWS or the database has confirmed it yet",
			c.skew.Round(time.Second))
	case c.skew > maxSkew:
		return fmt.Errorf("the clock of this machine is %s ahead of AWS or the database", c.skew.Round(time.Second))
	case c.skew < -maxSkew:
		return fmt.Errorf("the clock of this machine is %s behind AWS or the database", -c.skew.Round(time.Second))
	}
	return nil
}

// report logs that the clock has begun or ceased to be trusted.
func (c *Clock) report(details ...any) {
	fault := c.fault()
	if (fault != nil) == c.reported {
		return
	}
	c.reported = fault != nil
	c.config.Observer.ClockUncertain(c.reported)
	if fault != nil {
		c.config.Log.Warn("the clock cannot be trusted: deadlines are held, everything else goes on",
			append([]any{"reason", fault.Error()}, details...)...)
		return
	}
	c.config.Log.Warn("the clock can be trusted again: deadlines are no longer held")
}

// IsUncertain reports whether a reference is needed: the clock has jumped, and none has answered since.
func (c *Clock) IsUncertain() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.look()
	return c.uncertain
}
