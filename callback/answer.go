package callback

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/canonical"
)

// timeFormat is RFC 3339 in UTC with milliseconds, as JavaScript's toISOString writes it.
const timeFormat = "2006-01-02T15:04:05.000Z07:00"

// ErrTooLong is the error of an answer that is longer than its target accepts, even without comments.
var ErrTooLong = approval.WithReasonCode(approval.ReasonInvalidAnswer, errors.New("the answer is too long"))

// isReserved reports whether a name is a name of the answer itself, in upper or lower case, because many JSON readers do
// not distinguish them. A configured addition cannot have such a name.
func isReserved(name string) bool {
	reserved := []string{
		"approved", "status", "orderId", "approvalId", "step", "approvalTimestamp", "reason", "error",
		"decision", "decisionId", "decidedBy", "via", "principal", "shownDigest", "comment", "votes", "truncated",
		"choice", "values", "changes", "receipt", "resume", "confirmedBy",
	}
	return slices.ContainsFunc(reserved, func(r string) bool { return strings.EqualFold(r, name) })
}

// CheckOutput reports a configured addition to an answer with a reserved name, or with a value that JSON cannot express.
// The error is approval.InvalidField for the field "output".
func CheckOutput(additions map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(additions)) {
		if isReserved(name) {
			return approval.InvalidField("output", "%.80q is a name of the answer itself", name)
		}
		if _, err := json.Marshal(additions[name]); err != nil {
			return approval.InvalidField("output", "%.80q cannot be written as JSON", name)
		}
	}
	return nil
}

// FitAnswer returns an answer as a JSON object of at most limit bytes. The same answer always has the same bytes: names in
// alphabetical order, no HTML escapes, invalid UTF-8 replaced.
//
// The object always has approved, status, orderId, approvalId and approvalTimestamp (the time when the approval closed).
// If a decision closed it, the object has decision ("approve", "reject", "return" or "abstain"), decisionId, decidedBy,
// via, principal, shownDigest and comment. The last two may be empty: a path to a missing name fails a state. Otherwise it
// has reason. It has step, error (errorName) and the configured additions if there are any, and votes if there are other
// votes than the deciding vote.
//
// An approval with choices or a form of its own also has changes, the edits of the request, and if a decision closed it
// choice and values. Where nothing was typed or changed, they are empty. It has reason if the deciding vote alone does not
// explain the end, such as the last of many abstentions. The object has a receipt if the answer has one, and resume, the
// value with which an agent resumes, if an agent asked in a shape of its own.
//
// If the object is too long, FitAnswer removes first the comments of the votes, then the votes, then what happened between
// the first and the last change of the same part, then the changes unless the request is approved, then the end of the
// comment, then the receipt, and adds "truncated": true. The additions are kept, or removed before the changes are merged
// if dropAdditions is set. The choice and its values are never cut. If the object is still too long, the error is
// ErrTooLong.
func FitAnswer(a approval.Answer, errorName string, limit int, dropAdditions bool) ([]byte, error) {
	text, err := encodeJSON(newFields(a, errorName))
	if err != nil || len(text) <= limit {
		return text, err
	}
	fields := newFields(a, errorName)
	fields.add("truncated", true)
	cuts := []func(){
		func() { removeComments(fields) },
		func() { fields.remove("votes") },
	}
	if dropAdditions {
		cuts = append(cuts, func() {
			fields = slices.DeleteFunc(fields, func(m member) bool { return !isReserved(m.name) })
		})
	}
	cuts = append(cuts,
		func() { mergeChanges(fields, a) },
		func() { removeChanges(fields, a.Status) },
		func() { shortenComment(fields, len(text)-limit) },
		func() { fields.remove("receipt") },
	)
	for _, cut := range cuts {
		cut()
		if text, err = encodeJSON(fields); err != nil || len(text) <= limit {
			return text, err
		}
	}
	return nil, fmt.Errorf("%w: %d bytes, the most is %d", ErrTooLong, len(text), limit)
}

// removeComments removes the comments of all votes but the last.
func removeComments(fields object) {
	field := fields.find("votes")
	if field == nil {
		return
	}
	votes, _ := field.value.([]vote)
	for i := range max(len(votes)-1, 0) {
		votes[i].Comment = ""
	}
}

// shortenComment removes at least excess bytes of JSON from the end of the comment, if it has as many, and adds "…".
func shortenComment(fields object, excess int) {
	field := fields.find("comment")
	if field == nil || field.text == "" {
		return
	}
	comment := field.text
	limit := lengthInJSON(comment) - excess
	// n is the first length that is too long; a length of n-1 fits, or no length does.
	n := sort.Search(len(comment), func(n int) bool { return lengthInJSON(comment[:n]+"…") > limit })
	field.text = strings.ToValidUTF8(comment[:max(n-1, 0)], "") + "…"
}

// lengthInJSON returns the number of bytes of s in JSON.
func lengthInJSON(s string) int {
	text, _ := encodeJSON(object{{text: s, isText: true}})
	return len(text)
}

// maxOwnFields is the number of fields that most answers have of their own, or a few less. It only saves growing a list.
const maxOwnFields = 16

// newFields returns the fields of the JSON object.
func newFields(a approval.Answer, errorName string) object {
	fields := make(object, 0, maxOwnFields+len(a.Output))
	for name, value := range a.Output {
		if !isReserved(name) {
			fields.add(name, value)
		}
	}
	fields.add("approved", a.Status == approval.Approved)
	fields.addText("status", string(a.Status))
	fields.addText("orderId", a.OrderID)
	fields.addText("approvalId", a.ApprovalID)
	if a.Receipt != "" {
		fields.addText("receipt", a.Receipt)
	}
	fields.addText("approvalTimestamp", a.ClosedAt.UTC().Format(timeFormat))
	if a.Step != "" {
		fields.addText("step", a.Step)
	}
	if errorName != "" {
		fields.addText("error", errorName)
	}
	deciding := approval.DecidingVote(a.Status, a.Votes)
	if deciding != nil {
		fields.addText("decision", string(deciding.Outcome))
		fields.addText("decisionId", deciding.DecisionID)
		fields.addText("decidedBy", deciding.By)
		fields.addText("via", string(deciding.Via))
		fields.addText("principal", deciding.AuthenticatedMaker())
		fields.addText("shownDigest", deciding.ShownDigest)
		fields.addText("comment", validUTF8(deciding.Comment))
		if deciding.ConfirmedBy != "" {
			fields.addText("confirmedBy", deciding.ConfirmedBy)
		}
	}
	if deciding == nil || a.HasOwnRules && a.Reason != "" {
		fields.addText("reason", a.Reason)
	}
	if len(a.Votes) > 1 || (len(a.Votes) == 1 && deciding == nil) {
		fields.add("votes", newVotes(a.Votes, a.HasOwnRules))
	}
	if a.Agent != nil {
		fields.add("resume", newResume(a, deciding))
	}
	if a.HasOwnRules {
		fields.add("changes", newChanges(approval.ChangesOf(a.Votes)))
		if deciding != nil {
			fields.addText("choice", deciding.Choice)
			fields.add("values", newValues(deciding.Values))
		}
	}
	return fields
}

// validUTF8 replaces invalid UTF-8 as JSON does, but each run of it only once.
func validUTF8(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

type vote struct {
	DecidedBy   string `json:"decidedBy"`
	Via         string `json:"via"`
	Principal   string `json:"principal"`
	ShownDigest string `json:"shownDigest"`
	Decision    string `json:"decision"`
	Comment     string `json:"comment"`
	At          string `json:"at"`
	// ConfirmedBy is the second operator, where an operator's decision needs one.
	ConfirmedBy string `json:"confirmedBy,omitempty"`
	// Only an approval with choices or a form of its own has the following.
	*choiceOfVote
}

type choiceOfVote struct {
	Choice  string          `json:"choice"`
	Values  json.RawMessage `json:"values"`
	Changes []change        `json:"changes"`
	Void    bool            `json:"void"`
}

type change struct {
	Path string          `json:"path"`
	From json.RawMessage `json:"from"`
	To   json.RawMessage `json:"to"`
	By   string          `json:"by"`
}

func newChanges(in []approval.Change) []change {
	out := make([]change, 0, len(in))
	for _, c := range in {
		out = append(out, change{Path: c.Path, From: canonicalJSON(c.From), To: canonicalJSON(c.To), By: c.By})
	}
	return out
}

// newValues returns the values of a vote as an object.
func newValues(values json.RawMessage) json.RawMessage {
	if len(values) == 0 {
		return json.RawMessage("{}")
	}
	return canonicalJSON(values)
}

// canonicalJSON returns a value in its canonical form. A store may have changed the escapes of a record.
func canonicalJSON(value json.RawMessage) json.RawMessage {
	text, err := canonical.JSON(value)
	if err != nil { // a part of the request that JSON readers do not keep exactly
		return value
	}
	return text
}

func newVotes(in []approval.Vote, hasOwnRules bool) []vote {
	out := make([]vote, 0, len(in))
	for _, v := range in {
		out = append(out, newVote(v, hasOwnRules))
	}
	return out
}

func newVote(v approval.Vote, hasOwnRules bool) vote {
	out := vote{
		DecidedBy:   v.By,
		Via:         string(v.Via),
		Principal:   v.AuthenticatedMaker(),
		ShownDigest: v.ShownDigest,
		Decision:    string(v.Outcome),
		Comment:     validUTF8(v.Comment),
		At:          v.At.UTC().Format(timeFormat),
		ConfirmedBy: v.ConfirmedBy,
	}
	if hasOwnRules {
		out.choiceOfVote = &choiceOfVote{
			Choice:  v.Choice,
			Values:  newValues(v.Values),
			Changes: newChanges(v.Changes),
			Void:    v.Void,
		}
	}
	return out
}
