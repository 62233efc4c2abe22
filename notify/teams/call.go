package teams

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/refusal"
)

// call is the press of a known person about a known approval.
type call struct {
	bot        *Bot
	activity   *activity
	press      press
	capability approval.Capability
	order      *approval.Order
	approval   *approval.Approval
	identity   identity
	by         string // one of the names of the identity
	tag        language.Tag
	words      language.Words
}

// denial is the reason why a press does not count: the refusal for the operator, and the key of the text for the person in
// package language.
type denial struct {
	why *refusal.Error
	key string
}

// Error implements error.
func (d *denial) Error() string { return d.why.Error() }

// Unwrap returns the refusal.
func (d *denial) Unwrap() error { return d.why }

func deny(code refusal.Code, field, detail, key string) *denial {
	return &denial{why: &refusal.Error{Code: code, Field: field, Detail: detail}, key: key}
}

// newCall finds the approval and the person of a press. The error is a *denial if the press does not count; any other error
// is temporary. The words of the call are set in any case.
func (h *Messages) newCall(ctx context.Context, bot *Bot, a *activity, p press) (*call, error) {
	c := &call{bot: bot, activity: a, press: p}
	h.speak(c)
	var err error
	if c.capability, err = h.openButton(ctx, p.token); err != nil {
		return c, badButton(err)
	}
	if err := h.read(ctx, c); err != nil {
		return c, err
	}
	h.speak(c)
	isAlias := func(name string) bool { _, known := h.Person(name); return known }
	if c.identity, err = bot.directory.find(ctx, a, isAlias); err != nil {
		return c, err
	}
	h.choose(c)
	h.speak(c)
	return c, nil
}

// choose sets the name under which a person decides: that which the approval asks. A person who has requested the approval
// under any of the names does not decide it under another.
func (h *Messages) choose(c *call) {
	isAdmitted := false
	for i, name := range c.identity.names {
		id, _ := h.Person(name)
		if id == "" {
			id = name
		}
		code := c.approval.Admits(approval.Decision{By: id, Via: approval.ViaChat, Source: Source})
		if code == approval.VerdictRequester {
			c.by = id
			return
		}
		if i == 0 || code == "" && !isAdmitted {
			c.by = id
		}
		isAdmitted = isAdmitted || code == ""
	}
}

// openButton returns the approval of a button. A button that was sent before the deadline was extended is valid as long as
// those that are sent afterwards.
func (h *Messages) openButton(ctx context.Context, button string) (approval.Capability, error) {
	now := h.Now()
	c, err := h.Buttons.OpenButton(button, now)
	if !errors.Is(err, approval.ErrExpired) {
		return c, err
	}
	o, getErr := h.Orders.Get(ctx, c.OrderID)
	if getErr != nil {
		return c, err
	}
	if a := o.FindApproval(c.ApprovalID); a == nil || !a.LinkExpires().After(now) {
		return c, err
	}
	return c, nil
}

// badButton returns the denial of a button that cannot be opened.
func badButton(err error) *denial {
	if errors.Is(err, approval.ErrExpired) {
		return deny(refusal.Stale, "token", "the time of the button has passed", "teams.refused.button")
	}
	return deny(refusal.Mismatch, "token",
		"the button was not made by this worker, or the key that signed it was removed from the key file", "teams.refused.button")
}

// read reads the order of a call.
func (h *Messages) read(ctx context.Context, c *call) error {
	gone := deny(refusal.Stale, "token", "the approval of the button is no longer recorded", "teams.refused.other")
	var err error
	c.order, err = h.Orders.Get(ctx, c.capability.OrderID)
	switch {
	case errors.Is(err, approval.ErrNotFound):
		return gone
	case err != nil && approval.IsPermanent(err):
		return invalidDecision()
	case err != nil:
		return err
	}
	if c.approval = c.order.FindApproval(c.capability.ApprovalID); c.approval == nil {
		return gone
	}
	return nil
}

// speak sets the language of the answers: that of the person or, if it is unknown, that of the workflow.
func (h *Messages) speak(c *call) {
	var m approval.Message
	if c.approval != nil {
		m.Workflow = c.approval.Workflow
	}
	h.Dress(&m, c.by)
	c.tag, c.words = m.Language, language.For(m.Language)
}

// decide records a decision. The digest of the shown content goes with it where the approval has choices or a form of its own,
// and where the content has changed since. Otherwise the vote is recorded as it always was.
func (h *Messages) decide(
	ctx context.Context, c *call, choice approval.Choice, values json.RawMessage, comment string,
) (approval.Verdict, error) {
	d := approval.Decision{
		ID:         c.decisionID(choice),
		ApprovalID: c.capability.ApprovalID,
		Outcome:    choice.Means,
		Values:     values,
		Comment:    comment,
		By:         c.by,
		Via:        approval.ViaChat,
		Source:     Source,
	}
	if c.approval.HasOwnRules() {
		d.Choice = choice.ID
	}
	shown := c.capability.Shown
	if c.hasRules() || shown != c.order.ContentDigest(c.approval) {
		d.ShownDigest = shown
	}
	return h.Decider.Decide(ctx, c.capability.OrderID, d)
}

// hasRules reports whether the approval declares choices, a form or edits.
func (c *call) hasRules() bool { return c.approval.HasOwnRules() || len(c.approval.Edits) > 0 }

// decisionID returns the ID of a decision: the same for a second press of the same button. After an edit of the request the
// digest differs, so the person can decide again.
func (c *call) decisionID(choice approval.Choice) string {
	text := c.capability.ApprovalID + "\x00" + c.activity.From.AADObjectID + "\x00" + choice.ID
	if c.hasRules() {
		text += "\x00" + c.capability.Shown
	}
	sum := sha256.Sum256([]byte(text))
	return "teams-" + hex.EncodeToString(sum[:8])
}

// mayNotDecide returns the reason to open no form for a person, or nil. The decision is judged when the form is sent,
// whatever this says.
func (c *call) mayNotDecide() *denial {
	if code := c.approval.Admits(approval.Decision{By: c.by, Via: approval.ViaChat, Source: Source}); code != "" {
		return c.refused(code)
	}
	if c.approval.Status != approval.Pending {
		return notCounted("teams.refused.closed", string(c.approval.Status))
	}
	hasVoted := func(v approval.Vote) bool { return !v.Void && approval.SamePerson(v.By, c.by) }
	if slices.ContainsFunc(c.approval.Votes, hasVoted) {
		return notCounted("teams.refused.voted", string(approval.VerdictRepeated))
	}
	return nil
}

// refused returns why a decision does not count.
func (c *call) refused(code approval.VerdictCode) *denial {
	if code == approval.VerdictNotApprover && c.identity.doubt != nil {
		return c.identity.doubt
	}
	key := "teams.refused.other"
	switch code {
	case approval.VerdictNotApprover, approval.VerdictRequester, approval.VerdictAssurance, approval.VerdictConflict,
		approval.VerdictLate, approval.VerdictSuperseded, approval.VerdictInvalid, approval.VerdictChanged:
		key = "teams.refused." + string(code)
	}
	return notCounted(key, string(code))
}

// notCounted returns the denial of a decision that does not count.
func notCounted(key, verdict string) *denial {
	return deny(refusal.Decision, "value.action", "the decision does not count: "+verdict, key)
}

// invalidDecision returns the denial of a decision that is not valid.
func invalidDecision() *denial { return notCounted("teams.refused.invalid", "it is not valid") }
