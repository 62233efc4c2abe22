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
	// ShortLease is the shortest lease of a callback whose task ends soon. Zero stands for Lease.
	ShortLease time.Duration
	// Reserve reserves capacity for an action that the transition is about to start, and reports whether there was any.
	// Without capacity the action stays due. The token of a callback or heartbeat may be a URL, whose host has a
	// capacity of its own. The caller releases all that it reserved if the transition is not stored. A nil Reserve means
	// that there is always capacity.
	Reserve func(action Action, token Token) bool
	// Hold reports whether an operator holds the notifications or callbacks of the action's workflow at present. A held
	// action is looked at again after some minutes; the caller advances the order when the action is no longer held. A nil
	// Hold holds nothing.
	Hold func(action Action) bool
	// HeartbeatTaken returns when the latest heartbeat of an approval that this process knows the target to have taken was
	// started, or the zero time. Taken heartbeats of a pending approval are not stored each: the next heartbeat that this
	// process starts stores them, or the transition that closes the approval. It may be nil.
	HeartbeatTaken func(approvalID string) time.Time
	// KeepsHeartbeats reports whether this process keeps heartbeats of this interval in its memory while their approval
	// is pending: the record then has only that they are kept. The caller obeys HeartbeatChanges. A nil KeepsHeartbeats
	// keeps none: they are due in the record.
	KeepsHeartbeats func(interval time.Duration) bool
	// HoldDeadlines is set while the clock cannot be trusted: no approval is closed by its deadline.
	HoldDeadlines bool
	// NeedsSecond makes the acts of operators proposals. ConfirmedBy is the principal of the second operator while a
	// proposal is carried out.
	NeedsSecond NeedsSecond
	ConfirmedBy string
	// ProposalChannels are the channels that tell operators about a proposal.
	ProposalChannels []string
	// Jitter is a random number in [0,1). It spreads retries over time.
	Jitter float64
}

// canStart reports whether the transition may start an action and lease it to the caller. The capacity is then reserved,
// so the transition must start the action.
func (env Environment) canStart(action Action, token Token) bool {
	return env.Lease > 0 && (env.Reserve == nil || env.Reserve(action, token))
}

// holds reports whether an action that is due must wait, because an operator holds it.
func (env Environment) holds(action Action) bool {
	return env.Lease > 0 && env.Hold != nil && env.Hold(action)
}
