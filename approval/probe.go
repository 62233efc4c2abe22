package approval

import (
	"fmt"
	"slices"
	"time"
)

// Bounds of the probes of an approval.
const (
	// probePause is the shortest time between the starts of two probes.
	probePause = time.Second
	// maxProbeFailures is the number of failed attempts after which a probe ends without an answer.
	maxProbeFailures = 5
	// maxProbeTime is the time after which a probe ends without an answer, also if no attempt could be made. Approvers
	// that are not notified yet wait for it.
	maxProbeTime = 2 * time.Minute
)

// Probe is the progress of the question whether the workflow still waits with the token of an approval. It is asked by a
// heartbeat, when another attempt of the same question arrives: only the target knows whether the older attempt has
// ended, as after a retry, or both wait, as in the branches of a Parallel or Map state.
type Probe struct {
	// Newer is the ID of the attempt that supersedes this one if its task is closed. It is empty if no probe is asked for.
	Newer string `json:"newer,omitempty"`
	// Holding is set while approvers are not notified yet, because the approval may be an attempt that has ended.
	Holding bool      `json:"holding,omitempty"`
	Since   time.Time `json:"since,omitzero"` // when the probe was asked for
	// Due is when the next attempt may start. While an attempt runs, it is the end of its lease.
	Due       time.Time `json:"due,omitzero"`
	StartedAt time.Time `json:"started_at,omitzero"` // of the latest attempt
	Running   bool      `json:"running,omitempty"`   // an attempt was started and has no recorded result
	// Repeat is set when yet another attempt arrived while this one was probed: the answer under way may be too old.
	Repeat   bool `json:"repeat,omitempty"`
	Failures int  `json:"failures,omitempty"` // failed attempts since the probe was asked for
	Attempts int  `json:"attempts,omitempty"` // all attempts that were started
	Answers  int  `json:"answers,omitempty"`  // all probes that have ended
}

// isProbing reports whether it is still open which attempts of the approval's question wait: a probe of the approval is
// asked for or under way. A decision that may be about the approval waits for the answer.
func (a *Approval) isProbing() bool { return a.Status == Pending && a.Probe.Newer != "" }

// isUnderWay reports whether the action's attempt runs.
func (p Probe) isUnderWay(action Action) bool {
	return p.Running && p.Attempts == action.Attempt && p.Due.Equal(action.LeaseExpires)
}

// requestProbe has the target of an approval asked whether its workflow still waits. If an attempt to ask is under way,
// another one follows, because its answer may be from before the newer attempt began.
func (o *Order) requestProbe(a, newer *Approval, env Environment) []Action {
	p := &a.Probe
	isNew := p.Newer == ""
	p.Newer = newer.ID
	if !isNew {
		p.Repeat = p.Running
		return nil
	}
	p.Since = env.Now
	p.Due = laterOf(env.Now, p.StartedAt.Add(probePause))
	return o.advanceProbe(a, env)
}

// advanceProbe starts the attempt of the probe that is due, or ends the probe without an answer.
func (o *Order) advanceProbe(a *Approval, env Environment) []Action {
	p := &a.Probe
	if a.Status != Pending || p.Due.IsZero() || p.Due.After(env.Now) {
		return nil
	}
	switch {
	case p.Running:
		lost := Result{Kind: ResultFailed, Reason: "the result of the attempt was not recorded"}
		return o.recordProbeFailure(a, lost, env)
	case !p.end().After(env.Now):
		return o.endProbe(a, ResultFailed, fmt.Sprintf("no answer within %s", maxProbeTime), env)
	}
	action := o.newAction(ActionHeartbeat, a, env.Now.Add(env.Lease))
	action.Probe = true
	action.Attempt = p.Attempts + 1
	if !env.canStart(action, a.Token) {
		return nil
	}
	p.Attempts = action.Attempt
	p.Running = true
	p.StartedAt = env.Now
	p.Due = action.LeaseExpires
	return []Action{action}
}

// endClosedProbes ends the probes of approvals that have closed in the meantime. A decision that waited for one of their
// answers can be about a single pending approval now, and can close further ones.
func (o *Order) endClosedProbes(env Environment) []Action {
	var actions []Action
	isProbed := func(a *Approval) bool { return a.Status != Pending && a.Probe.Newer != "" }
	for slices.ContainsFunc(o.Approvals, isProbed) {
		for _, a := range o.Approvals {
			if isProbed(a) {
				a.Probe.reset()
			}
		}
		actions = append(actions, o.judgeWaiting(env)...)
	}
	return actions
}

// recordProbeResult records the result of the attempt under way, unless the target stated that the task is closed.
func (o *Order) recordProbeResult(a *Approval, r Result, env Environment) []Action {
	p := &a.Probe
	p.Running = false
	switch {
	case r.Kind == ResultFailed:
		return o.recordProbeFailure(a, r, env)
	case r.Kind == ResultRefused:
		return o.endProbe(a, r.Kind, r.Reason, env)
	case !p.Repeat:
		return o.endProbe(a, r.Kind, "", env)
	}
	// Another attempt arrived in the meantime. The task was open just now, so approvers are notified.
	p.Repeat = false
	p.Failures = 0
	p.Since = env.Now
	p.Due = laterOf(env.Now, p.StartedAt.Add(probePause))
	actions := o.askHeldApprovers(a, env)
	actions = append(actions, o.advanceProbe(a, env)...)
	return append(actions, o.startDueActions(a, env)...)
}

// recordProbeFailure schedules the next attempt of a probe after 1 s, 2 s, 4 s and 8 s. After the fifth failure the probe
// ends without an answer.
func (o *Order) recordProbeFailure(a *Approval, r Result, env Environment) []Action {
	p := &a.Probe
	p.Running = false
	p.Failures++
	if p.Failures >= maxProbeFailures || !p.end().After(env.Now) {
		return o.endProbe(a, ResultFailed, r.Reason, env)
	}
	p.wait(max(probePause<<(p.Failures-1), r.After), env)
	return nil
}

// end returns when the probe ends without an answer.
func (p Probe) end() time.Time { return p.Since.Add(maxProbeTime) }

// wait makes the next attempt due after a wait. However long the target asks us to wait, the probe ends in time.
func (p *Probe) wait(d time.Duration, env Environment) {
	p.Due = earlierOf(env.Now.Add(d), laterOf(env.Now, p.end()))
}

// endProbe ends a probe that has not found the task closed: both attempts stay pending. Approvers that were not notified
// yet are notified, and decisions that waited for the answer are judged.
func (o *Order) endProbe(a *Approval, kind ResultKind, reason string, env Environment) []Action {
	actions := o.askHeldApprovers(a, env)
	o.recordProbed(a, kind, reason, env)
	a.Probe.reset()
	actions = append(actions, o.startDueActions(a, env)...)
	return append(actions, o.judgeWaiting(env)...)
}

// recordProbed records the end of a probe, with the approval that asked for it.
func (o *Order) recordProbed(a *Approval, kind ResultKind, reason string, env Environment) {
	a.Probe.Answers++
	e := a.newEvent(EventProbed, env.Now)
	e.Target = a.Target
	e.Code = string(kind)
	e.Attempt = a.Probe.Answers
	e.Note = "asked because of " + a.Probe.Newer
	if reason != "" {
		e.Note += ": " + reason
	}
	o.recordEvent(e)
}

// reset returns the probe to the state in which none is asked for.
func (p *Probe) reset() {
	*p = Probe{StartedAt: p.StartedAt, Attempts: p.Attempts, Answers: p.Answers}
}

// askHeldApprovers notifies the approvers of a request whose notifications were held back.
func (o *Order) askHeldApprovers(a *Approval, env Environment) []Action {
	held := a.Probe.Holding
	a.Probe.Holding = false
	if !held || a.Status != Pending {
		return nil
	}
	return o.askApprovers(a, env)
}
