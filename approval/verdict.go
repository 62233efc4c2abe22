package approval

import "fmt"

// JudgedDecision is the verdict that a decision got. IDs are the sources' own, so two
// sources may use the same.
type JudgedDecision struct {
	ID      string  `json:"id"`
	Source  string  `json:"source,omitempty"`
	Outcome Outcome `json:"outcome"`
	Verdict Verdict `json:"verdict"`
}

func (s JudgedDecision) isAbout(d Decision) bool { return s.ID == d.ID && s.Source == d.Source }

// VerdictCode is what became of a decision.
type VerdictCode string

// The verdicts. The first four were taken, the others refused.
const (
	VerdictDecided  VerdictCode = "decided"  // it closed the approval
	VerdictRecorded VerdictCode = "recorded" // it counts, others must still decide
	VerdictRepeated VerdictCode = "repeated" // it was recorded before
	VerdictWaiting  VerdictCode = "waiting"  // it waits for its request

	VerdictConflict    VerdictCode = "conflict"     // it contradicts what was decided
	VerdictLate        VerdictCode = "late"         // the approval timed out or was cancelled
	VerdictSuperseded  VerdictCode = "superseded"   // it names an approval that was asked anew
	VerdictAmbiguous   VerdictCode = "ambiguous"    // several are pending, it names neither step nor approval
	VerdictUnknown     VerdictCode = "unknown"      // it names an approval that there is not
	VerdictNotApprover VerdictCode = "not_approver" // they may not decide this
	VerdictRequester   VerdictCode = "requester"    // they asked for it themselves
	VerdictAssurance   VerdictCode = "assurance"    // we do not know surely enough who it was
	VerdictSource      VerdictCode = "source"       // that source may not decide this
	VerdictOverflow    VerdictCode = "overflow"     // too many wait already
)

// AllVerdicts lists every verdict.
func AllVerdicts() []VerdictCode {
	return []VerdictCode{
		VerdictDecided, VerdictRecorded, VerdictRepeated, VerdictWaiting, VerdictConflict, VerdictLate, VerdictSuperseded,
		VerdictAmbiguous, VerdictUnknown, VerdictNotApprover, VerdictRequester, VerdictAssurance, VerdictSource, VerdictOverflow,
	}
}

// Verdict says what became of a decision.
type Verdict struct {
	Code       VerdictCode `json:"code"`
	ApprovalID string      `json:"approval_id,omitempty"`
	Status     Status      `json:"status,omitempty"` // the approval's, afterwards
}

// IsAccepted says whether the decision was taken, now or before.
func (v Verdict) IsAccepted() bool {
	switch v.Code {
	case VerdictDecided, VerdictRecorded, VerdictRepeated, VerdictWaiting:
		return true
	}
	return false
}

// IsFinal says of a refused decision that sending it again can never help: it
// is in the history, and there is nothing for an operator to mend.
func (v Verdict) IsFinal() bool {
	return v.Code == VerdictConflict || v.Code == VerdictLate || v.Code == VerdictSuperseded
}

// RefusalError is the error of a decision that was refused.
type RefusalError struct{ Verdict Verdict }

// Error says why, without naming anybody.
func (r *RefusalError) Error() string {
	text := map[VerdictCode]string{
		VerdictConflict:    "the approval was decided otherwise before",
		VerdictLate:        "the approval is closed",
		VerdictSuperseded:  "the approval was asked anew, this one is closed",
		VerdictAmbiguous:   "several approvals of this order are pending, name the step or the approval",
		VerdictUnknown:     "the order has no such approval",
		VerdictNotApprover: "not an approver of this approval",
		VerdictRequester:   "whoever requested cannot decide",
		VerdictAssurance:   "this approval takes a surer way to decide",
		VerdictSource:      "this source may not decide this approval",
		VerdictOverflow:    "too many decisions wait for a request of this order",
	}[r.Verdict.Code]
	return fmt.Sprintf("decision refused (%s): %s", r.Verdict.Code, text)
}

// Err returns a Refusal if the decision was refused, else nil.
func (v Verdict) Err() error {
	if v.IsAccepted() {
		return nil
	}
	return &RefusalError{v}
}
