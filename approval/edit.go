package approval

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/canonical"
	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/jsonpointer"
)

// PresentValue returns the part of the request that a field of the form edits, as JSON. It returns false if the field
// edits none, or if this request does not have the part.
func (r *DecisionRules) PresentValue(field string) (json.RawMessage, bool) {
	pointer, edits := r.Edits[field]
	if !edits {
		return nil, false
	}
	return jsonpointer.Find(r.Content, pointer)
}

// FieldsOf returns the fields of a choice, in the order of the form. A field that edits a part of the request has its
// present value as its default.
func (r *DecisionRules) FieldsOf(c Choice) []form.Field {
	var out []form.Field
	for _, f := range r.Form.Fields {
		if !slices.Contains(c.Fields, f.Name) {
			continue
		}
		if present, found := r.PresentValue(f.Name); found {
			f.Default = present
		}
		out = append(out, f)
	}
	return out
}

// applyEdits makes the edits of a new vote: it changes the request, and the earlier votes become void, because they are
// about another content. It returns these votes.
func (o *Order) applyEdits(a *Approval, vote int, env Environment) []Vote {
	v := &a.Votes[vote]
	v.Changes = a.findChanges(*v)
	if len(v.Changes) == 0 {
		return nil
	}
	for _, c := range v.Changes {
		a.edit(c)
	}
	var voided []Vote
	for i := range a.Votes[:vote] {
		if earlier := &a.Votes[i]; !earlier.Void {
			earlier.Void = true
			voided = append(voided, *earlier)
		}
	}
	e := a.newEvent(EventEdited, env.Now)
	e.By = v.By
	e.Principal = v.Principal
	e.Claimed = v.Claimed
	e.Via = v.Via
	e.Source = v.Source
	e.Note = describeEdits(v.Changes)
	e.Attempt = len(voided)
	o.recordEvent(e)
	return voided
}

// describeEdits names the parts of the request that were edited, without their values.
func describeEdits(changes []Change) string {
	paths := make([]string, len(changes))
	for i, c := range changes {
		paths[i] = c.Path
	}
	return truncate(strings.Join(paths, ", "), maxReason)
}

// findChanges returns the edits of a vote: the values that differ from the parts of the request that they replace. A
// decision that does not approve edits nothing.
func (a *Approval) findChanges(v Vote) []Change {
	if len(a.Edits) == 0 || v.Outcome != Approve || len(v.Values) == 0 {
		return nil
	}
	var values map[string]json.RawMessage
	if err := json.Unmarshal(v.Values, &values); err != nil { // impossible for values that were checked
		return nil
	}
	var changes []Change
	for _, f := range a.Form.Fields {
		to, given := values[f.Name]
		from, found := a.PresentValue(f.Name)
		if given && found && !isSameJSON(from, to) {
			changes = append(changes, Change{
				Field: f.Name,
				Path:  a.Edits[f.Name],
				From:  from,
				To:    to,
				By:    v.By,
				At:    v.At,
			})
		}
	}
	return changes
}

// MaxEdits bounds the votes that edit a pending request. Two approvers undoing each other's edits would otherwise fill the
// record, and ask the others again for ever. At the end, somebody agrees, rejects, or asks for a new request.
const MaxEdits = 20

// faultsOfEdits returns the fault of a decision that edits a request once too often, or makes it too large. An operator
// decides, so the edits end there.
func (a *Approval) faultsOfEdits(d Decision) []form.Fault {
	changes := a.findChanges(newVote(d, Environment{}))
	if len(changes) == 0 {
		return nil
	}
	edits, size := 0, len(a.Content)
	for _, v := range a.Votes {
		if len(v.Changes) > 0 {
			edits++
		}
	}
	for _, c := range changes {
		size += len(c.To) - len(c.From)
	}
	switch {
	case size > MaxContent:
		return []form.Fault{{Field: changes[0].Field, Code: form.TooLarge, Want: "64 KiB"}}
	case edits >= MaxEdits && d.Via != ViaOperator:
		return []form.Fault{{Field: changes[0].Field, Code: form.TooMany, Want: "edits"}}
	}
	return nil
}

func isSameJSON(a, b json.RawMessage) bool {
	x, errX := canonical.JSON(a)
	y, errY := canonical.JSON(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// edit replaces a part of the request, wherever the approval has it: in the content, its digest, and the details.
func (a *Approval) edit(c Change) {
	content, err := jsonpointer.Replace(a.Content, c.Path, c.To)
	if err != nil { // impossible for a part that was found
		return
	}
	a.Content = content
	if a.OriginalDigest == "" {
		a.OriginalDigest = a.RequestDigest
	}
	a.RequestDigest = a.digestPayload()
	a.Details = slices.Clone(a.Details)
	for i := range a.Details {
		f := &a.Details[i]
		switch {
		case f.Path == c.Path:
			f.SetValue(textOfJSON(c.To))
		case f.Path != "" && strings.HasPrefix(c.Path, f.Path+"/"): // a part of a table or an object
			f.addChange(c.Path, textOfJSON(c.To))
		case f.Path == "" && f.LeftOut == nil && f.State == "":
			f.Outdated = true
		}
	}
}

// digestPayload returns the digest of the part of the content that the decision is about, or "" if there is none.
func (r *DecisionRules) digestPayload() string {
	payload, found := jsonpointer.Find(r.Content, r.Payload)
	if !found {
		return ""
	}
	digest, err := canonical.Digest(payload)
	if err != nil {
		return ""
	}
	return digest
}

// textOfJSON returns a value of a form as people read it.
func textOfJSON(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	var texts []string
	if json.Unmarshal(value, &texts) == nil {
		return strings.Join(texts, ", ")
	}
	return string(value)
}

// askAgain notifies the voters whose votes became void, because the request was edited.
func (a *Approval) askAgain(voided []Vote, env Environment) {
	if len(voided) == 0 {
		return
	}
	var voters []Approver
	for _, p := range a.Approvers {
		if slices.ContainsFunc(voided, func(v Vote) bool { return p.isNamedBy(v.By) }) {
			voters = append(voters, p)
		}
	}
	if len(voters) > 0 || len(a.Approvers) == 0 {
		a.notifyApprovers(NotifyRequest, voters, env)
	}
}
