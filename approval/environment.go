package approval

import "time"

// Environment is everything outside the order that a transition depends on: the time, a random number, and the capacity
// of the caller for actions.
type Environment struct {
	// Now is the time of the transition.
	Now time.Time
	// Lease is the time that the caller has to carry out the actions that the transition returns. Until it ends,
	// other processes do not receive these actions. With a zero Lease the transition starts no action: due actions
	// stay due, and the sweeper finds them.
	Lease time.Duration
	// HasCapacity reports whether the caller has capacity for another action of this kind, on the channel or target
	// of this name. Without capacity the action stays due. A nil HasCapacity means that there is always capacity.
	HasCapacity func(kind ActionKind, name string) bool
	// Jitter is a random number in [0,1). It spreads retries over time.
	Jitter float64
}

// canStart reports whether the transition may start an action and lease it to the caller.
func (env Environment) canStart(kind ActionKind, name string) bool {
	return env.Lease > 0 && (env.HasCapacity == nil || env.HasCapacity(kind, name))
}
