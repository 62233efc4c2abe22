package approval

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Outcome is what a decision says.
type Outcome string

// The outcomes.
const (
	Approve Outcome = "approve"
	Reject  Outcome = "reject"
)

// resultingStatus is what an approval becomes by the outcome.
func (o Outcome) resultingStatus() Status {
	if o == Approve {
		return Approved
	}
	return Rejected
}

// Via is the way by which a decision came in.
type Via string

// The ways in.
const (
	ViaLink     Via = "link"
	ViaChat     Via = "chat"
	ViaSSO      Via = "sso"
	ViaSNS      Via = "sns"
	ViaWebhook  Via = "webhook"
	ViaAPI      Via = "api"
	ViaOperator Via = "operator"
)

// AllVias lists every way in.
func AllVias() []Via {
	return []Via{ViaLink, ViaChat, ViaSSO, ViaSNS, ViaWebhook, ViaAPI, ViaOperator}
}

// MaxComment is the longest comment, in bytes.
const MaxComment = 4096

// Decision is an answer that came in.
type Decision struct {
	// ID is the sender's; the same decision sent again has the same.
	ID string `json:"id"`
	// Step and ApprovalID narrow down which approval of the order is meant.
	Step       string `json:"step,omitempty"`
	ApprovalID string `json:"approval_id,omitempty"`

	Outcome    Outcome   `json:"outcome"`
	By         string    `json:"by,omitempty"` // who decided; "source:NAME" if nobody is named
	Comment    string    `json:"comment,omitempty"`
	Via        Via       `json:"via"`
	Source     string    `json:"source,omitempty"` // the configured name of the sender
	SentAt     time.Time `json:"sent_at,omitzero"` // when its sender gave it away, zero if unknown
	ReceivedAt time.Time `json:"at"`               // when it reached us
	Trace      string    `json:"trace,omitempty"`  // the trace that it came in, a W3C traceparent
	// ShownDigest is a hash of what whoever decided was shown of the request, where a page
	// of ours showed it.
	ShownDigest string `json:"shown,omitempty"`
}

// Vote is a decision that counted.
type Vote struct {
	DecisionID  string    `json:"decision_id"`
	Outcome     Outcome   `json:"outcome"`
	By          string    `json:"by"`
	Comment     string    `json:"comment,omitempty"`
	Via         Via       `json:"via"`
	Source      string    `json:"source,omitempty"`
	At          time.Time `json:"at"`
	ShownDigest string    `json:"shown,omitempty"` // see Decision
}

// validateDecision names the first field of the decision that cannot be taken.
func (d Decision) validateDecision() error {
	switch {
	case d.ID == "" || len(d.ID) > maxName:
		return InvalidField("decision_id", "must have 1 to %d bytes", maxName)
	case d.Outcome != Approve && d.Outcome != Reject:
		return InvalidField("outcome", "must be %s or %s", Approve, Reject)
	case !slices.Contains(AllVias(), d.Via): // admits knows what each must prove
		return InvalidField("via", "%.40q is no way in", d.Via)
	case len(d.Comment) > MaxComment:
		return InvalidField("comment", "is %d bytes long, the most is %d", len(d.Comment), MaxComment)
	case len(d.By) > maxName:
		return InvalidField("by", "is %d bytes long, the most is %d", len(d.By), maxName)
	case len(d.Step) > maxName:
		return InvalidField("step", "is %d bytes long, the most is %d", len(d.Step), maxName)
	case len(d.ShownDigest) > maxName:
		return InvalidField("shown", "is %d bytes long, the most is %d", len(d.ShownDigest), maxName)
	case len(d.ApprovalID) > maxName:
		return InvalidField("approval", "is %d bytes long, the most is %d", len(d.ApprovalID), maxName)
	case isSourceName(d.By) && d.By != sourceName(d.Source): // only a source decides as itself
		return InvalidField("by", "names a source that did not send it")
	case d.Trace != "" && !isTraceParent(d.Trace):
		return InvalidField("trace", "is no traceparent")
	}
	for _, f := range []Field{{"decision_id", d.ID}, {"by", d.By}, {"step", d.Step}, {"source", d.Source}, {"shown", d.ShownDigest}} {
		if !utf8.ValidString(f.Value) { // would not come back from a store as it was
			return InvalidField(f.Name, "is not UTF-8")
		}
	}
	return nil
}

// Decide records a decision. The verdict says what became of it; a refusal is
// recorded too. The error is Permanent, names a field, and nothing has changed.
func (o *Order) Decide(d Decision, keep UnmatchedRetention, env Environment) (Verdict, []Action, error) {
	if len(o.ID) == 0 || len(o.ID) > MaxOrderID || !utf8.ValidString(o.ID) {
		return Verdict{}, nil, InvalidField("order", "must have 1 to %d bytes of UTF-8", MaxOrderID)
	}
	if err := d.validateDecision(); err != nil {
		return Verdict{}, nil, err
	}
	if d.By == "" && d.Source != "" {
		d.By = sourceName(d.Source)
	}
	actions := o.expireOverdue(env)
	v, more := o.matchDecision(d, keep, env)
	o.recordVerdict(d, v, env)
	return v, append(actions, more...), nil
}

// matchDecision finds the approval that the decision is about and applies it.
func (o *Order) matchDecision(d Decision, keep UnmatchedRetention, env Environment) (Verdict, []Action) {
	if i := slices.IndexFunc(o.JudgedDecisions, func(s JudgedDecision) bool { return s.isAbout(d) }); i >= 0 {
		return o.judgeAgain(o.JudgedDecisions[i], d, env)
	}
	if before, counted := o.findCountedVote(d); counted {
		return o.judgeAgain(before, d, env)
	}
	a, v := o.findTarget(d)
	switch {
	case a != nil:
		return o.applyDecision(a, d, env)
	case v.Code != "":
		return v, nil
	case d.Via == ViaOperator: // most likely a wrong ID, and somebody is there to be told
		return Verdict{Code: VerdictUnknown}, nil
	}
	return o.keepUnmatched(d, keep, env), nil
}

// findCountedVote finds the decision among the votes: those that have counted are known
// for as long as their approval is, however many others have come since.
func (o *Order) findCountedVote(d Decision) (JudgedDecision, bool) {
	for _, a := range o.Approvals {
		for _, v := range a.Votes {
			if s := (JudgedDecision{ID: v.DecisionID, Source: v.Source, Outcome: v.Outcome}); s.isAbout(d) {
				s.Verdict = Verdict{Code: VerdictRecorded, ApprovalID: a.ID}
				return s, true
			}
		}
	}
	return JudgedDecision{}, false
}

// sourcePrefix begins the name of a source where somebody's would stand.
const sourcePrefix = "source:"

func sourceName(source string) string { return sourcePrefix + source }

func isSourceName(by string) bool {
	return strings.HasPrefix(string(NewPersonID(by)), sourcePrefix)
}

// judgeAgain answers a decision that is known. It never counts for a later approval.
func (o *Order) judgeAgain(before JudgedDecision, d Decision, env Environment) (Verdict, []Action) {
	v := before.Verdict
	a := o.FindApproval(v.ApprovalID)
	if a != nil {
		v.Status = a.Status
	}
	switch {
	case before.Outcome != d.Outcome:
		v.Code = VerdictConflict
	case v.IsAccepted():
		v.Code = VerdictRepeated
	}
	if a == nil {
		return v, nil
	}
	return v, o.startDueActions(a, env)
}

// findTarget returns the approval that a decision is about; or a verdict if there
// is none that it can be about; or neither if its request has not come.
func (o *Order) findTarget(d Decision) (*Approval, Verdict) {
	if d.ApprovalID != "" {
		a := o.FindApproval(d.ApprovalID)
		if a == nil || (d.Step != "" && a.Step != d.Step) {
			return nil, Verdict{Code: VerdictUnknown}
		}
		return a, Verdict{}
	}
	var pending, closed []*Approval
	for _, a := range o.Approvals {
		switch {
		case d.Step != "" && a.Step != d.Step:
		case a.Status == Pending:
			pending = append(pending, a)
		default:
			closed = append(closed, a)
		}
	}
	switch {
	case len(pending) == 1:
		return o.approvalSeenBy(d, pending[0]), Verdict{}
	case len(pending) > 1:
		return nil, Verdict{Code: VerdictAmbiguous}
	case len(closed) > 0:
		return closed[len(closed)-1], Verdict{}
	}
	return nil, Verdict{}
}

// applyDecision counts a decision on one approval, or refuses it.
func (o *Order) applyDecision(a *Approval, d Decision, env Environment) (Verdict, []Action) {
	v := Verdict{ApprovalID: a.ID, Status: a.Status}
	if v.Code = a.refusalOf(d); v.Code != "" {
		return v, nil
	}
	if a.Status != Pending {
		v.Code = a.closedVerdict(d)
		return v, o.startDueActions(a, env)
	}
	if i := slices.IndexFunc(a.Votes, func(x Vote) bool { return SamePerson(x.By, d.By) }); i >= 0 && d.Via != ViaOperator {
		v.Code = VerdictRepeated
		if a.Votes[i].Outcome != d.Outcome {
			v.Code = VerdictConflict
		}
		return v, o.startDueActions(a, env)
	}
	a.Votes = append(a.Votes, Vote{
		DecisionID:  d.ID,
		Outcome:     d.Outcome,
		By:          d.By,
		Comment:     d.Comment,
		Via:         d.Via,
		Source:      d.Source,
		At:          env.Now,
		ShownDigest: d.ShownDigest,
	})
	v.Status = a.Policy.evaluateVotes(a.Votes, a.eventualApprovers())
	if d.Via == ViaOperator { // whatever the policy says
		v.Status = d.Outcome.resultingStatus()
	}
	if v.Status == Pending {
		v.Code = VerdictRecorded
		return v, o.startDueActions(a, env)
	}
	v.Code = VerdictDecided
	actions := o.closeApproval(a, v.Status, "", env)
	e := a.newEvent(EventDecided, env.Now)
	e.By, e.Via, e.Source, e.Outcome, e.Age, e.TimeLeft = d.By, d.Via, d.Source, d.Outcome, env.Now.Sub(a.RequestedAt), a.Deadline.Sub(env.Now)
	o.recordEvent(e)
	return v, actions
}

// refusalOf says why the decision may not count on this approval, or nothing.
func (a *Approval) refusalOf(d Decision) VerdictCode {
	if a.Requester != "" && SamePerson(d.By, a.Requester) {
		return VerdictRequester
	}
	switch d.Via {
	case ViaOperator: // an operator may decide for anybody, and is named in the history
		return ""
	case ViaLink, ViaChat, ViaSSO:
		if Assurance(d.Via).rank() < a.MinAssurance.rank() {
			return VerdictAssurance
		}
	case ViaSNS, ViaWebhook, ViaAPI:
		if len(a.Sources) > 0 && !slices.Contains(a.Sources, d.Source) {
			return VerdictSource
		}
	}
	if len(a.Approvers) > 0 && !slices.ContainsFunc(a.Approvers, func(p Approver) bool { return SamePerson(p.ID, d.By) }) {
		return VerdictNotApprover
	}
	return ""
}

// closedVerdict judges a decision that finds its approval closed.
func (a *Approval) closedVerdict(d Decision) VerdictCode {
	agrees := a.Status == d.Outcome.resultingStatus()
	switch {
	case a.Status == Superseded:
		return VerdictSuperseded
	case a.Status == TimedOut || a.Status == Cancelled:
		return VerdictLate
	case agrees:
		return VerdictRepeated
	}
	return VerdictConflict
}

// recordVerdict keeps the verdict of a decision: in the history, and by its ID unless it
// waits (then it is known by waiting) or might be judged otherwise next time.
func (o *Order) recordVerdict(d Decision, v Verdict, env Environment) {
	e := Event{
		At:            env.Now,
		Kind:          EventDecisionReceived,
		Approval:      v.ApprovalID,
		By:            d.By,
		Via:           d.Via,
		Source:        d.Source,
		Outcome:       d.Outcome,
		Code:          string(v.Code),
		Note:          d.ID,
		DecisionTrace: d.Trace,
	}
	if a := o.FindApproval(v.ApprovalID); a != nil {
		e.Workflow, e.Trace = a.Workflow, a.Trace
	}
	if slices.ContainsFunc(o.History, func(h Event) bool { h.At, h.Trace, h.DecisionTrace = e.At, e.Trace, e.DecisionTrace; return h == e }) {
		o.newEvents = append(o.newEvents, e) // sent again and refused again: counted, not kept
	} else {
		o.recordEvent(e)
	}
	known := slices.ContainsFunc(o.JudgedDecisions, func(s JudgedDecision) bool { return s.isAbout(d) })
	if known || v.Code == VerdictWaiting || (!v.IsAccepted() && !v.IsFinal()) || v.ApprovalID == "" {
		return
	}
	o.JudgedDecisions = append(o.JudgedDecisions, JudgedDecision{
		ID:      d.ID,
		Source:  d.Source,
		Outcome: d.Outcome,
		Verdict: v,
	})
	if over := len(o.JudgedDecisions) - MaxJudgedDecisions; over > 0 {
		o.JudgedDecisions = append(o.JudgedDecisions[:0:0], o.JudgedDecisions[over:]...)
	}
}
