package slack

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/slack-go/slack"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/refusal"
)

// answerPress handles the press of a button: it records a decision, or opens a modal. The error is temporary: Slack shows
// the failure, and the button can be pressed again.
func (i *Interactions) answerPress(ctx context.Context, app App, p press) (reply, error) {
	c, err := i.newCall(ctx, app, p.button, p.presser)
	if denied, ok := errors.AsType[*denial](err); ok {
		return i.deny(ctx, c, denied), nil
	}
	if err != nil {
		return reply{}, err
	}
	if p.opensModal {
		return i.openModal(ctx, c, p)
	}
	answer := answerOf{outcome: p.outcome}
	if p.choice != "" {
		choice := c.approval.FindOffered(p.choice)
		if choice == nil {
			return i.deny(ctx, c, invalidDecision()), nil
		}
		answer = c.answer(*choice)
	}
	verdict, err := i.decide(ctx, c, answer)
	switch {
	case err != nil && approval.IsPermanent(err):
		return i.deny(ctx, c, invalidDecision()), nil
	case err != nil:
		return reply{}, err
	case !verdict.IsAccepted():
		out := i.deny(ctx, c, c.refused(verdict))
		out.refresh = verdict.Code == approval.VerdictChanged
		return out, nil
	}
	i.Observer.SlackInteractionAccepted()
	if verdict.Status == approval.Pending && app.EditsMessages {
		return c.privateReply("slack.recorded"), nil
	}
	return reply{refresh: true, call: c}, nil
}

// openModal opens the form of a choice, or the form with a comment.
func (i *Interactions) openModal(ctx context.Context, c *call, p press) (reply, error) {
	if denied := c.mayNotDecide(); denied != nil {
		return i.deny(ctx, c, denied), nil
	}
	if c.capability.Shown != "" && c.capability.Shown != c.order.ContentDigest(c.approval) {
		out := i.deny(ctx, c, c.refused(approval.Verdict{Code: approval.VerdictChanged}))
		out.refresh = true
		return out, nil
	}
	m := c.newModal(p.button, p.choice)
	view := m.view()
	if p.choice != "" && m.choice == nil || view == nil || c.app.Open == nil {
		return c.privateReply("slack.use_page"), nil
	}
	var progress outbound.Progress
	err := c.app.Open(progress.ObserveRequest(ctx), p.trigger, *view)
	if err == nil {
		return reply{}, nil
	}
	refused, ok := errors.AsType[slack.SlackErrorResponse](err)
	switch {
	case ok && isLateTrigger(refused.Err):
		i.Log.InfoContext(ctx, "slack modal came too late", "error", judgeError(ctx, &progress, err))
		return c.privateReply("slack.too_slow"), nil
	case ok && !isTemporary(refused.Err):
		i.Observer.SlackInteractionFailed()
		i.Log.WarnContext(ctx, "slack modal refused", "error", judgeError(ctx, &progress, err))
		return c.privateReply("slack.use_page"), nil
	}
	return reply{}, judgeError(ctx, &progress, err)
}

// newModal returns the modal of a choice, or the modal with a comment if the choice is empty.
func (c *call) newModal(button, choice string) modal {
	m := modal{
		dialog: dialog{Button: button, Choice: choice},
		order:  c.order,
		rules:  c.approval,
		tag:    c.tag,
		words:  c.words,
	}
	if choice != "" {
		m.choice = c.approval.FindOffered(choice)
	}
	return m
}

// mayNotDecide returns the reason to open no form for a person, or nil. The decision is judged when
// the form is sent, whatever this says.
func (c *call) mayNotDecide() *denial {
	d := approval.Decision{By: c.identity.Approver, Via: approval.ViaChat, Source: Source}
	if code := c.approval.Admits(d); code != "" {
		return c.refused(approval.Verdict{Code: code})
	}
	if c.approval.Status != approval.Pending {
		return notCounted("slack.refused.closed", string(c.approval.Status))
	}
	hasVoted := func(v approval.Vote) bool { return !v.Void && approval.SamePerson(v.By, c.identity.Approver) }
	if slices.ContainsFunc(c.approval.Votes, hasVoted) {
		return notCounted("slack.refused.voted", string(approval.VerdictRepeated))
	}
	return nil
}

// refused returns why a decision does not count.
func (c *call) refused(v approval.Verdict) *denial {
	if v.Code == approval.VerdictNotApprover && c.identity.Doubt != nil {
		return c.identity.Doubt
	}
	return notCounted(refusalKey(v.Code), string(v.Code))
}

// isLateTrigger reports whether an error code means that the modal was opened too late, or twice
// (https://docs.slack.dev/reference/methods/views.open).
func isLateTrigger(code string) bool {
	return code == "expired_trigger_id" || code == "exchanged_trigger_id" || code == "trigger_expired"
}

// deny records that an interaction does not count, and returns the reply to its sender.
func (i *Interactions) deny(ctx context.Context, c *call, d *denial) reply {
	i.Observer.SlackInteractionRefused()
	i.record(ctx, d.why, http.StatusOK)
	i.Log.InfoContext(ctx, "slack press refused", "code", string(d.why.Code), "field", d.why.Field,
		"user", knownID(c.presser.User), "user_team", knownID(c.presser.Team), "app_team", knownID(c.presser.AppTeam),
		"enterprise", knownID(c.presser.Enterprise))
	return c.privateReply(d.key)
}

// invalidDecision returns the denial of a decision that is not valid.
func invalidDecision() *denial { return notCounted("slack.refused.invalid", "it is not valid") }

// gone returns the denial of a button whose approval is no longer recorded.
func gone() *denial {
	return &denial{
		why: &refusal.Error{
			Code:   refusal.Stale,
			Field:  "value",
			Detail: "the approval of the button is no longer recorded",
		},
		key: "slack.refused.other",
	}
}
