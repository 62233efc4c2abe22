package approval

import (
	"encoding/json"
	"time"

	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/language"
)

// MaxChoices is the number of choices of an approval, at most.
const MaxChoices = 8

// Choice is a way to decide an approval, such as a button of the page.
type Choice struct {
	ID    string        `json:"id"`
	Label language.Text `json:"label,omitempty"`
	// Means is the outcome for policies, metrics and the status.
	Means   Outcome     `json:"means"`
	Comment CommentRule `json:"comment,omitempty"`
	// Fields are the names of the form's fields that belong to this choice.
	Fields []string `json:"fields,omitempty"`
}

// CommentRule states whether a choice has a comment. The empty rule is CommentOptional.
type CommentRule string

// The rules for comments.
const (
	CommentOptional CommentRule = "optional"
	CommentRequired CommentRule = "required"
)

// DecisionRules are the choices, the form and the edits that an approval offers. The zero value offers approve and reject.
type DecisionRules struct {
	// Choices are the choices in the order of their buttons. If there are none, they are approve and reject.
	Choices []Choice  `json:"choices,omitempty"`
	Form    form.Form `json:"form,omitzero"`
	// Edits names the part of the request that a field replaces: the name of the field, and a JSON Pointer (RFC 6901)
	// into Content.
	Edits map[string]string `json:"edits,omitempty"`
	// Content is the body of the request without its task token or callback URL, as JSON. It is kept only if there are
	// Edits.
	Content json.RawMessage `json:"content,omitempty"`
	// Payload is the part of Content that the decision is about, as a JSON Pointer. The empty pointer is all of it.
	Payload string `json:"payload,omitempty"`
	// RequestDigest is the SHA-256, in hex, of the canonical JSON (RFC 8785) of the payload in its present state. It is
	// empty if the workflow wants no receipt and has no edits.
	RequestDigest string `json:"request_digest,omitempty"`
	// OriginalDigest is the digest of the payload before the first edit; empty if there was none.
	OriginalDigest string `json:"original_digest,omitempty"`
	// Agent is set if an agent sent the request in a shape of its own.
	Agent *AgentRequest `json:"agent,omitempty"`
	// Receipt adds a signed receipt to the answer. The receipt names the audience of the answer, and the version of the
	// workflow's rules when the request came.
	Receipt      bool   `json:"receipt,omitempty"`
	Audience     string `json:"audience,omitempty"`
	RulesVersion string `json:"rules_version,omitempty"`
	// MaxRounds bounds how often a question can be returned. In the last round, no choice returns it.
	MaxRounds int `json:"max_rounds,omitempty"`
}

// Change is an edit of the request by a decision.
type Change struct {
	Field string          `json:"field"`
	Path  string          `json:"path"` // a JSON Pointer
	From  json.RawMessage `json:"from"`
	To    json.RawMessage `json:"to"`
	By    string          `json:"by,omitempty"`
	At    time.Time       `json:"at,omitzero"`
}
