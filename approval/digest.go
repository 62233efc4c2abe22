package approval

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// ContentDigest returns the SHA-256, in hex, of what an approver is asked: the request in its present state, with its
// choices and its form. A way in that shows the request puts the digest into what it shows, and sends it back as
// Decision.ShownDigest: a decision that saw another content is refused as VerdictChanged. Status, votes and deadline are
// left out: they do not change what is decided.
func (o *Order) ContentDigest(a *Approval) string {
	text, err := json.Marshal([]any{
		o.ID, a.ID, a.Title, a.Workflow, a.Step, a.Details, a.Execution, a.Requester, a.Choices, a.Form, a.Edits,
		a.changes(), a.Questions,
	})
	if err != nil { // impossible for strings
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// changes lists the edits of the request, in order.
func (a *Approval) changes() []Change {
	var all []Change
	for _, v := range a.Votes {
		all = append(all, v.Changes...)
	}
	return all
}
