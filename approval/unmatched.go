package approval

import (
	"slices"
	"time"
)

// UnmatchedDecision is a decision that waits for its request. When it has waited too long it expires, and is still
// shown to operators for a while.
type UnmatchedDecision struct {
	Decision  Decision  `json:"decision"`
	ExpiresAt time.Time `json:"expires"`
	RemoveAt  time.Time `json:"remove"`
	Expired   bool      `json:"expired,omitempty"`
}

// isAbout reports whether the waiting decision is this one, delivered again.
func (u UnmatchedDecision) isAbout(d Decision) bool {
	return u.Decision.ID == d.ID && u.Decision.Source == d.Source
}

// nextChange returns when the decision expires or, once it has expired, when it is removed.
func (u UnmatchedDecision) nextChange() time.Time {
	if u.Expired {
		return u.RemoveAt
	}
	return u.ExpiresAt
}

// UnmatchedRetention is how long an unmatched decision is kept.
type UnmatchedRetention struct {
	WaitFor        time.Duration // how long the decision waits for its request
	ShowExpiredFor time.Duration // how long an expired decision is shown to operators
}

// keepUnmatched keeps a decision until its request arrives. An expired decision that is sent again waits again.
func (o *Order) keepUnmatched(d Decision, keep UnmatchedRetention, env Environment) Verdict {
	waiting := 0
	for _, u := range o.Unmatched {
		same := u.isAbout(d)
		switch {
		case u.Expired:
		case same && u.Decision.Outcome == d.Outcome:
			return Verdict{Code: VerdictRepeated}
		case same:
			return Verdict{Code: VerdictConflict}
		default:
			waiting++
		}
	}
	if waiting >= MaxUnmatched {
		return Verdict{Code: VerdictOverflow}
	}
	if len(o.Unmatched) >= 2*MaxUnmatched { // at least half of them are expired: remove the oldest of these
		i := slices.IndexFunc(o.Unmatched, func(u UnmatchedDecision) bool { return u.Expired })
		o.Unmatched = slices.Delete(o.Unmatched, i, i+1)
	}
	expires := env.Now.Add(keep.WaitFor)
	o.Unmatched = append(o.Unmatched, UnmatchedDecision{
		Decision:  d,
		ExpiresAt: expires,
		RemoveAt:  expires.Add(keep.ShowExpiredFor),
	})
	return Verdict{Code: VerdictWaiting}
}

// applyUnmatched applies the unmatched decisions about a new approval. A refused decision becomes a dead letter,
// because its sender was told that it waits. After a final refusal there is no dead letter: an operator cannot cure it,
// and the history has it.
func (o *Order) applyUnmatched(a *Approval, env Environment) []Action {
	var actions []Action
	var rest []UnmatchedDecision
	for _, u := range o.Unmatched {
		otherStep := u.Decision.Step != "" && u.Decision.Step != a.Step
		if u.Expired || !u.ExpiresAt.After(env.Now) || otherStep {
			rest = append(rest, u)
			continue
		}
		v, more := o.applyDecision(a, u.Decision, env)
		o.recordVerdict(u.Decision, v, false, env)
		actions = append(actions, more...)
		if err := v.Err(); err != nil && !v.IsFinal() {
			actions = append(actions, o.newDeadLetter(a, err.Error()))
		}
	}
	o.Unmatched = rest
	return actions
}

// expireUnmatched marks unmatched decisions as expired when they have waited too long, and removes them when they have
// been shown long enough.
func (o *Order) expireUnmatched(env Environment) []Action {
	var actions []Action
	for i := range o.Unmatched {
		u := &o.Unmatched[i]
		if u.Expired || u.ExpiresAt.After(env.Now) {
			continue
		}
		u.Expired = true
		d := u.Decision
		e := Event{
			At:      env.Now,
			Kind:    EventUnmatchedExpired,
			Outcome: d.Outcome,
			Note:    d.ID,
		}
		d.actor().record(&e)
		o.recordEvent(e)
		actions = append(actions, o.newDeadLetter(nil, "no request arrived for decision "+d.ID))
	}
	o.Unmatched = slices.DeleteFunc(o.Unmatched, func(u UnmatchedDecision) bool {
		return u.Expired && !u.RemoveAt.After(env.Now)
	})
	return actions
}

// judgeWaiting judges the unmatched decisions again. It is called after a probe has ended, because some of them may have
// waited for its answer.
func (o *Order) judgeWaiting(Environment) []Action { return nil }
