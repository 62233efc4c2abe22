package approval

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// ActDecide and ActCancel are kinds of proposals only: in effect they are a decision and a cancellation.
const (
	ActDecide ActKind = "decide"
	ActCancel ActKind = "cancel"
)

// ProposalTTL is the time for a second operator to confirm a proposal.
const ProposalTTL = time.Hour

// Limits of proposals. A proposal beyond them is refused, so that the record stays small.
const (
	MaxProposals      = 10       // of an approval
	maxProposedNames  = 8 << 10  // bytes of the names in Proposal.To
	maxProposedReason = 16 << 10 // bytes of a reason, which can be the comment of a decision
)

// Proposal is an act of an operator that takes effect when a second operator confirms it. It is part of the recorded act
// of the kind ActPropose, and the ID of that act is the ID of the proposal.
type Proposal struct {
	// Kind is ActDecide, ActCancel, ActAdd, ActReplace or ActExtend.
	Kind      ActKind   `json:"kind"`
	Principal string    `json:"principal"`
	Claimed   string    `json:"claimed,omitempty"`
	ExpiresAt time.Time `json:"expires_at"`

	// The decision, for ActDecide.
	Outcome     Outcome         `json:"outcome,omitempty"`
	Choice      string          `json:"choice,omitempty"`
	Values      json.RawMessage `json:"values,omitempty"`
	ShownDigest string          `json:"shown_digest,omitempty"`
	// From is the approver that gives the seat to To, and To lists the persons to ask.
	From string   `json:"from,omitempty"`
	To   []string `json:"to,omitempty"`
	// Until is the new deadline, for ActExtend.
	Until time.Time `json:"until,omitzero"`

	// ConfirmedBy is the principal of the second operator. It is empty until then.
	ConfirmedBy string    `json:"confirmed_by,omitempty"`
	ConfirmedAt time.Time `json:"confirmed_at,omitzero"`
}

// NeedsSecond reports whether an act of an operator on an approval of a workflow takes a second operator. Nil means that
// it does not.
type NeedsSecond func(workflow string) bool

func (n NeedsSecond) on(a *Approval) bool { return n != nil && n(a.Workflow) }

// IsOpen reports whether a proposal can be confirmed.
func (p *Proposal) IsOpen(a *Approval, now time.Time) bool {
	return a.Status == Pending && p.ConfirmedBy == "" && p.ExpiresAt.After(now)
}

// HasOpenProposal reports whether a proposal about the approval waits for a second operator.
func (a *Approval) HasOpenProposal(now time.Time) bool {
	return slices.ContainsFunc(a.Acts, func(r RecordedAct) bool { return r.Proposal != nil && r.Proposal.IsOpen(a, now) })
}

// propose records an act as a proposal, and leaves the approval as it is. The second operator confirms what the first has
// seen: after an edit of the request, a proposed decision is refused as VerdictChanged.
func (o *Order) propose(a *Approval, act Act, p Proposal, env Environment) Verdict {
	v := Verdict{ApprovalID: a.ID, Status: a.Status, ProposalID: act.ID}
	if known, r := o.FindProposal(act.ID); known != nil { // the ID of a proposal is enough to confirm it
		v.Code = VerdictConflict
		if known == a && r.Proposal.Kind == p.Kind && r.Proposal.Principal == act.Actor.Principal {
			v.Code = VerdictRepeated
		}
		return v
	}
	a.removeExpiredProposals(env)
	if len(a.Acts) >= MaxActs || a.countActs(ActPropose) >= MaxProposals || len(joinNames(p.To)) > maxProposedNames {
		v.Code = VerdictOverflow
		return v
	}
	if p.Kind == ActDecide && p.ShownDigest == "" {
		p.ShownDigest = o.ContentDigest(a)
	}
	p.Principal, p.Claimed = act.Actor.Principal, act.Actor.Claimed
	p.ExpiresAt = earlierOf(env.Now.Add(ProposalTTL), a.Deadline)
	act.Reason = truncate(act.Reason, maxProposedReason)
	o.endAct(a, act, RecordedAct{Kind: ActPropose, From: p.From, To: p.To, Deadline: p.Until, Proposal: &p}, &v, env)
	a.sendEvent(ProgramEventProposed, env.ProposalChannels, env)
	v.Code = VerdictProposed
	return v
}

// removeExpiredProposals makes room for another proposal where there is none. The history keeps the events of those that
// nobody has confirmed in time.
func (a *Approval) removeExpiredProposals(env Environment) {
	if a.countActs(ActPropose) < MaxProposals {
		return
	}
	a.Acts = slices.DeleteFunc(slices.Clone(a.Acts), func(r RecordedAct) bool {
		return r.Proposal != nil && r.Proposal.ConfirmedBy == "" && !r.Proposal.ExpiresAt.After(env.Now)
	})
}

// Confirmation confirms the proposal of another operator.
type Confirmation struct {
	// ID is of the act of confirming.
	ID         string
	ProposalID string
	Actor      Actor
	// Workflows limit the confirmation to approvals of these workflows; an empty list does not limit it.
	Workflows []string
	// IsSamePerson compares two names of persons, also by their aliases; nil means SamePerson.
	IsSamePerson func(a, b string) bool
	// Approvers are the persons of Proposal.To, as they are configured now.
	Approvers []Approver
	// MarginOf is as in Extension.
	MarginOf func(*Approval) time.Duration
}

// FindProposal returns the approval and the recorded act of a proposal, or nil.
func (o *Order) FindProposal(id string) (*Approval, *RecordedAct) {
	for _, a := range o.Approvals {
		for i := range a.Acts {
			if a.Acts[i].ID == id && a.Acts[i].Proposal != nil {
				return a, &a.Acts[i]
			}
		}
	}
	return nil, nil
}

// Confirm carries out a proposal in the name of its proposer. Proposer and confirmer are two persons: neither their
// names, nor the persons for whom they say they act, are the same. The requester cannot confirm.
func (o *Order) Confirm(c Confirmation, env Environment) (Verdict, []Action, error) {
	actions := o.expireOverdue(env)
	a, r := o.FindProposal(c.ProposalID)
	if a == nil || len(c.Workflows) > 0 && !slices.Contains(c.Workflows, a.Workflow) {
		return Verdict{Code: VerdictUnknown}, actions, nil
	}
	v := Verdict{ApprovalID: a.ID, Status: a.Status, ProposalID: r.ID}
	p := *r.Proposal
	switch {
	case !isOperator(c.Actor.Principal):
		v.Code = VerdictSource
	case p.ConfirmedBy != "" && p.ConfirmedBy == c.Actor.Principal:
		v.Code = VerdictRepeated
	case p.ConfirmedBy != "":
		v.Code = VerdictConflict
	case a.Status == Superseded:
		v.Code = VerdictSuperseded
	case a.Status != Pending:
		v.Code = VerdictLate
	case !p.ExpiresAt.After(env.Now):
		return v, actions, InvalidField("proposal", "has expired at %s: make it again", formatTime(p.ExpiresAt))
	case c.isBy(r.By, p.Claimed, principalName(p.Principal)):
		v.Code = VerdictProposer
	case c.isBy(a.Requester):
		v.Code = VerdictRequester
	}
	if v.Code != "" {
		return v, actions, nil
	}
	v, more, err := o.carryOut(a, *r, c, env)
	v.ProposalID = r.ID
	if err == nil && (v.Code == VerdictDecided || v.Code == VerdictRecorded) {
		o.recordConfirmation(a, c, env)
	}
	return v, append(actions, more...), err
}

// isBy reports whether the confirmer has one of the names, or claims to act for a person with one of them.
func (c Confirmation) isBy(names ...string) bool {
	same := c.IsSamePerson
	if same == nil {
		same = SamePerson
	}
	for _, mine := range []string{c.Actor.By, c.Actor.Claimed, principalName(c.Actor.Principal)} {
		for _, name := range names {
			if mine != "" && name != "" && same(mine, name) {
				return true
			}
		}
	}
	return false
}

// confirmedID returns the ID under which a proposal takes effect. It is short also where the ID of the proposal is as long
// as an ID may be.
func confirmedID(proposalID string) string {
	sum := sha256.Sum256([]byte(proposalID))
	return "confirmed-" + hex.EncodeToString(sum[:16])
}

// carryOut does the act of a proposal.
func (o *Order) carryOut(a *Approval, r RecordedAct, c Confirmation, env Environment) (Verdict, []Action, error) {
	env.NeedsSecond, env.ConfirmedBy = nil, c.Actor.Principal
	p := r.Proposal
	actor := Actor{By: r.By, Principal: p.Principal, Claimed: p.Claimed, Via: ViaOperator, Source: OperatorSource}
	act := Act{ID: confirmedID(r.ID), ApprovalID: a.ID, Actor: actor, Reason: r.Reason}
	switch p.Kind {
	case ActDecide:
		return o.Decide(Decision{
			ID:          act.ID,
			ApprovalID:  a.ID,
			Outcome:     p.Outcome,
			Choice:      p.Choice,
			Values:      p.Values,
			By:          actor.By,
			Principal:   actor.Principal,
			Claimed:     actor.Claimed,
			Comment:     r.Reason,
			Via:         actor.Via,
			Source:      actor.Source,
			ShownDigest: p.ShownDigest,
			ReceivedAt:  env.Now,
		}, UnmatchedRetention{}, env)
	case ActCancel:
		v, actions := o.CancelBy(Cancellation{ApprovalID: a.ID, Reason: r.Reason, Actor: actor}, env)
		return v, actions, nil
	case ActAdd:
		return o.AddApprovers(act, c.Approvers, env)
	case ActReplace:
		return o.ReplaceApprover(act, p.From, c.Approvers, env)
	case ActExtend:
		return o.ExtendDeadline(act, Extension{Until: p.Until, MarginOf: c.MarginOf}, env)
	}
	return Verdict{Code: VerdictUnknown}, nil, nil
}

// recordConfirmation records the second operator with the proposal, and in the history. A closed approval may have lost
// its acts by now, but the history has the event.
func (o *Order) recordConfirmation(a *Approval, c Confirmation, env Environment) {
	a.Acts = slices.Clone(a.Acts)
	if _, r := o.FindProposal(c.ProposalID); r != nil {
		p := *r.Proposal
		p.ConfirmedBy, p.ConfirmedAt = c.Actor.Principal, env.Now
		r.Proposal = &p
	}
	e := a.newEvent(EventAct, env.Now)
	c.Actor.record(&e)
	e.Code = string(ActConfirm)
	o.recordEvent(e)
}

// principalName returns the name of an operator without the prefix of principals.
func principalName(principal string) string { return strings.TrimPrefix(principal, operatorPrefix) }

func isOperator(principal string) bool { return strings.HasPrefix(principal, operatorPrefix) }

// isOperators reports whether an operator made the decision.
func (d Decision) isOperators() bool { return isOperator(d.Principal) }
