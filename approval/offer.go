package approval

import "github.com/approval-relay/approval-relay/language"

// Offered lists the choices in the order of their buttons: those of the rules, or approve and reject.
func (r *DecisionRules) Offered() []Choice {
	if len(r.Choices) > 0 {
		return r.Choices
	}
	return []Choice{
		{ID: string(Approve), Means: Approve},
		{ID: string(Reject), Means: Reject},
	}
}

// NeedsInput reports whether a choice has fields or a required comment. A way in opens its form before it decides.
func (c Choice) NeedsInput() bool { return len(c.Fields) > 0 || c.Comment == CommentRequired }

// LabelIn returns the label of a choice in a language. A choice without a label is named by its ID, and a choice with the
// ID of an outcome by the word for it.
func (c Choice) LabelIn(tag language.Tag) string {
	if label := c.Label.In(tag); label != "" {
		return label
	}
	switch Outcome(c.ID) {
	case Approve, Reject, Return, Abstain:
		return language.For(tag).Text("choice." + c.ID)
	}
	return c.ID
}

// Admits returns the verdict that refuses every decision of a sender, such as VerdictNotApprover, or the empty code if the
// sender may decide. It does not look at the state of the approval, nor at what is decided.
func (a *Approval) Admits(d Decision) VerdictCode { return a.refusalOf(d) }
