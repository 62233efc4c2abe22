package approval

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"github.com/approval-relay/approval-relay/canonical"
	"github.com/approval-relay/approval-relay/form"
)

// Names of the faults that are not about a field of the form.
const (
	faultChoice  = "choice"
	faultComment = "comment"
)

// HasOwnRules reports whether the approval has choices or a form of its own. Otherwise it offers approve and reject, and
// neither its record nor its answer names choices and values.
func (r *DecisionRules) HasOwnRules() bool { return len(r.Choices) > 0 || len(r.Form.Fields) > 0 }

// FindOffered returns the offered choice with this ID, or nil.
func (r *DecisionRules) FindOffered(id string) *Choice {
	offered := r.Offered()
	for i := range offered {
		if offered[i].ID == id {
			return &offered[i]
		}
	}
	return nil
}

// choose returns the choice that a decision makes: the choice that it names, or else the only choice that means its
// outcome. Where several choices mean the outcome, a choice with the outcome as its ID stands for it.
func (r *DecisionRules) choose(id string, outcome Outcome) (Choice, []form.Fault) {
	if id == "" && outcome == "" {
		return Choice{}, []form.Fault{{Field: faultChoice, Code: form.Missing, Want: listIDs(r.Offered())}}
	}
	fits := func(c Choice) bool {
		return (id == "" || c.ID == id) && (outcome == "" || c.Means == outcome)
	}
	offered := r.Offered()
	found := slices.IndexFunc(offered, fits)
	if found < 0 {
		return Choice{}, []form.Fault{{Field: faultChoice, Code: form.NotOffered, Want: listIDs(r.alternatives(id, outcome))}}
	}
	if !slices.ContainsFunc(offered[found+1:], fits) {
		return offered[found], nil
	}
	for _, c := range offered {
		if c.ID == string(outcome) && fits(c) {
			return c, nil
		}
	}
	offered = slices.DeleteFunc(slices.Clone(offered), func(c Choice) bool { return !fits(c) })
	return Choice{}, []form.Fault{{Field: faultChoice, Code: form.Missing, Want: listIDs(offered)}}
}

// alternatives returns the choices that can take the place of one that does not fit. If its only fault is that it means
// another outcome than the decision has, they are the choices with that outcome.
func (r *DecisionRules) alternatives(id string, outcome Outcome) []Choice {
	hasOutcome := func(c Choice) bool { return c.Means == outcome }
	if r.FindOffered(id) == nil || !slices.ContainsFunc(r.Offered(), hasOutcome) {
		return r.Offered()
	}
	return slices.DeleteFunc(slices.Clone(r.Offered()), func(c Choice) bool { return !hasOutcome(c) })
}

func listIDs(choices []Choice) string {
	var ids []string
	for _, c := range choices {
		ids = append(ids, c.ID)
	}
	return strings.Join(ids, ", ")
}

// settle completes a decision by these rules: with the outcome of its choice, the ID of the choice if the rules have
// choices of their own, and the values in their canonical form. It returns the choice, or every fault.
func (r *DecisionRules) settle(d Decision) (Decision, Choice, []form.Fault) {
	choice, faults := r.choose(d.Choice, d.Outcome)
	if len(faults) > 0 {
		return d, choice, faults
	}
	values, faults := r.Form.CheckValues(choice.Fields, d.Values)
	if len(faults) > 0 {
		return d, choice, faults
	}
	d.Outcome = choice.Means
	d.Choice = choice.ID
	d.Values = json.RawMessage(values)
	if !r.HasOwnRules() {
		d.Choice = ""
	}
	return d, choice, nil
}

// CheckDecision returns the faults of the choice, the values and the comment of a decision under these rules.
func (r *DecisionRules) CheckDecision(d Decision) []form.Fault {
	_, choice, faults := r.settle(d)
	return append(faults, r.faultsOfChoice(choice, d)...)
}

// faultsOfChoice returns the faults of a decision by the demands of its choice. A zero choice has none.
func (r *DecisionRules) faultsOfChoice(choice Choice, d Decision) []form.Fault {
	var faults []form.Fault
	if choice.Comment == CommentRequired && isBlank(d.Comment) {
		faults = append(faults, form.Fault{Field: faultComment, Code: form.Missing})
	}
	if choice.Means == Abstain && d.Via == ViaOperator { // an operator decides, and an abstention decides nothing
		faults = append(faults, form.Fault{Field: faultChoice, Code: form.NotOffered, Want: listIDs(r.forOperators())})
	}
	return faults
}

// isBlank reports whether a text has nothing to read: only spaces, and characters that nobody sees.
func isBlank(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
	})
}

func (r *DecisionRules) forOperators() []Choice {
	return slices.DeleteFunc(slices.Clone(r.Offered()), func(c Choice) bool { return c.Means == Abstain })
}

// isSameAs reports whether two settled decisions are the same: the choice and the values count, not the comment.
func (v Vote) isSameAs(d Decision) bool {
	return v.Outcome == d.Outcome && v.Choice == d.Choice && digestValues(v.Values) == digestValues(d.Values)
}

// digestValues returns the SHA-256 of values in their canonical form, in hex, or "" if there are none. A store may have
// changed the escapes of a record, so that equal values can have other bytes.
func digestValues(values json.RawMessage) string {
	if len(values) == 0 {
		return ""
	}
	text, err := canonical.JSON(values)
	if err != nil { // the values of a waiting decision, which are not judged yet
		text = bytes.TrimSpace(values)
	}
	if string(text) == "{}" {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// isSame reports whether a decision is the judged decision, delivered again. The approval may be nil, because it was
// removed.
func (j JudgedDecision) isSame(d Decision, a *Approval) bool {
	var rules DecisionRules
	switch {
	case a != nil:
		rules = a.DecisionRules
	case j.Choice != "": // the rules are gone
		return (d.Choice == j.Choice || d.Choice == "" && d.Outcome == j.Outcome) && j.ValuesDigest == digestValues(d.Values)
	}
	settled, _, _ := rules.settle(d) // an invalid decision stays as it came, also in the verdict
	return j.Outcome == settled.Outcome && j.Choice == settled.Choice &&
		j.ValuesDigest == digestValues(settled.Values)
}
