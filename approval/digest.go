package approval

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/approval-relay/approval-relay/form"
)

// shownContent is the content that an approver decides about. Empty members are left out, because a store does not
// distinguish an empty list from a missing list.
type shownContent struct {
	Order         string            `json:"order"`
	Approval      string            `json:"approval"`
	Title         string            `json:"title,omitempty"`
	Workflow      string            `json:"workflow,omitempty"`
	Step          string            `json:"step,omitempty"`
	Details       []Field           `json:"details,omitempty"`
	Execution     string            `json:"execution,omitempty"`
	Requester     string            `json:"requester,omitempty"`
	Choices       []Choice          `json:"choices,omitempty"`
	Form          form.Form         `json:"form,omitzero"`
	Edits         map[string]string `json:"edits,omitempty"`
	RequestDigest string            `json:"request_digest,omitempty"`
	Changes       []shownChange     `json:"changes,omitempty"`
	Questions     []shownQuestion   `json:"questions,omitempty"`
}

// shownChange is an edit of the request. It has no times, whose texts depend on the zone of the clock.
type shownChange struct {
	Path string          `json:"path"`
	From json.RawMessage `json:"from"`
	To   json.RawMessage `json:"to"`
	By   string          `json:"by,omitempty"`
}

// shownQuestion is a question to the requester, with its answer.
type shownQuestion struct {
	By     string `json:"by"`
	Text   string `json:"text"`
	Answer string `json:"answer,omitempty"`
}

// ContentDigest returns the SHA-256, in hex, of the content that is decided: the request in its present state, with its
// choices and its form. A way in that shows the request puts the digest into what it shows, and sends it back as
// Decision.ShownDigest: a decision that saw another content is refused as VerdictChanged. Status, votes and deadline are
// left out, because they change nothing about the question.
func (o *Order) ContentDigest(a *Approval) string {
	content := shownContent{
		Order:         o.ID,
		Approval:      a.ID,
		Title:         a.Title,
		Workflow:      a.Workflow,
		Step:          a.Step,
		Details:       a.Details,
		Execution:     a.Execution,
		Requester:     a.Requester,
		Choices:       a.Choices,
		Form:          a.Form,
		Edits:         a.Edits,
		RequestDigest: a.RequestDigest,
	}
	for _, q := range a.Questions {
		content.Questions = append(content.Questions, shownQuestion{By: q.By, Text: q.Text, Answer: q.Answer})
	}
	for _, c := range a.Changes() {
		content.Changes = append(content.Changes, shownChange{Path: c.Path, From: c.From, To: c.To, By: c.By})
	}
	text, err := json.Marshal(content)
	if err != nil { // impossible: AddRequest refuses content that is not JSON
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Changes lists the edits of the request, in order.
func (a *Approval) Changes() []Change { return ChangesOf(a.Votes) }

// ChangesOf lists the edits that votes have made, in order. The edits of a void vote were made too.
func ChangesOf(votes []Vote) []Change {
	var all []Change
	for _, v := range votes {
		all = append(all, v.Changes...)
	}
	return all
}
