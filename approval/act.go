package approval

import (
	"cmp"
	"slices"
	"time"
)

// ActKind names a kind of act on a pending approval that is neither a decision nor a cancellation.
type ActKind string

// The kinds of acts. The first four are acts of operators on a pending approval, the next three of approvers, then one of
// the requester, and one of operators on an approval that needs attention.
const (
	ActRemind  ActKind = "remind"           // remind the approvers now
	ActAdd     ActKind = "add_approvers"    // ask further approvers
	ActReplace ActKind = "replace_approver" // ask somebody else in the place of an approver
	ActExtend  ActKind = "extend_deadline"  // give more time
	ActPassOn  ActKind = "pass_on"          // an approver passes the request on to somebody else
	ActDecline ActKind = "decline"          // an approver states that the request is not theirs to decide
	ActAsk     ActKind = "ask"              // an approver asks the requester a question
	ActAnswer  ActKind = "answer"           // the requester answers it
	ActDismiss ActKind = "dismiss"          // an operator puts the approval away, see Order.Dismiss
	ActPropose ActKind = "propose"          // an operator proposes an act that needs a second operator, see Proposal
	ActConfirm ActKind = "confirm"          // the second operator confirms it
)

// AllActKinds lists every kind of act.
func AllActKinds() []ActKind {
	return []ActKind{
		ActRemind,
		ActAdd,
		ActReplace,
		ActExtend,
		ActPassOn,
		ActDecline,
		ActAsk,
		ActAnswer,
		ActDismiss,
		ActPropose,
		ActConfirm,
	}
}

// Limits of acts. An act beyond them is refused, so that the record stays small and nobody gets messages without end.
const (
	MaxActs      = 100  // acts on an approval
	MaxPassOns   = 10   // acts of ActPassOn among them
	MaxActReason = 1000 // characters of the reason of an act
)

// Act has the common part of all acts: the approval that they are about, their maker and the reason.
type Act struct {
	// ID is chosen by the caller. An act that is sent again has the same ID, and changes nothing the second time.
	ID string
	// Step, Execution and ApprovalID select the approval. If all are empty, it is the only pending approval of the order.
	Step       string
	Execution  string
	ApprovalID string
	Actor      Actor
	Reason     string
	// Workflows limit the act to approvals of these workflows; an empty list does not limit it.
	Workflows []string
	// Named are the persons and groups that the act names, as its maker has written them.
	Named []string
	// DryRun is set if the caller checks the act and stores nothing of its effect.
	DryRun bool
}

// ActResult is the result of an act.
type ActResult struct {
	Verdict Verdict
	// Asked lists the approvers that the act asks or reminds.
	Asked []string
	// Deadline is the deadline of the approval afterwards.
	Deadline time.Time
}

// RecordedAct is an act that had an effect.
type RecordedAct struct {
	ID   string    `json:"id"`
	Kind ActKind   `json:"kind"`
	At   time.Time `json:"at"`
	By   string    `json:"by,omitempty"`
	// From is the approver that To replaces. To lists the approvers that are asked.
	From   string   `json:"from,omitempty"`
	To     []string `json:"to,omitempty"`
	Reason string   `json:"reason,omitempty"`
	// Deadline is the new deadline, for ActExtend.
	Deadline time.Time `json:"deadline,omitzero"`
	// Proposal is set for ActPropose.
	Proposal *Proposal `json:"proposal,omitempty"`
}

// findAct returns the recorded act with an ID.
func (a *Approval) findAct(id string) (RecordedAct, bool) {
	i := slices.IndexFunc(a.Acts, func(r RecordedAct) bool { return r.ID == id })
	if i < 0 {
		return RecordedAct{}, false
	}
	return a.Acts[i], true
}

// AskedBy lists the approvers that the act with an ID asked or reminded.
func (a *Approval) AskedBy(actID string) []string {
	r, _ := a.findAct(actID)
	return r.To
}

// kind returns the kind of an act, also if it is only proposed.
func (r RecordedAct) kind() ActKind {
	if r.Proposal != nil {
		return r.Proposal.Kind
	}
	return r.Kind
}

// countActs returns the number of recorded acts of a kind.
func (a *Approval) countActs(kind ActKind) int {
	n := 0
	for _, r := range a.Acts {
		if r.Kind == kind {
			n++
		}
	}
	return n
}

// beginAct returns the pending approval of an act. Otherwise it returns nil with a verdict: repeated for an act that has
// had its effect, conflict for another act with its ID, late for an approval that is closed, ambiguous or unknown. The
// error names the field at fault.
func (o *Order) beginAct(act Act, kind ActKind, env Environment) (*Approval, Verdict, []Action, error) {
	if err := act.validate(kind); err != nil {
		return nil, Verdict{}, nil, err
	}
	actions := o.expireOverdue(env)
	a, v := o.findApprovalToCancel(Cancellation{
		Step:       act.Step,
		Execution:  act.Execution,
		ApprovalID: act.ApprovalID,
		Workflows:  act.Workflows,
	})
	if a == nil {
		return nil, v, actions, nil
	}
	v = Verdict{ApprovalID: a.ID, Status: a.Status}
	known, isKnown := a.findAct(act.ID)
	switch {
	case isKnown && (known.kind() != kind || known.By != act.Actor.By || known.Reason != act.Reason):
		v.Code = VerdictConflict
	case isKnown:
		v.Code = VerdictRepeated
	case a.Status == Superseded:
		v.Code = VerdictSuperseded
	case a.Status != Pending:
		v.Code = VerdictLate
	case len(a.Acts) >= MaxActs:
		return nil, v, actions, InvalidField("approval", "has had %d acts, which is the maximum", MaxActs)
	default:
		return a, v, actions, nil
	}
	return nil, v, actions, nil
}

// validate checks the fields of an act. A question and its answer are their own reason, and nobody needs a reason to
// decline.
func (act Act) validate(kind ActKind) error {
	needsReason := kind != ActAsk && kind != ActAnswer && kind != ActDecline
	switch {
	case act.ID == "":
		return InvalidField("id", "is missing")
	case act.Reason == "" && needsReason:
		return InvalidField("reason", "is missing")
	}
	return cmp.Or(
		checkName("id", act.ID),
		checkName("by", act.Actor.By),
		checkName("by", act.Actor.Claimed),
		checkLength("reason", act.Reason, MaxActReason),
		checkUTF8("reason", act.Reason),
	)
}

// endAct records an act that has its effect. The history has it under its maker.
func (o *Order) endAct(a *Approval, act Act, r RecordedAct, v *Verdict, env Environment) {
	r.ID = act.ID
	r.At = env.Now
	r.By = act.Actor.By
	r.Reason = act.Reason
	a.Acts = append(slices.Clip(a.Acts), r)
	o.adds = true
	e := a.newEvent(EventAct, env.Now)
	act.Actor.record(&e)
	e.Code = string(r.Kind)
	e.From = r.From
	e.To = truncate(joinNames(r.To), maxEventNames)
	e.Until = r.Deadline
	e.Note = truncate(r.Reason, maxReason)
	if r.Proposal != nil {
		e.Outcome = r.Proposal.Outcome
		e.Note = truncate(string(r.Proposal.Kind)+": "+r.Reason, maxReason)
	}
	o.recordEvent(e)
	v.Code = VerdictRecorded
	v.Status = a.Status
	changes := r.Kind != ActRemind && r.Kind != ActDismiss && r.Kind != ActPropose
	if changes && a.Status == Pending { // messages show approvers, deadline and content
		a.queueUpdates(env)
	}
}

// maxEventNames is the maximum length of a list of names in an event, in bytes.
const maxEventNames = 1024
