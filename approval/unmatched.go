package approval

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"github.com/approval-relay/approval-relay/form"
)

// UnmatchedDecision is a decision that waits for its request. When it has waited too long it expires, and is still
// shown to operators for a while.
type UnmatchedDecision struct {
	Decision  Decision  `json:"decision"`
	ExpiresAt time.Time `json:"expires"`
	RemoveAt  time.Time `json:"remove"`
	Expired   bool      `json:"expired,omitempty"`
	// JudgeAt is when the decision is judged again, because something may have changed by then. It is zero if only a new
	// request or the answer of a probe can change something.
	JudgeAt time.Time `json:"judge_at,omitzero"`
	// AdmittedAt is when pending approvals last admitted the decision, which waited for the answer of a probe; zero if none
	// did. If all of them close, the decision is about one of them, and not about a later request.
	AdmittedAt time.Time `json:"admitted_at,omitzero"`
}

// settleTime is how long a decision that names no step waits after the request of a step. The requests of two parallel
// branches arrive one after the other, and the decision must not be spent on the first of them.
const settleTime = 2 * time.Second

// isAbout reports whether the waiting decision is this one, delivered again.
func (u UnmatchedDecision) isAbout(d Decision) bool {
	return u.Decision.ID == d.ID && u.Decision.Source == d.Source
}

// judgeRepetition returns the verdict of the waiting decision, delivered again. It returns the zero Verdict if the sender
// now names another step, execution or approval.
func (u UnmatchedDecision) judgeRepetition(d Decision) Verdict {
	switch {
	case u.Decision.Outcome != d.Outcome, u.Decision.Choice != d.Choice,
		digestValues(u.Decision.Values) != digestValues(d.Values):
		return Verdict{Code: VerdictConflict}
	case u.Decision.hasSameSelectors(d):
		return Verdict{Code: VerdictRepeated}
	}
	return Verdict{}
}

// isOpen reports whether the decision still waits.
func (u UnmatchedDecision) isOpen(now time.Time) bool { return !u.Expired && u.ExpiresAt.After(now) }

// nextChange returns when the decision is judged again or expires or, once it has expired, when it is removed.
func (u UnmatchedDecision) nextChange() time.Time {
	switch {
	case u.Expired:
		return u.RemoveAt
	case u.JudgeAt.IsZero():
		return u.ExpiresAt
	}
	return earlierOf(u.JudgeAt, u.ExpiresAt)
}

// UnmatchedRetention is how long an unmatched decision is kept.
type UnmatchedRetention struct {
	WaitFor        time.Duration // how long the decision waits for its request
	ShowExpiredFor time.Duration // how long an expired decision is shown to operators
}

// keepUnmatched keeps a decision until an approval admits it, or until the probes among its candidates have ended. An
// expired decision that is sent again waits again.
func (o *Order) keepUnmatched(
	d Decision, candidates []*Approval, keep UnmatchedRetention, env Environment,
) Verdict {
	if d.isOperators() && env.NeedsSecond != nil { // a decision that waits cannot become a proposal
		return Verdict{Code: VerdictUnknown}
	}
	values, faults := keepValues(d)
	if len(faults) > 0 {
		return Verdict{Code: VerdictInvalid, Faults: faults}
	}
	d.Values = values
	waiting := 0
	for _, u := range o.Unmatched {
		if !u.Expired {
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
	u := UnmatchedDecision{
		Decision:  d,
		ExpiresAt: expires,
		RemoveAt:  expires.Add(keep.ShowExpiredFor),
	}
	if len(candidates) > 0 {
		u.AdmittedAt = env.Now
	}
	o.Unmatched = append(o.Unmatched, u)
	o.newTexts = append(o.newTexts, func() {
		if i := slices.IndexFunc(o.Unmatched, func(u UnmatchedDecision) bool { return u.isAbout(d) }); i >= 0 {
			o.Unmatched[i].Decision.Comment = CutText(d.Comment, MaxComment, shortComment)
		}
	})
	return Verdict{Code: VerdictWaiting}
}

// keepValues returns the values of a decision that waits, which nobody can judge yet. They are refused if they can be
// valid for no request: the record keeps as much as the values of a vote.
func keepValues(d Decision) (json.RawMessage, []form.Fault) {
	if d.Choice == "" && d.Outcome == "" {
		return nil, []form.Fault{{Field: faultChoice, Code: form.Missing}}
	}
	if len(d.Values) == 0 {
		return nil, nil
	}
	var text bytes.Buffer
	switch err := json.Compact(&text, d.Values); {
	case err != nil, text.Bytes()[0] != '{':
		return nil, []form.Fault{{Code: form.WrongType, Want: "object"}}
	case text.Len() > form.MaxValues:
		return nil, []form.Fault{{Code: form.TooLarge, Want: "32 KiB"}}
	}
	return text.Bytes(), nil
}

// judgeWaiting judges the unmatched decisions again: each is applied to the only pending approval that admits it. It is
// called after a new request, after a probe has ended, and by Advance when one is due to be judged.
func (o *Order) judgeWaiting(env Environment) []Action {
	var actions []Action
	for again := len(o.Unmatched) > 0; again; {
		waiting := o.Unmatched
		wasPending := o.listPending()
		before := o.admission()
		o.Unmatched = nil // an approval that closes or is escalated has none to mark, see judgeLater
		var rest []UnmatchedDecision
		for _, u := range waiting {
			if u.isOpen(env.Now) {
				keep, more := o.judgeUnmatched(&u, wasPending, env)
				actions = append(actions, more...)
				if !keep {
					continue
				}
			}
			rest = append(rest, u)
		}
		o.Unmatched = rest
		again = len(rest) > 0 && o.admission() != before
	}
	return actions
}

// judgeUnmatched judges a waiting decision, and reports whether it waits on. The list has the approvals that were
// pending before this round: when an earlier decision of the round has closed one, the next decision about it gets its
// verdict, because it arrived for the same request.
//
// A refused decision becomes a dead letter, because its sender was told that it waits. After a final refusal there is no
// dead letter: an operator cannot cure it, and the history has it.
func (o *Order) judgeUnmatched(u *UnmatchedDecision, wasPending []*Approval, env Environment) (bool, []Action) {
	u.JudgeAt = noTime
	d := u.Decision
	candidates := o.findCandidates(d)
	if len(candidates) == 0 {
		for _, a := range wasPending {
			if a.Status != Pending && d.selects(a) && a.refusalOf(d) == "" {
				candidates = []*Approval{a}
				break
			}
		}
	}
	if len(candidates) == 0 {
		candidates = o.findClosedCandidate(u)
	}
	var v Verdict
	var actions []Action
	switch {
	case len(candidates) == 0:
		return true, nil
	case isAnyProbing(candidates):
		u.AdmittedAt = env.Now
		return true, nil
	case len(candidates) > 1:
		v = Verdict{Code: VerdictAmbiguous, Candidates: newCandidates(candidates)}
	case d.isSettling(candidates[0], env.Now):
		u.JudgeAt = candidates[0].RequestedAt.Add(settleTime)
		return true, nil
	default:
		v, actions = o.applyDecision(candidates[0], &d, env)
	}
	o.recordVerdict(d, v, false, env)
	if err := v.Err(); err != nil && !v.IsFinal() {
		actions = append(actions, o.newDeadLetter(o.FindApproval(v.ApprovalID), err.Error()))
	}
	return false, actions
}

// findClosedCandidate returns the latest approval, in a list, that admitted a waiting decision while a probe ran and that
// has closed since then. Usually there is none.
func (o *Order) findClosedCandidate(u *UnmatchedDecision) []*Approval {
	d := u.Decision
	for _, a := range slices.Backward(o.Approvals) {
		wasPending := !a.RequestedAt.After(u.AdmittedAt) && !a.ClosedAt.Before(u.AdmittedAt)
		if wasPending && a.Status != Pending && !u.AdmittedAt.IsZero() && d.selects(a) && a.refusalOf(d) == "" {
			return []*Approval{a}
		}
	}
	return nil
}

// isSettling reports whether the requests of other steps may still arrive, so that a waiting decision without a step is
// not applied yet.
func (d Decision) isSettling(a *Approval, now time.Time) bool {
	return a.Step != "" && d.Step == "" && a.RequestedAt.Add(settleTime).After(now)
}

func (o *Order) listPending() []*Approval {
	var out []*Approval
	for _, a := range o.Approvals {
		if a.Status == Pending {
			out = append(out, a)
		}
	}
	return out
}

// admission counts what changes the approvals that a decision can be for: the pending approvals, and their escalations.
func (o *Order) admission() (counts struct{ pending, escalations int }) {
	for _, a := range o.listPending() {
		counts.pending++
		counts.escalations += a.EscalationsDone
	}
	return counts
}

// judgeLater makes the waiting decisions due to be judged again. It is called when an approval has closed or has got
// more approvers, so that there may now be exactly one candidate.
func (o *Order) judgeLater(env Environment) {
	for i := range o.Unmatched {
		if u := &o.Unmatched[i]; u.isOpen(env.Now) {
			u.JudgeAt = env.Now
		}
	}
}

// judgeDue judges the waiting decisions if one is due to be judged.
func (o *Order) judgeDue(env Environment) []Action {
	isDue := func(u UnmatchedDecision) bool {
		return u.isOpen(env.Now) && !u.JudgeAt.IsZero() && !u.JudgeAt.After(env.Now)
	}
	if !slices.ContainsFunc(o.Unmatched, isDue) {
		return nil
	}
	return o.judgeWaiting(env)
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
		actions = append(actions, o.newDeadLetter(nil, "no approval admitted the decision "+d.ID+" in time"))
	}
	o.Unmatched = slices.DeleteFunc(o.Unmatched, func(u UnmatchedDecision) bool {
		return u.Expired && !u.RemoveAt.After(env.Now)
	})
	return actions
}
