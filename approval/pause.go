package approval

import (
	"slices"
	"time"
)

// Bounds of the wait until an action that an operator holds is looked at again. It is about half of the time that it has
// been held already. When the operator resumes the workflow, the processes that wait for that advance the order at once.
const (
	minHoldWait = time.Minute
	// MaxHoldWait is the longest.
	MaxHoldWait = 10 * time.Minute
)

// Pause is how long an operator has held an action that was due. It does not count as time that the retries of
// the action use up.
type Pause struct {
	Since time.Time     `json:"since,omitzero"`  // since when the action is held; zero if it is not
	Total time.Duration `json:"total,omitempty"` // the pauses before
	// Resumed is set until the first attempt after a pause has been made. An attempt that was held back in this process
	// is none.
	Resumed bool `json:"resumed,omitempty"`
}

// isOn reports whether the action is held, or was held and has not begun again.
func (p Pause) isOn() bool { return !p.Since.IsZero() }

// hold records that an action that was due is held, and returns when to look at it again.
func (p *Pause) hold(due time.Time, env Environment) time.Time {
	if p.Since.IsZero() {
		p.Since = due
	}
	if due.After(env.Now) {
		return due
	}
	return env.Now.Add(min(max(env.Now.Sub(p.Since)/2, minHoldWait), MaxHoldWait))
}

// end records that the action begins again. The times from which it would have been given up move by the pause.
func (p *Pause) end(env Environment, starts ...*time.Time) {
	if p.Since.IsZero() {
		return
	}
	paused := max(0, env.Now.Sub(p.Since))
	p.Since = noTime
	p.Resumed = true
	p.Total += paused
	for _, start := range starts {
		if !start.IsZero() {
			*start = start.Add(paused)
		}
	}
}

// HeldActions returns an action of each workflow for which notifications or answers of the order are held.
func (o *Order) HeldActions() (held []Action) {
	for _, a := range o.Approvals {
		kind := a.heldKind()
		if kind != "" && !slices.ContainsFunc(held, func(h Action) bool { return h.Workflow == a.Workflow }) {
			held = append(held, o.newAction(kind, a, noTime))
		}
	}
	return held
}

// heldKind returns the kind of the action that is held, or "".
func (a *Approval) heldKind() ActionKind {
	if a.Callback.State == CallbackPending && a.Callback.Pause.isOn() {
		return ActionCallback
	}
	for _, n := range a.Notifications {
		if n.State == NotificationPending && n.Pause.isOn() {
			return ActionNotify
		}
	}
	return ""
}
