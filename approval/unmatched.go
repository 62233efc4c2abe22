package approval

import (
	"slices"
	"time"
)

// UnmatchedDecision is a decision whose request has not come (yet).
type UnmatchedDecision struct {
	Decision  Decision  `json:"decision"`
	ExpiresAt time.Time `json:"expires"`
	RemoveAt  time.Time `json:"remove"` // an expired one is shown until then
	Expired   bool      `json:"expired,omitempty"`
}

func (u UnmatchedDecision) nextChange() time.Time {
	if u.Expired {
		return u.RemoveAt
	}
	return u.ExpiresAt
}

// UnmatchedRetention says how long a decision waits for its request, and how long one that
// waited in vain is shown.
type UnmatchedRetention struct {
	WaitFor        time.Duration
	ShowExpiredFor time.Duration
}

// keepUnmatched keeps a decision until its request comes.
func (o *Order) keepUnmatched(d Decision, keep UnmatchedRetention, env Environment) Verdict {
	waiting := 0
	for _, u := range o.Unmatched {
		same := u.Decision.ID == d.ID && u.Decision.Source == d.Source
		switch {
		case u.Expired: // sent again it waits again: it was not taken
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
	if len(o.Unmatched) >= 2*MaxUnmatched { // the expired make room
		i := slices.IndexFunc(o.Unmatched, func(u UnmatchedDecision) bool { return u.Expired })
		o.Unmatched = slices.Delete(o.Unmatched, i, i+1)
	}
	expires := env.Now.Add(keep.WaitFor)
	o.Unmatched = append(o.Unmatched, UnmatchedDecision{Decision: d, ExpiresAt: expires, RemoveAt: expires.Add(keep.ShowExpiredFor)})
	return Verdict{Code: VerdictWaiting}
}

// applyUnmatched applies the decisions that came before their request.
func (o *Order) applyUnmatched(a *Approval, env Environment) []Action {
	var actions []Action
	var rest []UnmatchedDecision
	for _, u := range o.Unmatched {
		if u.Expired || !u.ExpiresAt.After(env.Now) || (u.Decision.Step != "" && u.Decision.Step != a.Step) {
			rest = append(rest, u)
			continue
		}
		v, more := o.applyDecision(a, u.Decision, env)
		o.recordVerdict(u.Decision, v, env)
		actions = append(actions, more...)
		if err := v.Err(); err != nil && !v.IsFinal() { // its sender was told that it waits
			actions = append(actions, o.newDeadLetter(a, err.Error()))
		}
	}
	o.Unmatched = rest
	return actions
}
