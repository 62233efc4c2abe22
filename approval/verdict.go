package approval

import (
	"fmt"
	"strings"

	"github.com/approval-relay/approval-relay/form"
)

// JudgedDecision is the verdict that a decision got. A decision is known by its ID and source together, because two
// sources may use the same ID.
type JudgedDecision struct {
	ID      string  `json:"id"`
	Source  string  `json:"source,omitempty"`
	Outcome Outcome `json:"outcome"`
	// Choice and ValuesDigest are empty for an approval without choices of its own.
	Choice       string  `json:"choice,omitempty"`
	ValuesDigest string  `json:"values_digest,omitempty"`
	Verdict      Verdict `json:"verdict"`
}

func (j JudgedDecision) isAbout(d Decision) bool { return j.ID == d.ID && j.Source == d.Source }

// VerdictCode is the result of a decision.
type VerdictCode string

// The verdicts. The first five accept the decision, the others refuse it.
const (
	VerdictDecided  VerdictCode = "decided"  // it closed the approval
	VerdictRecorded VerdictCode = "recorded" // it counts, and further votes are needed
	VerdictRepeated VerdictCode = "repeated" // it was recorded before
	VerdictWaiting  VerdictCode = "waiting"  // it waits for its request
	VerdictProposed VerdictCode = "proposed" // it waits for a second operator

	VerdictConflict    VerdictCode = "conflict"     // it contradicts an earlier decision
	VerdictLate        VerdictCode = "late"         // the approval timed out or was cancelled
	VerdictSuperseded  VerdictCode = "superseded"   // it is about an approval that was superseded
	VerdictAmbiguous   VerdictCode = "ambiguous"    // several pending approvals admit it, and it does not say which
	VerdictDuplicate   VerdictCode = "duplicate"    // it has the words of an earlier one, but another approval is pending
	VerdictUnknown     VerdictCode = "unknown"      // it names an approval that does not exist
	VerdictNotApprover VerdictCode = "not_approver" // its principal is not an approver
	VerdictRequester   VerdictCode = "requester"    // its principal is the requester
	VerdictProposer    VerdictCode = "proposer"     // its principal is the operator who proposed it
	VerdictAsker       VerdictCode = "asker"        // its principal is the program that sent the request
	VerdictAnonymous   VerdictCode = "anonymous"    // its link names nobody, so the sender may be the requester
	VerdictAssurance   VerdictCode = "assurance"    // its way in does not identify the person surely enough
	VerdictSource      VerdictCode = "source"       // its source may not decide this approval
	VerdictInvalid     VerdictCode = "invalid"      // its choice, values or comment are not valid; see Verdict.Faults
	VerdictChanged     VerdictCode = "changed"      // the request has changed since it was shown
	VerdictOverflow    VerdictCode = "overflow"     // too many decisions wait for the order's requests already
)

// AllVerdicts lists every verdict.
func AllVerdicts() []VerdictCode {
	return []VerdictCode{
		VerdictDecided,
		VerdictRecorded,
		VerdictRepeated,
		VerdictWaiting,
		VerdictProposed,
		VerdictConflict,
		VerdictLate,
		VerdictSuperseded,
		VerdictAmbiguous,
		VerdictDuplicate,
		VerdictUnknown,
		VerdictNotApprover,
		VerdictRequester,
		VerdictProposer,
		VerdictAsker,
		VerdictAnonymous,
		VerdictAssurance,
		VerdictSource,
		VerdictInvalid,
		VerdictChanged,
		VerdictOverflow,
	}
}

// Verdict is the result of a decision, with the approval that it is about.
type Verdict struct {
	Code       VerdictCode `json:"code"`
	ApprovalID string      `json:"approval_id,omitempty"`
	Status     Status      `json:"status,omitempty"` // the approval's status afterwards
	// Candidates are the pending approvals that a decision with the verdict "ambiguous" or "duplicate" can be about, at
	// most maxCandidates of them.
	Candidates []Candidate `json:"-"`
	// ProposalID is the ID of the proposal that the act has become, or that it confirms.
	ProposalID string `json:"-"`
	// Faults are what is wrong with the choice, the values or the comment of a decision with the verdict "invalid". Every
	// way in shows them in its own form.
	Faults []form.Fault `json:"-"`
}

// Candidate is a pending approval that a decision can be about, with what tells it from the others.
type Candidate struct {
	ApprovalID string
	Workflow   string
	Step       string
	State      string
	Execution  string
}

// maxCandidates bounds the answer to an ambiguous decision about an order with hundreds of approvals.
const maxCandidates = 20

func newCandidates(approvals []*Approval) []Candidate {
	var out []Candidate
	for _, a := range approvals[:min(len(approvals), maxCandidates)] {
		out = append(out, Candidate{
			ApprovalID: a.ID,
			Workflow:   a.Workflow,
			Step:       a.Step,
			State:      a.State,
			Execution:  a.Execution,
		})
	}
	return out
}

// IsAccepted reports whether the decision was accepted, now or before.
func (v Verdict) IsAccepted() bool {
	switch v.Code {
	case VerdictDecided, VerdictRecorded, VerdictRepeated, VerdictWaiting, VerdictProposed:
		return true
	}
	return false
}

// IsFinal reports whether a refused decision stays refused however often it is sent. An operator cannot change that;
// the history has the decision.
func (v Verdict) IsFinal() bool {
	switch v.Code {
	case VerdictConflict, VerdictLate, VerdictSuperseded, VerdictDuplicate:
		return true
	}
	return false
}

// RefusalError is the error of a refused decision.
type RefusalError struct{ Verdict Verdict }

// Error returns the reason, without the name of any person.
func (r *RefusalError) Error() string {
	text := map[VerdictCode]string{
		VerdictConflict:   "the approval already has a different decision",
		VerdictLate:       "the approval is closed",
		VerdictSuperseded: "the approval was superseded by a newer one",
		VerdictAmbiguous:  "several approvals of this order are pending: name the step, the execution or the approval",
		VerdictDuplicate: "a decision in the same words was about an approval that is closed; " +
			"for the approval that is pending, name it or send a decision ID",
		VerdictUnknown:     "there is no such order, or it has no such approval",
		VerdictNotApprover: "the sender is not an approver of this approval",
		VerdictRequester:   "the requester may not decide",
		VerdictProposer:    "whoever proposed it may not confirm it: a second operator must",
		VerdictAsker:       "the program that sent the request may not decide",
		VerdictAnonymous:   "the link names nobody, and the requester may not decide",
		VerdictAssurance:   "this approval requires a stronger sign-in",
		VerdictSource:      "this source may not decide this approval",
		VerdictInvalid:     "the choice, the values or the comment are not valid" + describeFaults(r.Verdict.Faults),
		VerdictChanged:     "the request has changed since it was shown",
		VerdictOverflow:    "too many decisions already wait for a request of this order",
	}[r.Verdict.Code]
	if r.Verdict.Code == VerdictConflict && r.Verdict.ProposalID != "" {
		text = "another operator has confirmed the proposal already, or its ID is taken"
	}
	return fmt.Sprintf("decision refused (%s): %s", r.Verdict.Code, text)
}

// describeFaults lists the faults of a decision, without its values.
func describeFaults(faults []form.Fault) string {
	var text strings.Builder
	for i, f := range faults {
		if i == 0 {
			text.WriteString(": ")
		} else {
			text.WriteString("; ")
		}
		text.WriteString(f.Error())
	}
	return text.String()
}

// ReasonCode implements CodedError: "decision_refused:late" for the verdict "late".
func (r *RefusalError) ReasonCode() ReasonCode {
	return NamedReasonCode("decision_refused:" + string(r.Verdict.Code))
}

// Err returns a RefusalError if the decision was refused, otherwise nil.
func (v Verdict) Err() error {
	if v.IsAccepted() {
		return nil
	}
	return &RefusalError{v}
}
