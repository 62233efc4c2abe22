package teams

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/form"
)

// answerPress handles the press of a button: it records a decision, or answers with a form. Only the person who pressed
// sees the answer; the channel edits the card of all.
func (h *Messages) answerPress(ctx context.Context, bot *Bot, a *activity, p press) answerOf {
	c, err := h.newCall(ctx, bot, a, p)
	if err != nil {
		return h.fail(ctx, c, err)
	}
	if p.step == stepBack {
		return h.showPresent(ctx, c, "")
	}
	choice := c.approval.FindOffered(p.choice)
	if choice == nil {
		return h.fail(ctx, c, invalidDecision())
	}
	comment := strings.TrimSpace(p.text(commentInput))
	asks := choice.NeedsInput() && (len(choice.Fields) > 0 || comment == "")
	if p.step != stepSend && asks {
		return h.openForm(ctx, c, *choice)
	}
	verdict, err := h.decide(ctx, c, *choice, p.values(&c.approval.Form, choice.Fields), comment)
	switch {
	case err != nil && approval.IsPermanent(err):
		return h.fail(ctx, c, invalidDecision())
	case err != nil:
		return h.fail(ctx, c, err)
	case verdict.IsAccepted():
		h.Observer.TeamsInteractionAccepted()
		return h.showDecided(ctx, c, verdict)
	case verdict.Code == approval.VerdictInvalid:
		h.Log.InfoContext(ctx, "teams form has faults", "faults", len(verdict.Faults))
		return h.showForm(c, *choice, cardState{faults: verdict.Faults})
	case verdict.Code == approval.VerdictChanged:
		return h.showChanged(ctx, c, *choice)
	}
	return h.fail(ctx, c, c.refused(verdict.Code))
}

// openForm answers with the form of a choice.
func (h *Messages) openForm(ctx context.Context, c *call, choice approval.Choice) answerOf {
	if denied := c.mayNotDecide(); denied != nil {
		return h.fail(ctx, c, denied)
	}
	if c.capability.Shown != "" && c.capability.Shown != c.order.ContentDigest(c.approval) {
		return h.showChanged(ctx, c, choice)
	}
	return h.showForm(c, choice, cardState{})
}

// showForm shows a form with what was typed, and the faults of it.
func (h *Messages) showForm(c *call, choice approval.Choice, s cardState) answerOf {
	s.choice, s.press = &choice, &c.press
	shown, err := newBotCard(h.present(c), s)
	if err != nil {
		return textAnswer(c.words.Text("teams.use_page"))
	}
	return cardAnswer(shown)
}

// showChanged shows the request as it is now, because the person has seen another. A form stays, with what was typed.
func (h *Messages) showChanged(ctx context.Context, c *call, choice approval.Choice) answerOf {
	denied := c.refused(approval.VerdictChanged)
	h.record(ctx, denied.why, http.StatusOK)
	if err := h.read(ctx, c); err != nil {
		return h.fail(ctx, c, err)
	}
	h.Observer.TeamsInteractionRefused()
	if c.press.step == stepSend && c.approval.FindOffered(choice.ID) != nil {
		return h.showForm(c, choice, cardState{note: c.words.Text("teams.changed")})
	}
	return h.showPresent(ctx, c, c.words.Text(denied.key))
}

// showDecided shows the outcome, or that others must still decide.
func (h *Messages) showDecided(ctx context.Context, c *call, v approval.Verdict) answerOf {
	note := ""
	if v.Status == approval.Pending {
		note = c.words.Text("teams.recorded")
	}
	if err := h.read(ctx, c); err != nil { // it is decided nevertheless
		return textAnswer(c.words.Text("teams.decided"))
	}
	shown, err := newBotCard(h.present(c), cardState{note: note})
	if err != nil {
		return textAnswer(c.words.Text("teams.decided"))
	}
	return cardAnswer(shown)
}

// showPresent shows the request as it is now, with its buttons while it is pending.
func (h *Messages) showPresent(ctx context.Context, c *call, note string) answerOf {
	shown, err := newBotCard(h.present(c), cardState{note: note, hasButtons: true})
	if err != nil {
		return h.fail(ctx, c, err)
	}
	return cardAnswer(shown)
}

// present returns the message of an approval as it is now, for the person who pressed.
func (h *Messages) present(c *call) approval.Message {
	kind := approval.NotifyOutcome
	if c.approval.Status == approval.Pending {
		kind = approval.NotifyRequest
	}
	m := c.order.ComposeMessage(c.approval, &approval.Notification{Kind: kind})
	h.Dress(&m, c.by)
	if kind == approval.NotifyRequest {
		link := c.order.LinkCapability(c.approval, "")
		m.Link = approval.NewToken(h.Buttons.URL(link))
		link.Shown = c.order.ContentDigest(c.approval)
		m.Button = approval.NewToken(h.Buttons.ButtonToken(link))
	}
	return m
}

// fail answers a press that does not count, or that could not be handled now. A text is for the person alone.
func (h *Messages) fail(ctx context.Context, c *call, err error) answerOf {
	denied, ok := errors.AsType[*denial](err)
	if !ok {
		h.Observer.TeamsInteractionFailed()
		h.Log.WarnContext(ctx, "teams press failed", "error", err)
		return errorAnswer(http.StatusInternalServerError, "ServiceUnavailable", c.words.Text("teams.failed"))
	}
	h.Observer.TeamsInteractionRefused()
	h.record(ctx, denied.why, http.StatusOK)
	h.Log.InfoContext(ctx, "teams press refused", "code", string(denied.why.Code), "field", denied.why.Field)
	return textAnswer(c.words.Text(denied.key))
}

// values returns the values of the fields of a choice as JSON. They are judged where the decision is.
func (p *press) values(f *form.Form, fields []string) []byte {
	typed := map[string][]string{}
	for _, name := range fields {
		if field := f.Find(name); field != nil {
			typed[name] = typedStrings(*field, p.text(fieldInput(name)))
		}
	}
	return f.FromStrings(fields, typed, form.Locale{Language: form.Plain})
}
