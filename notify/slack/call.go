package slack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/refusal"
)

// call is an interaction of a known person about a known approval.
type call struct {
	app        App
	capability approval.Capability
	order      *approval.Order
	approval   *approval.Approval
	presser    Presser
	identity   Identity
	tag        language.Tag
	words      language.Words
}

// denial is the reason why an interaction does not count: the refusal for the operator, and the key of the reply to the
// person in package language.
type denial struct {
	why *refusal.Error
	key string
}

// Error implements error.
func (d *denial) Error() string { return d.why.Error() }

// Unwrap returns the refusal.
func (d *denial) Unwrap() error { return d.why }

// newCall finds the approval and the person of an interaction. The error is a *denial if the interaction does not
// count; any other error is temporary. The words of the call are set in any case.
func (i *Interactions) newCall(ctx context.Context, app App, button string, p Presser) (*call, error) {
	c := &call{app: app, presser: p}
	i.speak(c, "", "")
	var err error
	if c.capability, err = i.openButton(ctx, button); err != nil {
		return c, badButton(err)
	}
	if err := i.read(ctx, c); err != nil {
		return c, err
	}
	i.speak(c, "", c.approval.Workflow)
	if c.identity, err = app.Directory.FindApprover(ctx, p); err != nil {
		return c, err
	}
	i.speak(c, c.identity.Approver, c.approval.Workflow)
	return c, nil
}

// read reads the order of a call.
func (i *Interactions) read(ctx context.Context, c *call) error {
	var err error
	c.order, err = i.Orders.Get(ctx, c.capability.OrderID)
	switch {
	case errors.Is(err, approval.ErrNotFound):
		return gone()
	case err != nil && approval.IsPermanent(err):
		return invalidDecision()
	case err != nil:
		return err
	}
	if c.approval = c.order.FindApproval(c.capability.ApprovalID); c.approval == nil {
		return gone()
	}
	return nil
}

// speak sets the language of the replies: that of the person or, if it is unknown, that of the workflow.
func (i *Interactions) speak(c *call, approver, workflow string) {
	if i.Language != nil {
		c.tag = i.Language(approver, workflow)
	}
	c.words = language.For(c.tag)
}

// answerOf is the decision of a person.
type answerOf struct {
	outcome approval.Outcome
	choice  string // empty for the choices of an approval that declares none
	values  json.RawMessage
	comment string
}

// decide records a decision. The digest of the shown content goes with it where the approval has choices or a form of its own,
// and where the content has changed since. Otherwise the vote is recorded as it always was.
func (i *Interactions) decide(ctx context.Context, c *call, answer answerOf) (approval.Verdict, error) {
	d := approval.Decision{
		ID:         c.decisionID(answer),
		ApprovalID: c.capability.ApprovalID,
		Outcome:    answer.outcome,
		Choice:     answer.choice,
		Values:     answer.values,
		Comment:    answer.comment,
		By:         c.identity.Approver,
		Via:        approval.ViaChat,
		Source:     Source,
	}
	shown := c.capability.Shown
	if c.hasRules() || shown != c.order.ContentDigest(c.approval) {
		d.ShownDigest = shown
	}
	return i.Decider.Decide(ctx, c.capability.OrderID, d)
}

// hasRules reports whether the approval declares choices, a form or edits.
func (c *call) hasRules() bool { return c.approval.HasOwnRules() || len(c.approval.Edits) > 0 }

// decisionID returns the ID of a decision: the same for a second press of the same button. After an edit of the request the
// digest differs, so the person can decide again.
func (c *call) decisionID(answer answerOf) string {
	name := answer.choice
	if name == "" {
		name = string(answer.outcome)
	}
	text := c.capability.ApprovalID + "\x00" + c.presser.User + "\x00" + name
	if c.hasRules() {
		text += "\x00" + c.capability.Shown
	}
	sum := sha256.Sum256([]byte(text))
	return "slack-" + hex.EncodeToString(sum[:8])
}

// answer returns the decision for a choice.
func (c *call) answer(choice approval.Choice) answerOf {
	answer := answerOf{outcome: choice.Means}
	if c.approval.HasOwnRules() {
		answer.choice = choice.ID
	}
	return answer
}
