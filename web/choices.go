package web

import (
	"slices"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/untrusted"
)

// choices lists the choices of the approval that the link or the sign-in permits.
func (v *visit) choices() []approval.Choice {
	return slices.DeleteFunc(slices.Clone(v.approval.Offered()), func(c approval.Choice) bool {
		return !v.allowsOutcome(c.Means)
	})
}

// findChoice returns the choice with an ID, or nil.
func (v *visit) findChoice(id string) *approval.Choice {
	choices := v.choices()
	if i := slices.IndexFunc(choices, func(c approval.Choice) bool { return c.ID == id }); i >= 0 {
		return &choices[i]
	}
	return nil
}

// allowsOutcome reports whether the link or the sign-in permits an outcome.
func (v *visit) allowsOutcome(o approval.Outcome) bool {
	return slices.Contains(v.capability.Allowed, o) || v.signedIn != ""
}

// needsInput reports whether a choice has to be opened before it can be decided: it has fields, or it requires a comment
// and none was typed yet.
func needsInput(c *approval.Choice, comment string) bool {
	return c.NeedsInput() && (len(c.Fields) > 0 || comment == "")
}

// label returns the label of a choice for its button.
func (r reader) label(c approval.Choice) string {
	return untrusted.SingleLine(c.LabelIn(r.Words.Tag()))
}

// hasOwnLabel reports whether the label of a choice says more than its outcome.
func hasOwnLabel(c approval.Choice) bool {
	return len(c.Label) > 0 || c.ID != string(c.Means)
}

// choiceOf returns the choice of a vote. A vote on an approval without choices of its own has the choice of its outcome.
func (v *visit) choiceOf(vote approval.Vote) approval.Choice {
	for _, c := range v.approval.Choices {
		if c.ID == vote.Choice {
			return c
		}
	}
	return approval.Choice{ID: string(vote.Outcome), Means: vote.Outcome}
}
