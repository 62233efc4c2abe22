package approval

import (
	"encoding/json"
	"strings"
	"time"
)

// Outcome is what a decision means for the approval, whatever its choice is named.
type Outcome string

// The outcomes. Return ends an approval so that the workflow can ask again with an improved request. Abstain is a vote that
// is neither for nor against.
const (
	Approve Outcome = "approve"
	Reject  Outcome = "reject"
	Return  Outcome = "return"
	Abstain Outcome = "abstain"
)

// AllOutcomes lists every outcome.
func AllOutcomes() []Outcome { return []Outcome{Approve, Reject, Return, Abstain} }

// resultingStatus returns the status of an approval that this outcome closes. An abstention closes none.
func (o Outcome) resultingStatus() Status {
	switch o {
	case Approve:
		return Approved
	case Reject:
		return Rejected
	case Return:
		return Returned
	}
	return Pending
}

// Via names the way by which a decision came in, such as a link or a webhook.
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

// Decision is an incoming answer to an approval request.
type Decision struct {
	// ID is chosen by the sender. If the sender sends the decision again, it has the same ID.
	ID string `json:"id"`
	// IDFromBody reports whether the ID was derived from the body, because the sender gave none. Two decisions in the
	// same words then have the same ID.
	IDFromBody bool `json:"id_from_body,omitempty"`
	// Step, Execution and ApprovalID select an approval of the order. All are optional.
	Step       string `json:"step,omitempty"`
	Execution  string `json:"execution,omitempty"`
	ApprovalID string `json:"approval_id,omitempty"`

	// Outcome is the outcome of the decision. If Choice is set, it may be empty; otherwise it stands for the only choice
	// that means it.
	Outcome Outcome `json:"outcome"`
	// Choice is the ID of a choice of the approval, and Values is a JSON object with the values of its form. Both are as
	// they came in: the approval that the decision is about judges them.
	Choice string          `json:"choice,omitempty"`
	Values json.RawMessage `json:"values,omitempty"`
	// By is the ID of the person, or "source:NAME" if the sender is a program that names no person, or is not believed.
	By string `json:"by,omitempty"`
	// Principal is the authenticated maker of the call: "source:NAME", "api:NAME" or "operator:NAME" for a program or an
	// operator. It is empty if the way in identifies the person By.
	Principal string `json:"principal,omitempty"`
	// Claimed is the person that a program or operator named, if By is somebody else: a program that is not believed, or
	// an operator who acts on behalf of that person.
	Claimed string `json:"claimed,omitempty"`
	// Workflows limit the decision to approvals of these workflows, because its sender may decide no others. An empty
	// list means that there is no limit.
	Workflows []string `json:"workflows,omitempty"`

	Comment string `json:"comment,omitempty"`
	Via     Via    `json:"via"`
	Source  string `json:"source,omitempty"` // the configured name of the sender
	// SentAt is when the sender sent the decision; zero if unknown.
	SentAt     time.Time `json:"sent_at,omitzero"`
	ReceivedAt time.Time `json:"at"`
	// Trace is the W3C traceparent that came with the decision, if any.
	Trace string `json:"trace,omitempty"`
	// ShownDigest is a digest of the request as our decision page showed it, if the decision was made there.
	ShownDigest string `json:"shown,omitempty"`
}

// actor returns the maker of the decision.
func (d Decision) actor() Actor {
	return Actor{By: d.By, Principal: d.Principal, Claimed: d.Claimed, Via: d.Via, Source: d.Source}
}

// Vote is a decision that counts towards the policy.
type Vote struct {
	DecisionID string  `json:"decision_id"`
	Outcome    Outcome `json:"outcome"`
	// Choice is empty for a vote on an approval without choices of its own. Values are canonical JSON (RFC 8785).
	Choice  string          `json:"choice,omitempty"`
	Values  json.RawMessage `json:"values,omitempty"`
	Changes []Change        `json:"changes,omitempty"`
	// Void is set if the request was edited after the vote. The vote then does not count, and its voter is asked again.
	Void      bool   `json:"void,omitempty"`
	By        string `json:"by"`
	Principal string `json:"principal,omitempty"` // see Decision
	Claimed   string `json:"claimed,omitempty"`   // see Decision
	Comment   string `json:"comment,omitempty"`
	// CommentDigest is set when the comment is cut, see DigestOfComment.
	CommentDigest string    `json:"comment_digest,omitempty"`
	Via           Via       `json:"via"`
	Source        string    `json:"source,omitempty"`
	At            time.Time `json:"at"`
	ShownDigest   string    `json:"shown,omitempty"` // see Decision
	// ConfirmedBy is the principal of the second operator, where an operator's decision needs one.
	ConfirmedBy string `json:"confirmed_by,omitempty"`
}

// nameProgram completes a decision of a program: its principal and, if it names no person, its maker.
func (d *Decision) nameProgram() {
	if program := programOf(d.Via, d.Principal, d.Source); program != "" {
		d.Principal = program
	}
	if d.By == "" && d.Source != "" {
		d.By = sourceName(d.Source)
	}
}

// namesOtherPrincipal reports whether the decision is in the name of a program that did not send it.
func (d Decision) namesOtherPrincipal() bool {
	by := string(NewPersonID(d.By))
	switch {
	case d.By == sourceName(d.Source):
		return false
	case strings.HasPrefix(by, apiPrefix), strings.HasPrefix(by, operatorPrefix):
		return d.By != d.Principal
	}
	return strings.HasPrefix(by, sourcePrefix)
}

// program returns the principal of the program that sent the vote, or "" for the vote of a person or an operator.
func (v Vote) program() string { return programOf(v.Via, v.Principal, v.Source) }

// programOf returns the principal of a program. Records of older versions have only its source.
func programOf(via Via, principal, source string) string {
	switch via {
	case ViaSNS, ViaWebhook, ViaAPI:
	default:
		return ""
	}
	switch {
	case principal != "":
		return principal
	case strings.HasPrefix(source, apiPrefix):
		return source
	case source == "":
		return ""
	}
	return sourceName(source)
}

// sourcePrefix marks the name of a source in a field that otherwise has the ID of a person.
const sourcePrefix = "source:"

func sourceName(source string) string { return sourcePrefix + source }
